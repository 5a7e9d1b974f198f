"""Workers as real processes: killed, paused, cut off from their database; who takes over, what is sent."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from actions.plan import PlanState
from storage import plans, tables
from storage.locks import AdvisoryLocks
from storage.store import Store
from storage.work import JobState
from tests.bot.world import until
from tests.databases import Database, PostgresServer
from tests.storage.rows import plan

#: A worker whose run holds at the word of its test: it says what it is about to send, and what it sent.
WORKER = """
import sys, threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from actions.errors import TakenOver
from bot.worker import Work, Worker, locks_of
from flows.desk import Desk
from storage import journal, plans, tables
from storage.lake import Lake
from storage.store import Store
from tests.bot.world import ORG

url, home, name = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
log = home / "requests"
tick = threading.Event()

def say(text):
    with log.open("a") as out:
        out.write(f"{name} {text}\\n")

def ready(store, now):
    with store.reading() as session:
        return [row.id for row in session.query(tables.Plan) if row.state == "running"
                and store.hold and (row.worker, row.epoch) == (store.hold.worker, store.hold.epoch)]

def execute(desk, key, *, now, wait):
    book = journal.RunJournal(desk.store, key, card="card")
    step = book.steps()[0]
    if step.state == "new":
        step = book.intend(step, {"id": step.target}, now=now(), send_by=now() + timedelta(seconds=3))
        say("intended")
        with desk.store.reading() as session:
            send_by = session.get(tables.Step, step.id).send_by
        while not (home / "go").exists():
            tick.wait(0.02)
        if now() < send_by:
            say("sent")
        try:
            book.done(step, {"id": step.target}, now=now())
            say("wrote")
        except TakenOver:
            say("taken over")
            raise
    wait(600)

nothing = lambda *args, **names: None
desk = Desk(Store(url), Lake(home), ORG, {})
duties = Work({"sweep": lambda *_: tick.wait(600)}, ready, execute, nothing)
say("started")
Worker(desk, duties, locks_of(desk.store, home), lambda: datetime.now(UTC)).run()
"""


@contextmanager
def worker(database: Database, home: Path, name: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker's process, killed when the block ends."""
    home.mkdir(exist_ok=True)
    with (home / f"{name}.log").open("wb") as log:
        command = [sys.executable, "-c", WORKER, database.url, str(home), name]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=Path(__file__).parent.parent.parent)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


def said(home: Path) -> list[str]:
    """What the workers wrote into their log of requests, in order."""
    file = home / "requests"
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def a_run(store: Store) -> None:
    """An approved run that nobody has, and one step of it."""
    from actions.rollout import steps_of

    now = datetime.now(UTC)
    with store.writing(now) as unit:
        frozen = plan("plan-1", created_at=now)
        row = plans.save(unit, frozen)
        unit.move(row, PlanState.APPROVED)
        unit.move(row, PlanState.RUNNING, worker="worker-1", epoch=0)
        plans.add_steps(unit, steps_of(frozen))
        unit.enqueue("sweep", "night")


def holder(store: Store) -> str | None:
    """Who has the run now."""
    with store.reading() as session:
        row = session.get(tables.Plan, "plan-1")
        assert row is not None
        return row.worker


@pytest.mark.slow
@pytest.mark.case("T46")
def test_a_killed_workers_run_and_job_are_taken_over_within_ten_seconds(
    database: Database, store: Store, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    a_run(store)
    with worker(database, home, "first") as first:
        until(lambda: "first intended" in said(home))
        until(lambda: states(store) == [JobState.RUNNING])
        with worker(database, home, "second"):
            until(lambda: "second started" in said(home))
            until(lambda: seats(store) == 2)
            assert holder(store) == "worker-1"
            first.kill()
            first.wait()
            until(lambda: holder(store) == "worker-2", 10)
            until(lambda: {job.worker for job in jobs(store)} == {"worker-2"}, 10)
    assert said(home).count("second intended") == 0  # what the first one intended is not sent again


@pytest.mark.slow
@pytest.mark.case("T46")
def test_a_paused_worker_that_was_taken_over_writes_and_sends_nothing(
    postgresql: Database, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    store = postgresql.store()
    a_run(store)
    with worker(postgresql, home, "first") as first:
        until(lambda: "first intended" in said(home))
        os.kill(first.pid, signal.SIGSTOP)
        cut_off(store)  # the server notices that the paused process answers no more
        with worker(postgresql, home, "second"):
            until(lambda: holder(store) != "worker-1" or epoch(store) > 1)
            until(lambda: late(store))
            (home / "go").touch()
            os.kill(first.pid, signal.SIGCONT)
            until(lambda: "first taken over" in said(home))
            assert "first sent" not in said(home)
            assert "first wrote" not in said(home)
    store.close()


def cut_off(store: Store) -> None:
    """End the connections that hold seats, as the server's keep-alive does for a process that is gone."""
    from sqlalchemy import text

    held = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()"
    with store.engine.begin() as connection:
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM ({held}) AS held"))


def late(store: Store) -> bool:
    """Whether the intent may be sent no more."""
    with store.reading() as session:
        (step,) = session.query(tables.Step)
        return step.send_by is not None and datetime.now(UTC) > step.send_by


def epoch(store: Store) -> int:
    """The highest epoch that was given out."""
    with store.reading() as session:
        return max(row.epoch for row in session.query(tables.Worker))


def seats(store: Store) -> int:
    """How many workers sat down."""
    with store.reading() as session:
        return session.query(tables.Worker).count()


def jobs(store: Store) -> list[tables.Job]:
    """All jobs."""
    with store.reading() as session:
        return list(session.query(tables.Job))


def states(store: Store) -> list[str]:
    """The states of all jobs."""
    return [job.state for job in jobs(store)]


def test_a_lock_whose_connection_was_cut_is_known_as_lost(postgresql: Database) -> None:
    store = postgresql.store()
    other = postgresql.store()
    lock = AdvisoryLocks(store.engine).take("worker-1")
    assert lock is not None
    assert lock.is_held()
    cut_off(other)
    assert not lock.is_held()
    assert not lock.is_held()  # a line that comes back is not the one that held it
    taken = AdvisoryLocks(other.engine).take("worker-1")
    assert taken is not None
    lock.release()
    taken.release()
    for one in (store, other):
        one.close()


@pytest.mark.slow
@pytest.mark.case("T45")
def test_a_worker_outlives_a_restart_of_its_database(tmp_path: Path) -> None:
    home = tmp_path / "home"
    server = PostgresServer(tmp_path)
    try:
        database = server.fresh()
        store = database.store()
        a_run(store)
        with worker(database, home, "first") as first:
            until(lambda: "first intended" in said(home))
            assert holder(store) == "worker-1"
            server.restart()
            until(lambda: epoch(store) >= 2)
            (home / "go").touch()
            until(lambda: "first wrote" in said(home))
            assert first.poll() is None
            assert said(home).count("first intended") == 1
            with store.reading() as session:
                row = session.get(tables.Worker, "worker-1")
                held = session.get(tables.Plan, "plan-1")
            assert row is not None
            assert held is not None
            assert (held.worker, held.epoch) == ("worker-1", row.epoch)
        store.close()
    finally:
        server.stop()
