"""Workers: every job once, however many of them there are; runs at once; take-over; a clean stop."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot import sender
from bot.clock import Ticker
from bot.worker import Stopping, Work, Worker, locks_of
from flows.desk import Desk
from storage import schedules, tables
from storage.store import Store
from tests.bot.slack import Slack
from tests.bot.world import TurnedClock, desk_on, until
from tests.databases import Database


def nothing_ready(_store: Store, _now: datetime) -> list[str]:
    return []


def nothing(*_: Any, **__: Any) -> None:
    pass


def work(**changes: Any) -> Work:
    usual: dict[str, Any] = {"handlers": {}, "ready": nothing_ready, "execute": nothing, "expire": nothing}
    return Work(**{**usual, **changes})


@contextmanager
def working(desk: Desk, duties: Work, now: Callable[[], datetime], **extra: Any) -> Iterator[Worker]:
    """A worker in a thread of its own, stopped when the block ends."""
    worker = Worker(desk, duties, locks_of(desk.store, desk.lake.home), now, **extra)
    finished: list[bool] = []
    thread = threading.Thread(target=lambda: finished.append(worker.run()))
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(30)
    assert finished == [True]


def jobs(store: Store) -> list[tables.Job]:
    with store.reading() as session:
        return list(session.query(tables.Job))


def states(store: Store) -> dict[str, int]:
    found: dict[str, int] = {}
    for job in jobs(store):
        found[job.state] = found.get(job.state, 0) + 1
    return found


def test_two_workers_do_twenty_schedules_of_five_days_exactly_once(
    database: Database, tmp_path: Path, clock: TurnedClock
) -> None:
    stores = [database.store(), database.store()]
    rows = [
        tables.Schedule(
            name=f"s{n}", job="digest", days="tue,wed,thu,fri,sat", at="06:00", zone="UTC", args={}
        )
        for n in range(20)
    ]
    schedules.sync(stores[0], rows, clock())
    done: list[str] = []
    handlers = {"digest": lambda _desk, job, _now: done.append(job.key)}
    desks = [desk_on(store, tmp_path) for store in stores]
    with working(desks[0], work(handlers=handlers), clock), working(desks[1], work(handlers=handlers), clock):
        for day in range(1, 6):
            clock.turn(days=1)
            until(lambda day=day: len(done) >= 20 * day)  # type: ignore[misc]
        until(lambda: states(stores[0]) == {"done": 100})
    assert sorted(done) == sorted(set(done))
    assert len(done) == 100
    for ticker in (Ticker(stores[0]), Ticker(stores[1])):
        assert ticker.tick(clock()) == 0
    for store in stores:
        store.close()


def test_a_job_that_fails_is_tried_again_and_a_fifth_failure_is_kept_for_people(
    sqlite_desk: Desk, clock: TurnedClock
) -> None:
    tried: list[datetime] = []

    def fail(_desk: Desk, _job: tables.Job, now: datetime) -> None:
        tried.append(now)
        raise RuntimeError("no such luck")

    with sqlite_desk.store.writing(clock()) as unit:
        unit.enqueue("sweep", "s:1")
        unit.enqueue("unheard-of", "u:1")
    with working(sqlite_desk, work(handlers={"sweep": fail}), clock):
        for number in range(1, 6):
            until(lambda number=number: len(tried) == number)  # type: ignore[misc]
            until(lambda: "running" not in states(sqlite_desk.store))
            clock.turn(seconds=40)
        until(lambda: states(sqlite_desk.store) == {"failed": 2})
    errors = {job.kind: job.error for job in jobs(sqlite_desk.store)}
    assert "the log has it as error-" in str(errors["sweep"])
    assert errors["unheard-of"] == "This version of Bursar does not know jobs of kind 'unheard-of'."


def test_twenty_runs_are_under_way_at_once(desk: Desk, clock: TurnedClock) -> None:
    plans = [f"plan-{n}" for n in range(20)]
    together, ran = threading.Barrier(20), []

    def execute(_desk: Desk, key: str, **_: Any) -> None:
        together.wait(20)
        ran.append(key)

    def ready(_store: Store, _now: datetime) -> list[str]:
        return [key for key in plans if key not in ran]

    with working(desk, work(ready=ready, execute=execute), clock):
        until(lambda: len(ran) == 20)
    assert sorted(ran) == sorted(plans)


def test_a_run_that_breaks_is_taken_up_again_but_not_at_once(sqlite_desk: Desk, clock: TurnedClock) -> None:
    tried = []

    def execute(_desk: Desk, key: str, **_: Any) -> None:
        tried.append(key)
        raise RuntimeError("cut off")

    with working(sqlite_desk, work(ready=lambda *_: ["plan-1"], execute=execute), clock) as worker:
        until(lambda: len(tried) == 1)
        until(lambda: "plan-1" in worker._failures)
        worker._look()
        assert tried == ["plan-1"]
        clock.turn(seconds=2)
        until(lambda: len(tried) == 2)


def test_a_stopping_worker_begins_no_further_step(sqlite_desk: Desk, clock: TurnedClock) -> None:
    began, ended = threading.Event(), []

    def execute(_desk: Desk, _key: str, *, now: Any, wait: Callable[[float], None]) -> None:
        assert now() == clock()
        began.set()
        with pytest.raises(Stopping):
            wait(3600)
        ended.append("looked no further")

    with working(sqlite_desk, work(ready=lambda *_: ["plan-1"], execute=execute), clock):
        assert began.wait(10)
    assert ended == ["looked no further"]


@pytest.mark.usefixtures("template")
def test_two_workers_deliver_each_message_once_and_in_order(
    database: Database, tmp_path: Path, slack: Slack, clock: TurnedClock
) -> None:
    stores = [database.store(), database.store()]
    client = sender.client(slack.secrets)
    desks = [desk_on(store, tmp_path) for store in stores]
    with working(desks[0], work(), clock, slack=client), working(desks[1], work(), clock, slack=client):
        for number in range(30):
            with stores[number % 2].writing(clock()) as unit:
                unit.send("post", "test_sentence", "", channel="C_OPS", args={"text": str(number)})
        until(lambda: len(slack.calls) >= 30)
    assert [text for _, text in slack.texts()] == [str(number) for number in range(30)]
    for store in stores:
        store.close()


SCRIPT = """
import sys, threading
from datetime import UTC, datetime
from pathlib import Path
from bot.worker import Work, Worker, locks_of
from storage.store import Store
from tests.bot.world import desk_on

desk = desk_on(Store(sys.argv[1]), Path(sys.argv[2]))

def hang(desk, job, now):
    print("took", job.key, flush=True)
    threading.Event().wait(600)

now = lambda: datetime.now(UTC)
nothing = lambda *args, **names: []
duties = Work({"sweep": hang}, nothing, nothing, nothing)
Worker(desk, duties, locks_of(desk.store, Path(sys.argv[2])), now).run()
"""


def test_the_job_of_a_killed_worker_is_taken_over_within_ten_seconds(desk: Desk, database: Database) -> None:
    def now() -> datetime:
        return datetime.now(UTC)

    with desk.store.writing(now()) as unit:
        unit.enqueue("sweep", "night")
    done: list[str] = []
    handlers = {"sweep": lambda _desk, job, _now: done.append(job.key)}
    command = [sys.executable, "-c", SCRIPT, database.url, str(desk.lake.home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "took night\n"
        with working(desk, work(handlers=handlers), now):
            until(lambda: desk.store.hold is not None)
            other.send_signal(signal.SIGKILL)
            other.wait(10)
            until(lambda: done == ["night"], 10)
            until(lambda: states(desk.store) == {"done": 1})
