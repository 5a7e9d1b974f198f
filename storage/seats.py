"""Workers' seats: take one, and take over the work of a worker whose process is gone."""

from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy import select, update

from actions.crash import crashpoint
from spend.errors import SettingsWrong
from storage import tables
from storage.locks import Hold, Lock, Locks
from storage.store import Store
from storage.work import JobState

MOST_SEATS = 64
#: Rows that a worker holds while it works on them.
HELD: tuple[tuple[Any, str], ...] = ((tables.Plan, "running"), (tables.Job, str(JobState.RUNNING)))


class Seat:
    """A worker's place: its lock proves that it lives, its epoch that nobody took over."""

    def __init__(self, hold: Hold, lock: Lock) -> None:
        self.hold = hold
        self._lock = lock

    def is_held(self) -> bool:
        """Whether its lock is still this process's."""
        return self._lock.is_held()

    def leave(self) -> None:
        """Give the seat back; what is unfinished is taken over by whoever comes next."""
        self._lock.release()


def take(store: Store, locks: Locks, now: datetime) -> Seat:
    """Take the lowest free seat and start its next epoch.

    Raises:
        SettingsWrong: more workers are running than there are seats.
    """
    for number in count(1):
        if number > MOST_SEATS:
            raise SettingsWrong(f"All {MOST_SEATS} worker seats are taken; stop one worker first.")
        name = f"worker-{number}"
        if lock := locks.take(name):
            crashpoint("seat.locked")
            seat = Seat(Hold(name, next_epoch(store, name, now)), lock)
            crashpoint("seat.taken")
            return seat
    raise AssertionError("count() never ends")


def next_epoch(store: Store, name: str, now: datetime) -> int:
    """Start a seat's next epoch; from here on every write of its former holder fails."""
    with store.writing(now) as unit:
        row = unit.session.get(tables.Worker, name, with_for_update=True)
        if row is None:
            row = unit.add(tables.Worker(name=name, epoch=0, started_at=now))
        row.epoch, row.started_at = row.epoch + 1, now
        unit.session.add(row)
        return row.epoch


def adopt(store: Store, locks: Locks, mine: Hold, now: datetime) -> list[str]:
    """Take over the rows of every seat whose process is gone; say which rows."""
    taken: list[str] = []
    for name in _absent(store, mine):
        if name == mine.worker:
            taken += _reassign(store, name, mine, now)
        elif lock := locks.take(name):
            try:
                crashpoint("adopt.locked")
                next_epoch(store, name, now)
                crashpoint("adopt.fenced")
                taken += _reassign(store, name, mine, now)
                crashpoint("adopt.taken")
            finally:
                lock.release()
    return taken


def _absent(store: Store, mine: Hold) -> list[str]:
    names: set[str] = set()
    with store.reading() as session:
        for table, state in HELD:
            rows = session.execute(select(table.worker, table.epoch).where(table.state == state).distinct())
            names |= {name for name, epoch in rows if name and (name, epoch) != (mine.worker, mine.epoch)}
    return sorted(names)


def _reassign(store: Store, name: str, mine: Hold, now: datetime) -> list[str]:
    taken: list[str] = []
    with store.writing(now) as unit:
        for table, state in HELD:
            held = [table.state == state, table.worker == name]
            if name == mine.worker:
                held.append(table.epoch != mine.epoch)
            ids = list(unit.session.execute(select(table.id).where(*held)).scalars())
            if ids:
                unit.session.execute(
                    update(table)
                    .where(table.id.in_(ids))
                    .values(worker=mine.worker, epoch=mine.epoch)
                    .execution_options(synchronize_session=False)
                )
                unit.record(
                    "worker.take_over",
                    actor=mine.worker,
                    subject=name,
                    after={"epoch": mine.epoch, "rows": sorted(ids)},
                )
            taken += ids
    return taken
