"""The ledger as rows: entries are added, never edited; what stands is neither a reversal nor reversed."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from spend.ledger import Entry
from spend.period import Period
from storage import tables
from storage.unit import Unit

FIELDS = tuple(field.name for field in fields(Entry))


def standing(
    session: Session,
    *,
    period: Period | None = None,
    team: str | None = None,
    unowned: bool = False,
    keys: Collection[str] | None = None,
) -> list[Entry]:
    """The entries that count, in order.

    Args:
        period: only these days.
        team: only what this team bears.
        unowned: only what nobody owns.
        keys: only these entries.
    """
    table: Any = tables.Entry
    later: Any = aliased(tables.Entry)
    query = _columns().where(
        table.reverses.is_(None), ~exists().where(later.reverses == table.id).correlate(table)
    )
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


def post(unit: Unit, entries: Sequence[Entry]) -> None:
    """Add entries. An entry can be reversed once only: the database refuses a second reversal."""
    unit.add_all(tables.Entry, [{**asdict(entry), "at": unit.now} for entry in entries])


def _columns() -> Any:
    table: Any = tables.Entry
    return select(*(getattr(table, name) for name in FIELDS))


def _read(session: Session, query: Any) -> list[Entry]:
    table: Any = tables.Entry
    return [Entry(*row) for row in session.execute(query.order_by(table.day, table.id))]
