"""The ledger as rows: entries are added, never edited; what stands is neither a reversal nor reversed."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, fields
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from spend.ledger import Entry
from spend.period import Period
from storage import tables
from storage.pins import RESTATED
from storage.unit import Unit

FIELDS = tuple(field.name for field in fields(Entry))
#: The finest step of a stored time.
TICK = timedelta(microseconds=1)


def standing(
    session: Session,
    *,
    period: Period | None = None,
    team: str | None = None,
    unowned: bool = False,
    keys: Collection[str] | None = None,
    as_of: datetime | None = None,
) -> list[Entry]:
    """The entries that count, in order.

    Args:
        period: only these days.
        team: only what this team bears.
        unowned: only what nobody owns.
        keys: only these entries.
        as_of: what counted at this moment, instead of now.
    """
    table: Any = tables.Entry
    later: Any = aliased(tables.Entry)
    taken_back = exists().where(later.reverses == table.id)
    query = _columns().where(table.reverses.is_(None))
    if as_of is not None:
        query, taken_back = query.where(table.at <= as_of), taken_back.where(later.at <= as_of)
    query = query.where(~taken_back.correlate(table))
    if period is not None:
        query = query.where(table.day >= period.start, table.day < period.end)
    if team is not None:
        query = query.where(table.team == team)
    if unowned:
        query = query.where(table.team.is_(None))
    if keys is not None:
        query = query.where(table.id.in_(list(keys)))
    return _read(session, query)


def of_snapshots(session: Session, snapshots: Collection[str]) -> list[Entry]:
    """Every entry written for these snapshots, reversals and rulings too."""
    table: Any = tables.Entry
    return _read(session, _columns().where(table.snapshot.in_(list(snapshots))))


def of_dispute(session: Session, dispute: str) -> list[Entry]:
    """The entries that a ruling wrote."""
    table: Any = tables.Entry
    return _read(session, _columns().where(table.dispute == dispute))


def written_since(session: Session, team: str, period: Period, moment: datetime) -> list[Entry]:
    """What was written of a team's days after a moment, reversals too: it adds up to their change."""
    table: Any = tables.Entry
    mine = (table.team == team, table.day >= period.start, table.day < period.end)
    return _read(session, _columns().where(*mine, table.at > moment))


def last_written(
    session: Session, *, team: str | None = None, period: Period | None = None
) -> dict[str, dict[date, datetime]]:
    """When each day of each team was written last."""
    table: Any = tables.Entry
    query = select(table.team, table.day, func.max(table.at)).group_by(table.team, table.day)
    query = query.where(table.team.is_not(None) if team is None else table.team == team)
    if period is not None:
        query = query.where(table.day >= period.start, table.day < period.end)
    found: dict[str, dict[date, datetime]] = {}
    for name, day, at in session.execute(query):
        found.setdefault(name, {})[day] = at
    return found


def first_written(session: Session, snapshot: str) -> datetime | None:
    """When the ledger followed a snapshot for the first time."""
    table: Any = tables.Entry
    own = (table.snapshot == snapshot, table.dispute.is_(None))
    return session.execute(select(func.min(table.at)).where(*own)).scalar()


def alone(unit: Unit) -> None:
    """Wait until nobody else writes in the ledger; held until the transaction ends."""
    unit.alone("ledger")


def post(unit: Unit, entries: Sequence[Entry]) -> None:
    """Add entries. An entry can be reversed once only: the database refuses a second reversal.

    They count from after whatever figures were told last, however long ago the import began that brings
    them: so the ledger as of the moment of a digest is what the digest was made of.
    """
    alone(unit)
    at = max([unit.now, *(told + TICK for told in _told(unit.session))])
    unit.add_all(tables.Entry, [{**asdict(entry), "at": at} for entry in entries])


def _told(session: Session) -> Iterator[datetime]:
    """When a digest was published last, and when a reply told new figures of one."""
    digest: Any = tables.Digest
    audit: Any = tables.Audit
    for query in (
        select(func.max(digest.published_at)),
        select(func.max(audit.at)).where(audit.event == RESTATED),
    ):
        if (at := session.execute(query).scalar()) is not None:
            yield at


def _columns() -> Any:
    table: Any = tables.Entry
    return select(*(getattr(table, name) for name in FIELDS))


def _read(session: Session, query: Any) -> list[Entry]:
    table: Any = tables.Entry
    return [Entry(*row) for row in session.execute(query.order_by(table.day, table.id))]
