"""One replica of a race: a process with its own store, in which several people press at the same instant."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from flows import approvals
from flows.desk import Desk
from spend.errors import Conflict, Refused
from storage import tables
from storage.lake import Lake
from storage.store import Store
from tests.flows.world import ORG, RUNBOOKS

WON, LATE = "won", "late"
#: A plan's id with the hash that its card shows.
Card = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Replica:
    """Where a process finds the records, and who presses in it, of all who may."""

    url: str
    home: str
    people: Sequence[str]
    everybody: Sequence[str]


def race(replica: Replica, cards: Sequence[Card], line: Any) -> list[list[str]]:
    """Press Approve on each card, all at the same instant; what became of each person's presses."""
    org = replace(ORG, groups={**ORG.groups, "platform-oncall": frozenset(replica.everybody)})
    with (
        closing(Store(replica.url)) as store,
        ThreadPoolExecutor(len(replica.people)) as pool,
    ):
        desk = Desk(store, Lake(Path(replica.home)), org, RUNBOOKS)
        return list(pool.map(lambda one: _press_all(desk, one, cards, line), replica.people))


def _press_all(desk: Desk, person: str, cards: Sequence[Card], line: Any) -> list[str]:
    return [_press(desk, person, card, line) for card in cards]


def _press(desk: Desk, person: str, card: Card, line: Any) -> str:
    key, shown = card
    line.wait()
    try:
        approvals.approve(desk, key, actor=person, shown=shown, now=_moment(desk, key), reason="it is unused")
    except (Conflict, Refused) as no:
        return f"{LATE}: {no}"
    return WON


def _moment(desk: Desk, key: str) -> datetime:
    """A moment at which the plan may be approved: the race is about order, not about clocks."""
    with desk.store.reading() as session:
        row = session.get(tables.Plan, key)
        assert row is not None
        return row.created_at
