"""Workers' seats: a lock that only a living process holds, an epoch for each taking, and take-over."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from actions.errors import TakenOver
from actions.plan import PlanState
from spend.errors import SettingsWrong
from storage import audit, jobs, plans, seats, tables
from storage.locks import AdvisoryLocks, FileLocks, Hold, Locks
from storage.store import Store
from storage.work import JobState
from tests.databases import Database
from tests.storage.rows import NOON, plan


@pytest.fixture
def locks(store: Store, tmp_path: Path) -> Locks:
    """The locks that a worker on this database uses."""
    return FileLocks(tmp_path) if store.sqlite else AdvisoryLocks(store.engine)


def work_of(store: Store, hold: Hold, key: str = "1") -> None:
    """A job and a run in the hands of this worker, and a job that nobody has."""
    with store.writing(NOON) as unit:
        unit.enqueue("digest", key)
        unit.enqueue("digest", f"{key} waits")
        row = plans.save(unit, plan(f"plan-{key}"))
        unit.move(row, PlanState.APPROVED)
        unit.move(row, PlanState.RUNNING, worker=hold.worker, epoch=hold.epoch)
    store.hold = hold
    job = jobs.take(store, hold, NOON)
    assert job is not None


def holders(store: Store) -> set[tuple[str | None, int | None]]:
    with store.reading() as session:
        rows = [*session.query(tables.Plan), *session.query(tables.Job)]
    return {(row.worker, row.epoch) for row in rows if row.state == "running"}


def test_a_worker_gets_the_lowest_free_seat_and_each_taking_a_new_epoch(store: Store, locks: Locks) -> None:
    first, second = (seats.take(store, locks, NOON) for _ in range(2))
    assert (first.hold, second.hold) == (Hold("worker-1", 1), Hold("worker-2", 1))
    first.leave()
    third = seats.take(store, locks, NOON)
    assert third.hold == Hold("worker-1", 2)
    second.leave()
    third.leave()
    again = seats.take(store, locks, NOON)
    assert again.hold == Hold("worker-1", 3)
    again.leave()


def test_there_is_an_end_of_seats(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seats, "MOST_SEATS", 1)
    locks = FileLocks(tmp_path)
    seat = seats.take(store, locks, NOON)
    with pytest.raises(SettingsWrong, match="stop one worker first"):
        seats.take(store, locks, NOON)
    seat.leave()


def test_the_work_of_a_living_worker_is_left_alone(store: Store, locks: Locks) -> None:
    living, other = (seats.take(store, locks, NOON) for _ in range(2))
    work_of(store, living.hold)
    assert seats.adopt(store, locks, other.hold, NOON) == []
    assert holders(store) == {("worker-1", 1)}
    living.leave()
    other.leave()


def test_the_work_of_a_worker_that_is_gone_is_taken_over_and_the_log_says_so(
    store: Store, locks: Locks
) -> None:
    gone, other = (seats.take(store, locks, NOON) for _ in range(2))
    work_of(store, gone.hold)
    gone.leave()
    taken = seats.adopt(store, locks, other.hold, NOON)
    assert len(taken) == 2
    assert "plan-1" in taken
    assert holders(store) == {("worker-2", 1)}
    assert seats.adopt(store, locks, other.hold, NOON) == []
    with store.reading() as session:
        entries = list(audit.rows(session, subject="worker-1"))
    assert {(entry["event"], entry["actor"]) for entry in entries} == {("worker.take_over", "worker-2")}
    assert sorted(key for entry in entries for key in entry["after"]["rows"]) == sorted(taken)
    # Whoever it was, it lives on in a paused process: its writes are refused from here on.
    store.hold = gone.hold
    with pytest.raises(TakenOver), store.writing(NOON) as unit:
        unit.move(unit.get(tables.Plan, "plan-1"), PlanState.SUCCEEDED, held=True)
    back = seats.take(store, locks, NOON)
    assert back.hold == Hold("worker-1", 3)
    for seat in (back, other):
        seat.leave()


def test_a_worker_takes_up_what_its_own_seat_left_behind(store: Store, locks: Locks) -> None:
    crashed = seats.take(store, locks, NOON)
    work_of(store, crashed.hold)
    crashed.leave()
    again = seats.take(store, locks, NOON)
    assert again.hold == Hold("worker-1", 2)
    work_of(store, again.hold, "2")  # what it holds already is not left behind
    taken = seats.adopt(store, locks, again.hold, NOON)
    assert len(taken) == 2
    assert "plan-1" in taken
    assert holders(store) == {("worker-1", 2)}
    assert seats.adopt(store, locks, again.hold, NOON) == []
    again.leave()


def test_what_is_not_running_is_nobodys_to_take_over(store: Store, locks: Locks) -> None:
    gone, other = (seats.take(store, locks, NOON) for _ in range(2))
    work_of(store, gone.hold)
    (job,) = jobs.held(store, gone.hold)
    jobs.end(store, job, NOON)
    with store.writing(NOON) as unit:
        unit.move(unit.get(tables.Plan, "plan-1"), PlanState.SUCCEEDED, held=True)
    gone.leave()
    assert seats.adopt(store, locks, other.hold, NOON) == []
    with store.reading() as session:
        assert {row.state for row in session.query(tables.Job)} == {JobState.DONE, JobState.PENDING}
    other.leave()


SCRIPT = """
import sys, threading
from datetime import UTC, datetime
from pathlib import Path
from storage import jobs, seats
from storage.locks import AdvisoryLocks, FileLocks
from storage.store import Store

store = Store(sys.argv[1])
locks = FileLocks(Path(sys.argv[2])) if store.sqlite else AdvisoryLocks(store.engine)
now = datetime(2026, 3, 2, 12, tzinfo=UTC)
seat = seats.take(store, locks, now)
store.hold = seat.hold
job = jobs.take(store, seat.hold, now)
print(seat.hold.worker, seat.hold.epoch, job.key if job else "nothing", flush=True)
threading.Event().wait(300)
"""


@contextmanager
def process(database: Database, folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another worker's process, once it has its seat and its job, and what it said of them."""
    command = [sys.executable, "-c", SCRIPT, database.url, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        try:
            yield other, other.stdout.readline().strip()
        finally:
            other.kill()


def test_two_processes_sit_apart_and_the_living_one_takes_over_when_the_other_is_killed(
    database: Database, store: Store, locks: Locks, tmp_path: Path
) -> None:
    with store.writing(NOON) as unit:
        unit.enqueue("digest", "monday")
    with process(database, tmp_path) as (other, said):
        assert said == "worker-1 1 monday"
        mine = seats.take(store, locks, NOON)
        assert mine.hold == Hold("worker-2", 1)
        assert seats.adopt(store, locks, mine.hold, NOON) == []
        other.send_signal(signal.SIGSTOP)  # paused is not dead
        assert seats.adopt(store, locks, mine.hold, NOON) == []
        other.send_signal(signal.SIGKILL)
        other.wait(10)
        (taken,) = adopted(store, locks, mine.hold)
    store.hold = mine.hold
    assert [job.id for job in jobs.held(store, mine.hold)] == [taken]
    mine.leave()


def adopted(store: Store, locks: Locks, mine: Hold) -> list[str]:
    """What is taken over as soon as the database has noticed that the other is gone."""
    from tests.bot.world import until

    taken: list[str] = []

    def look() -> bool:
        taken.extend(seats.adopt(store, locks, mine, NOON))
        return bool(taken)

    until(look)
    return taken
