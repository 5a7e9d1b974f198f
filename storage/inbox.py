"""The inbox: what Slack delivers is acted on once, in the same transaction as what it leads to.

A press can be noted first: then Slack is answered before anything is acted on, and whoever comes
after a crash finds the press and acts on it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from storage import tables
from storage.unit import Unit

#: How long a delivery is remembered; Slack repeats one within the hour.
KEPT = timedelta(days=7)


class AlreadySeen(Exception):
    """This delivery was acted on before: there is nothing left to do, and nothing to tell."""


@dataclass(slots=True)
class Delivery:
    """What this thread answers.

    Attributes:
        noted: it was noted, and waits to be acted on.
        kept: its key is committed with what it led to.
    """

    key: str
    at: datetime
    noted: bool
    kept: bool = False


_CURRENT: ContextVar[Delivery | None] = ContextVar("delivery", default=None)


@contextmanager
def answering(key: str, now: datetime, *, noted: bool = False) -> Iterator[Delivery]:
    """Whatever this thread writes first within the block is written once for this key.

    A second delivery raises `AlreadySeen` where the first one wrote, and waits for it if it is
    still under way. What was refused and rolled back has not taken the key.

    Args:
        noted: the delivery was noted, and waits to be acted on.
    """
    delivery = Delivery(key, now, noted)
    before = _CURRENT.set(delivery)
    try:
        yield delivery
    finally:
        _CURRENT.reset(before)


def admit(unit: Unit) -> None:
    """Begin a unit of work with the key of the delivery that it answers.

    Raises:
        AlreadySeen: another unit of work took it.
    """
    found = _CURRENT.get()
    if found is None or found.kept:
        return
    first = (
        settle(unit, found.key)
        if found.noted
        else unit.add_once(tables.Inbox, {"key": found.key, "at": found.at})
    )
    if not first:
        raise AlreadySeen(found.key)


def committed() -> None:
    """The key stands: what else this delivery writes needs it no more."""
    if (found := _CURRENT.get()) is not None:
        found.kept = True


def note(unit: Unit, key: str, body: Mapping[str, Any]) -> bool:
    """Keep a press until it is acted on; say whether that is still to be done."""
    if unit.add_once(tables.Inbox, {"key": key, "at": unit.now, "body": body}):
        return True
    row = unit.session.get(tables.Inbox, key)
    return row is not None and row.body is not None


def settle(unit: Unit, key: str) -> bool:
    """A noted press is acted on, or never will be; say whether it was still waiting."""
    table: Any = tables.Inbox
    waiting = update(table).where(table.key == key, table.body.is_not(None)).values(body=None)
    result: CursorResult[Any] = unit.session.execute(  # type: ignore[assignment]
        waiting.execution_options(synchronize_session=False)
    )
    return result.rowcount == 1


def waiting(session: Session, before: datetime) -> list[tables.Inbox]:
    """The presses that were noted before this moment and not acted on yet, oldest first."""
    table: Any = tables.Inbox
    query = select(table).where(table.body.is_not(None), table.at < before).order_by(table.at)
    return list(session.execute(query).scalars())


def forget(unit: Unit) -> None:
    """Forget the deliveries that Slack does not repeat any more."""
    table: Any = tables.Inbox
    unit.session.execute(delete(table).where(table.at < unit.now - KEPT))
