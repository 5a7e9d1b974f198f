"""Jobs: due work, taken by one worker at a time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from spend.errors import Conflict
from storage import recovery, tables
from storage.locks import Hold
from storage.store import Store
from storage.work import JobState

RETRIES = 5


def take(store: Store, hold: Hold, now: datetime) -> tables.Job | None:
    """Take the oldest due job, or None; another worker's win means a look at the next one.

    While a restored database waits for two people, the only job is to look at what was under way.
    """
    table = tables.Job
    with store.reading() as session:
        query = (
            select(table.id)  # type: ignore[call-overload]
            .where(table.state == str(JobState.PENDING), table.due_at <= now)
            .order_by(table.due_at, table.created_at)
            .limit(8)
        )
        if recovery.waiting(session):
            query = query.where(table.kind == recovery.RECONCILE)
        due = list(session.execute(query).scalars())
    for key in due:
        try:
            with store.writing(now) as unit:
                job = unit.get(tables.Job, key)
                return unit.move(
                    job, JobState.RUNNING, worker=hold.worker, epoch=hold.epoch, attempts=job.attempts + 1
                )
        except Conflict:
            continue
    return None


def queued(store: Store, kind: str, key: str) -> bool:
    """Whether a job of this kind with this key was ever queued."""
    table: Any = tables.Job
    with store.reading() as session:
        query = select(table.id).where(table.kind == kind, table.key == key)
        return session.execute(query).first() is not None


def held(store: Store, hold: Hold) -> list[tables.Job]:
    """Jobs that this worker holds and no thread works on yet: taken over after a crash."""
    table = tables.Job
    with store.reading() as session:
        query = select(table).where(
            table.state == str(JobState.RUNNING),  # type: ignore[arg-type]
            table.worker == hold.worker,  # type: ignore[arg-type]
            table.epoch == hold.epoch,  # type: ignore[arg-type]
        )
        return list(session.execute(query).scalars())


def end(store: Store, job: tables.Job, now: datetime, error: str | None = None) -> None:
    """Mark a job done; with an error, put it back for a later try, or fail it after the last."""
    with store.writing(now) as unit:
        row = unit.get(tables.Job, job.id)
        if error is None:
            unit.move(row, JobState.DONE, held=True, ended_at=now, error=None)
        elif row.attempts >= RETRIES:
            unit.move(row, JobState.FAILED, held=True, ended_at=now, error=error)
            unit.record("job.fail", actor="bursar", subject=row.id, after={"kind": row.kind}, reason=error)
        else:
            later = now + timedelta(seconds=2**row.attempts)
            unit.move(row, JobState.PENDING, held=True, due_at=later, error=error, worker=None, epoch=None)


def ended(store: Store, kinds: Sequence[str], key: str) -> bool:
    """Whether the jobs of these kinds with this key are all done.

    Raises:
        Conflict: one of them failed for good.
    """
    table: Any = tables.Job
    with store.reading() as session:
        query = select(table).where(table.kind.in_(list(kinds)), table.key == key)
        found = list(session.execute(query).scalars())
    if broken := [job for job in found if job.state == JobState.FAILED]:
        raise Conflict(f"The job {broken[0].kind} failed: {broken[0].error}")
    return len(found) == len(kinds) and all(job.state == JobState.DONE for job in found)
