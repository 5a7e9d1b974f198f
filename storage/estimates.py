"""Estimates as rows: one for each hour that an account was looked at, and one for each day billed since."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from spend.estimate import Line, Look, Reckoned
from spend.period import Period
from storage import tables
from storage.unit import Unit


def looked(session: Session, hour: datetime) -> set[str]:
    """The accounts that were looked at in this hour."""
    table: Any = tables.Estimate
    return set(session.scalars(select(table.account).where(table.hour == hour)))


def keep(unit: Unit, looks: Iterable[Look]) -> int:
    """Keep what was seen, and say how many looks are new: an hour counts once, whoever looks again."""
    return sum(
        unit.add_once(
            tables.Estimate,
            {
                "hour": one.hour,
                "account": one.account,
                "lines": [line.to_data() for line in one.lines],
                "unpriced": dict(one.unpriced),
                "looked_at": unit.now,
            },
        )
        for one in looks
    )


def forget(unit: Unit, before: datetime) -> None:
    """Take away the looks of long ago; what the bill said of their days stays."""
    table: Any = tables.Estimate
    unit.session.execute(delete(table).where(table.hour < before))


def looks(session: Session, period: Period) -> list[Look]:
    """What was seen in a span of days (UTC), in order."""
    table: Any = tables.Estimate
    start, end = (datetime.combine(day, time(0), UTC) for day in (period.start, period.end))
    query = select(table).where(table.hour >= start, table.hour < end).order_by(table.hour, table.account)
    return [
        Look(row.hour, row.account, tuple(map(Line.from_data, row.lines)), row.unpriced)
        for row in session.scalars(query)
    ]


def reckoned(session: Session, since: date) -> list[Reckoned]:
    """The days from this one on of which the bill has told, in order."""
    table: Any = tables.Reckoned
    query = select(table).where(table.day >= since).order_by(table.day, table.account, table.currency)
    return [
        Reckoned(row.day, row.account, row.currency, row.hours, row.estimated, row.billed)
        for row in session.scalars(query)
    ]


def reckoned_by(session: Session, bill: str) -> set[date]:
    """The days that were held against this bill."""
    table: Any = tables.Reckoned
    return set(session.scalars(select(table.day).where(table.bill == bill)))


def reckon(unit: Unit, rows: Sequence[Reckoned], bill: str) -> None:
    """Write what the bill says now; what it said before is replaced, as the bill itself was."""
    unit.alone("estimates")
    for one in rows:
        unit.session.merge(
            tables.Reckoned(
                day=one.day,
                account=one.account,
                currency=one.currency,
                hours=one.hours,
                estimated=one.estimated,
                billed=one.billed,
                bill=bill,
            )
        )
