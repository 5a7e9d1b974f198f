"""As of when: a published digest, a snapshot or a moment, and which snapshots and entries counted then."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from spend import canonical
from spend.errors import NotFound
from storage import ledger, records, tables
from storage.work import SnapshotState

DAY = re.compile(r"\d{4}-\d\d-\d\d")
#: Shorter beginnings of an id tell nothing.
SHORTEST = 4


@dataclass(frozen=True, slots=True)
class AsOf:
    """What counted at a moment.

    Attributes:
        asked: how it was asked for.
        at: the ledger counts what was written until then.
        snapshots: the deliveries that figures were made of.
    """

    asked: str
    at: datetime
    snapshots: tuple[tables.Snapshot, ...]

    def to_data(self) -> dict[str, Any]:
        """Plain data, as the command line prints it."""
        at = canonical.data(self.at)
        return {"asked": self.asked, "at": at, "snapshots": [row.id for row in self.snapshots]}


def resolve(session: Session, asked: str) -> AsOf:
    """What a text means: the id of a digest or a snapshot, its beginning, a moment, or a day (its end, UTC).

    A digest counts the snapshots that it was made of. A snapshot means the moment at which it became
    current, and a moment the snapshots that were current then.

    Raises:
        NotFound: it means nothing, or several things, or nothing was known then.
    """
    if DAY.match(asked):
        at = _moment(asked)
        return AsOf(asked, at, _current(_once_current(session), at))
    digest = _named(session, tables.Digest, asked)
    if digest is not None:
        made_of = {row.id: row for row in records.snapshots(session, digest.figures["snapshots"])}
        return AsOf(asked, digest.published_at, tuple(made_of[key] for key in digest.figures["snapshots"]))
    snapshot = _named(session, tables.Snapshot, asked)
    if snapshot is None or not snapshot.files:
        raise NotFound(
            f"There is no digest and no snapshot {asked!r}. Write an id, 2026-11-02 or 2026-11-02T09:00Z."
        )
    others = (row for row in _once_current(session) if _bill(row) != _bill(snapshot))
    known = _current([*others, snapshot], snapshot.published_at)
    followed = ledger.first_written(session, snapshot.id) or snapshot.published_at
    return AsOf(asked, max(snapshot.published_at, followed), known)


def sent(session: Session, asked: str, *, team: str | None, week: date | None) -> tables.Digest:
    """The digest with this id, or the last one that a team had been sent by a moment.

    Args:
        week: only the digest of the week that begins on this day.

    Raises:
        NotFound: there is no such digest.
    """
    table: Any = tables.Digest
    if not DAY.match(asked):
        found = _named(session, tables.Digest, asked)
    elif team is None:
        raise NotFound("Name the team whose digest is meant, or the id of the digest.")
    else:
        query = select(table).where(table.team == team, table.published_at <= _moment(asked))
        query = query if week is None else query.where(table.week == week)
        found = session.execute(query.order_by(table.published_at.desc()).limit(1)).scalar()
    if found is None:
        raise NotFound(f"There is no digest {asked!r}{f' of {team}' if team else ''} that was sent.")
    row: tables.Digest = found
    return row


def without_files(rows: Iterable[tables.Snapshot]) -> list[str]:
    """The ids of those whose line items are gone."""
    return [row.id for row in rows if row.state == SnapshotState.COLLECTED]


def _moment(asked: str) -> datetime:
    try:
        if DAY.fullmatch(asked):
            return datetime.combine(date.fromisoformat(asked), time.max, UTC)
        found = datetime.fromisoformat(asked)
    except ValueError:
        raise NotFound(f"{asked!r} is no moment; write it as 2026-11-02 or 2026-11-02T09:00Z.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _once_current(session: Session) -> list[tables.Snapshot]:
    """All snapshots that ever were current, in the order in which they became so.

    One that has the name of its files in its row was; of two at one moment the later one is current still.
    """
    table: Any = tables.Snapshot
    found = session.execute(select(table).order_by(table.published_at)).scalars()
    rows = [row for row in found if row.files]
    return sorted(rows, key=lambda row: (row.published_at, row.state == SnapshotState.CURRENT))


def _current(rows: Iterable[tables.Snapshot], at: datetime) -> tuple[tables.Snapshot, ...]:
    """Those that were current at a moment, in the order of their bills.

    Raises:
        NotFound: there was none yet.
    """
    rows = list(rows)
    last = {_bill(row): row for row in rows if row.published_at <= at}
    if not last:
        first = (
            f"the first one came {rows[0].published_at:%Y-%m-%d %H:%M} UTC" if rows else "there is none yet"
        )
        raise NotFound(f"There was no bill at {at:%Y-%m-%d %H:%M} UTC: {first}.")
    return tuple(last[bill] for bill in sorted(last))


def _bill(row: tables.Snapshot) -> tuple[date, str, str]:
    return row.billing_period, row.source, row.billing_account


def _named(session: Session, kind: type[tables.Row], asked: str) -> Any:
    table: Any = kind
    if len(asked) < SHORTEST:
        return None
    query = select(table).where(table.id.startswith(asked, autoescape=True)).limit(2)
    found = list(session.execute(query).scalars())
    if len(found) > 1 and found[0].id != asked != found[1].id:
        raise NotFound(f"Several ids begin with {asked!r}; write more of it.")
    return next((row for row in found if row.id == asked), found[0] if found else None)
