"""Schedules as rows: written from the settings at every start, read by the clock at every tick."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import tables
from storage.store import Store

#: Kept beside a schedule's own arguments: since when it stands, so that a new one has no past.
SINCE = "since"


def sync(store: Store, wanted: Sequence[tables.Schedule], now: datetime) -> None:
    """Make the rows those of the settings; one that stood before keeps the day it began."""
    with store.writing(now) as unit:
        there = {row.name: row for row in every(unit.session)}
        for row in wanted:
            old = there.pop(row.name, None)
            began = (old.args or {}).get(SINCE) if old else None
            row.args = {**(row.args or {}), SINCE: began or now.isoformat()}
            unit.session.merge(row)
        for gone in there.values():
            unit.session.delete(gone)


def every(session: Session) -> list[tables.Schedule]:
    """All schedules, by name."""
    table: Any = tables.Schedule
    return list(session.execute(select(table).order_by(table.name)).scalars())
