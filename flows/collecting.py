"""The lake's housekeeping: once a day, what nobody needs any more is collected."""

from datetime import datetime

from flows.desk import Desk
from spend.errors import Refused
from storage import garbage, jobs, recovery
from storage.tables import Snapshot

JOB = "collect"


def look(desk: Desk, now: datetime) -> None:
    """Queue the day's collection if there may be something to collect."""
    day = now.date().isoformat()
    if jobs.queued(desk.store, JOB, day):
        return
    with desk.store.reading() as session:
        due = garbage.due(session, now, desk.org.keep)
    if due:
        with desk.store.writing(now) as unit:
            unit.enqueue(JOB, day)


def stock(desk: Desk) -> garbage.Stock:
    """All that the lake holds, and what becomes of it."""
    return garbage.stock(desk.lake, desk.store, desk.org.keep)


def collect(desk: Desk, *, actor: str, now: datetime) -> list[Snapshot]:
    """Remove what nobody needs any more; what it was.

    Raises:
        Refused: the database was restored, and nobody said yet that what it tells is so.
    """
    with desk.store.reading() as session:
        if recovery.waiting(session) is not None:
            raise Refused("The database was restored: nothing is collected until two people resume it.")
    return garbage.collect(desk.lake, desk.store, desk.org.keep, actor=actor, now=now)
