"""The incidents that other systems told us of, and when each source outside last gave an answer."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from actions.moment import Incident
from storage import tables
from storage.unit import Unit

#: The source of what is told to us by the webhook.
WEBHOOK = "the webhook"


@dataclass(frozen=True, slots=True)
class Word:
    """What another system tells us of one incident."""

    id: str
    title: str
    source: str
    open: bool


def tell(unit: Unit, word: Word) -> bool:
    """Keep what was told; say whether it opened or closed an incident. A word said twice changes nothing."""
    heard(unit, WEBHOOK)
    key = f"{word.source}:{word.id}"
    row = unit.session.get(tables.Incident, key, with_for_update=True)
    if row is not None:
        row.told_at = unit.now
    if word.open == (row is not None and row.closed_at is None):
        return False
    if row is None:
        unit.add(
            tables.Incident(
                id=key, source=word.source, title=word.title, opened_at=unit.now, told_at=unit.now
            )
        )
    else:
        row.closed_at = None if word.open else unit.now
        row.opened_at = unit.now if word.open else row.opened_at
    verb = "open" if word.open else "close"
    unit.record(f"incident.{verb}", actor=word.source, subject=key, after={"title": word.title})
    return True


def opened(session: Session) -> tuple[Incident, ...]:
    """Those that were told to us and not closed, the oldest first."""
    table: Any = tables.Incident
    rows = session.execute(select(table).where(table.closed_at.is_(None)).order_by(table.opened_at)).scalars()
    return tuple(Incident(row.title, row.source, row.opened_at) for row in rows)


def heard(unit: Unit, source: str) -> None:
    """Keep that a source gave an answer just now."""
    if not unit.add_once(tables.Reading, {"source": source, "at": unit.now}):
        row = unit.session.get(tables.Reading, source)
        if row is not None and row.at < unit.now:
            row.at = unit.now


def last_heard(session: Session, source: str) -> datetime | None:
    """When a source last gave an answer, or None."""
    row = session.get(tables.Reading, source)
    return row.at if row else None
