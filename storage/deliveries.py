"""Deliveries as rows: what became of each import, and what people were told of the sources."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from spend.arrival import Arrival, Size
from spend.errors import NotFound
from storage import tables
from storage.work import SnapshotState

IMPORTED, UNCHANGED, REFUSED = "imported", "unchanged", "refused"
BASES = ("billed_cost", "effective_cost")


def find(session: Session, *, source: str | None = None, limit: int) -> list[tables.Delivery]:
    """The newest deliveries, the newest first."""
    table: Any = tables.Delivery
    query = select(table).order_by(table.at.desc(), table.id).limit(limit)
    if source is not None:
        query = query.where(table.source == source)
    return list(session.execute(query).scalars())


def get(session: Session, key: str) -> tables.Delivery:
    """The delivery with this id.

    Raises:
        NotFound: there is none.
    """
    if (row := session.get(tables.Delivery, key)) is None:
        raise NotFound(f"There is no delivery {key}; `bursar deliveries` lists them.")
    return row


def dialects(session: Session) -> dict[str, str]:
    """How the newest delivery of each source was written, as far as that is known."""
    table: Any = tables.Delivery
    newest = func.max(table.at)
    query = select(table.source, table.dialect).where(table.dialect.is_not(None))
    found = session.execute(query.group_by(table.source, table.dialect).order_by(newest))
    return {row[0]: row[1] for row in found}


def arrivals(session: Session) -> dict[str, list[Arrival]]:
    """When each source told something new, in order.

    A day that has not come yet, as that of a fee paid ahead, tells nothing of how far a bill is.
    """
    table: Any = tables.Delivery
    query = select(table.source, table.at, table.day).where(table.outcome == IMPORTED).order_by(table.at)
    found: dict[str, list[Arrival]] = {}
    for source, at, day in session.execute(query):
        found.setdefault(source, []).append(Arrival(at, min(day or at.date(), at.date())))
    return found


def newest(session: Session) -> dict[str, datetime]:
    """When each source last told something new."""
    table: Any = tables.Delivery
    query = select(table.source, func.max(table.at)).where(table.outcome == IMPORTED).group_by(table.source)
    return {row[0]: row[1] for row in session.execute(query)}


def changes(session: Session, since: date) -> list[tuple[tables.Snapshot, tables.Snapshot | None]]:
    """The current bills of the periods that start on or after a day, each with the one before it."""
    table: Any = tables.Snapshot
    key = (table.source, table.billing_account, table.billing_period)
    of_state = {
        state: select(table).where(table.state == str(state), table.billing_period >= since)
        for state in (SnapshotState.CURRENT, SnapshotState.SUPERSEDED)
    }
    superseded = of_state[SnapshotState.SUPERSEDED].subquery()
    columns = [superseded.c[column.name] for column in key]
    last = select(*columns, func.max(superseded.c.published_at).label("at")).group_by(*columns).subquery()
    same = [column == last.c[column.name] for column in key]
    newest = of_state[SnapshotState.SUPERSEDED].join(last, and_(*same, table.published_at == last.c.at))
    before = {_bill(row): row for row in session.execute(newest).scalars()}
    return [
        (row, before.get(_bill(row)))
        for row in session.execute(of_state[SnapshotState.CURRENT].order_by(*key)).scalars()
    ]


def _bill(row: tables.Snapshot) -> tuple[str, str, date]:
    return row.source, row.billing_account, row.billing_period


def size(rows: int, totals: Sequence[Mapping[str, str]]) -> Size:
    """How much a bill is, from its rows and the totals of its snapshot."""
    money = {(one["currency"], basis): Decimal(one[basis]) for one in totals for basis in BASES}
    return Size(rows, money)


def watched(session: Session, source: str | None = None) -> list[tables.Watched]:
    """What is wrong with the sources now, as people were told."""
    table: Any = tables.Watched
    query = select(table).where(table.ended_at.is_(None)).order_by(table.source, table.condition, table.bill)
    if source is not None:
        query = query.where(table.source == source)
    return list(session.execute(query).scalars())
