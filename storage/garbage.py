"""Garbage of the lake: what it holds, what of that nobody needs, and the collection that removes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from actions.crash import crashpoint
from storage.lake import Lake
from storage.parts import Held
from storage.pins import pinned
from storage.store import Store
from storage.tables import Snapshot
from storage.unit import Unit
from storage.work import SnapshotState

#: After this time an import that did not come to its end is given up.
GIVEN_UP = timedelta(days=1)
#: So long after a collection the next ones look for what it may have left.
AGAIN = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Kept:
    """A snapshot that the database knows, and what the lake holds of it.

    Attributes:
        whole: whether all of its parts are there.
        pinned: whether it stays because a digest or a dispute tells figures of it.
        goes: when it may be collected; None while something needs it.
    """

    row: Snapshot
    bytes: int
    whole: bool
    pinned: bool
    goes: datetime | None

    def to_data(self) -> dict[str, Any]:
        """Plain data, as the command line prints it."""
        return {
            "id": self.row.id,
            "source": self.row.source,
            "billing_account": self.row.billing_account,
            "billing_period": self.row.billing_period.isoformat(),
            "state": self.row.state,
            "since": self.row.since,
            "rows": self.row.rows,
            "bytes": self.bytes,
            "whole": self.whole,
            "pinned": self.pinned,
            "goes": self.goes,
        }


@dataclass(frozen=True, slots=True)
class Stock:
    """All that the lake holds.

    Attributes:
        unknown: the bytes of snapshots that this database does not know, by id: nothing touches them.
    """

    snapshots: list[Kept]
    unknown: dict[str, int]

    def due(self, now: datetime) -> list[Kept]:
        """What a collection removes now."""
        return [one for one in self.snapshots if one.goes is not None and one.goes <= now]


def stock(lake: Lake, store: Store, keep: timedelta) -> Stock:
    """Look at everything, and change nothing.

    Args:
        keep: how long a snapshot stays after another one took its place.
    """
    held = lake.place.held()
    table: Any = Snapshot
    order = (table.source, table.billing_account, table.billing_period, table.published_at)
    with store.reading() as session:
        rows = list(session.scalars(select(table).order_by(*order)))
        pins = pinned(session)
    nothing = Held({})
    known = [
        _kept(row, held.get(row.id, nothing), pinned=row.id in pins, keep=keep)
        for row in rows
        if row.state != SnapshotState.COLLECTED or row.id in held
    ]
    return Stock(known, _unknown(held, rows))


def _kept(row: Snapshot, held: Held, *, pinned: bool, keep: timedelta) -> Kept:
    stays = pinned and row.state == SnapshotState.SUPERSEDED
    after = {
        SnapshotState.STAGED: GIVEN_UP,
        SnapshotState.SUPERSEDED: None if stays else keep,
        SnapshotState.COLLECTED: timedelta(0),
    }.get(SnapshotState(row.state))
    return Kept(row, held.bytes, held.whole(row.files), pinned, None if after is None else row.since + after)


def _unknown(held: Mapping[str, Held], rows: list[Snapshot]) -> dict[str, int]:
    known = {row.id for row in rows}
    return {snapshot: one.bytes for snapshot, one in sorted(held.items()) if snapshot not in known}


def due(session: Session, now: datetime, keep: timedelta) -> bool:
    """Whether there may be something to collect."""
    table: Any = Snapshot
    left = and_(table.state == str(SnapshotState.COLLECTED), table.since > now - AGAIN)
    query = select(table.id).where(or_(_over(now, keep), left)).limit(1)
    return session.execute(query).first() is not None


def _over(now: datetime, keep: timedelta) -> Any:
    table: Any = Snapshot
    return or_(
        and_(table.state == str(SnapshotState.SUPERSEDED), table.since <= now - keep),
        and_(table.state == str(SnapshotState.STAGED), table.since <= now - GIVEN_UP),
    )


def collect(lake: Lake, store: Store, keep: timedelta, *, actor: str, now: datetime) -> list[Snapshot]:
    """Remove what nobody needs any more, and what former collections left; say what of it is new.

    The rows move first: an import that is given up here can publish no more, and a reader that asks the
    rows is sent to no file that goes. Only files of such rows are removed: a database that does not know
    this lake cannot empty it.
    """
    with store.writing(now) as unit:
        taken = _take(unit, keep, actor)
    crashpoint("snapshot.collected")
    held = lake.place.held()
    table: Any = Snapshot
    with store.reading() as session:
        query = select(table.id).where(table.state == str(SnapshotState.COLLECTED))
        gone = held.keys() & set(session.execute(query).scalars())
    lake.counted_by.forget(sorted(gone))
    with lake.staging() as aside:  # which sweeps what a dead collection has there, too
        lake.place.remove(gone, aside)
    return taken


def _take(unit: Unit, keep: timedelta, actor: str) -> list[Snapshot]:
    table: Any = Snapshot
    query = select(table).where(_over(unit.now, keep)).order_by(table.id).with_for_update()
    over = list(unit.session.scalars(query))
    pins = pinned(unit.session)
    taken = [row for row in over if row.id not in pins]
    for row in taken:
        before = {"state": row.state, "since": row.since, "rows": row.rows, "totals": row.totals}
        unit.move(row, SnapshotState.COLLECTED, since=unit.now)
        unit.record(
            "snapshot.collect",
            actor=actor,
            subject=row.id,
            before=before,
            after={
                "source": row.source,
                "billing_account": row.billing_account,
                "billing_period": row.billing_period,
                "files": [one["name"] for one in row.files],
            },
        )
    return taken
