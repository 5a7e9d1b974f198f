"""Workers as real processes: killed, paused, cut off from their database; who takes over, what is sent."""

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from actions.plan import PlanState
from bot import main
from bot.settings import load
from flows import approvals, directory, sweeps
from storage import audit, tables
from storage.locks import AdvisoryLocks, Hold
from storage.store import Store
from tests.actions.conftest import SETTINGS as CREDENTIALS
from tests.actions.proxy import Proxy, Request
from tests.actions.world import ACCOUNT, World, backend, naive
from tests.bot.slack import Slack
from tests.bot.test_processes import Process, bursar
from tests.bot.world import until
from tests.crash.play import clouds as idle_clouds
from tests.databases import Database, PostgresServer
from tests.history import EFFECTS, Effect
from tests.watching import head, judge

SETTINGS = f"""\
mode: act
teams: {{ web: {{ channel: C_WEB, owners: [U_ANN] }} }}
finance: {{ channel: C_FIN, people: [U_FIN, U_FAY] }}
oncall: {{ channel: C_OPS }}
approvers: {{ platform-oncall: [U_OPS, U_OZ], finance: [U_FIN, U_FAY] }}
accounts: [{{ id: "{ACCOUNT}", act: true }}]
caps: {{ percent_of_fleet: 100 }}
owner_warning: 0
wave_pause: 0
"""
SEATED = Hold("worker-1", 1)


@dataclass
class Held:
    """Holds calls back at the cloud's door, so that their workers wait: each that is named, the first time.

    Attributes:
        came: the calls that wait, or waited.
        go: lets them go on.
    """

    wanted: set[str]
    came: set[str] = field(default_factory=set)
    go: Event = field(default_factory=Event)

    def __call__(self, operation: str, body: str) -> None:
        """Wait where it is asked for."""
        here = {one for one in self.wanted - self.came if operation == one or one in body}
        if here:
            self.came |= here
            self.go.wait(60)


@dataclass(frozen=True)
class Place:
    """An approved run of two boxes, a cloud that keeps what it was asked, and what workers are told."""

    database: Database
    store: Store
    proxy: Proxy
    slack: Slack
    folder: Path
    told: dict[str, str]

    def worker(self, name: str) -> AbstractContextManager[Process]:
        """A worker, whose calls carry its name."""
        (folder := self.folder / name).mkdir()
        told = {**self.told, "AWS_ACCESS_KEY_ID": name}
        return bursar(folder, self.database, self.slack, "work", **told)

    def sent(self, name: str) -> list[Request]:
        """The changes that a worker asked the cloud for."""
        return [one for one in self.proxy.requests if one.account == name and one.changes]

    @property
    def plan(self) -> tables.Plan:
        with self.store.reading() as session:
            return session.query(tables.Plan).one()

    @property
    def holder(self) -> Hold:
        """Who has the run now."""
        return Hold(str(self.plan.worker), self.plan.epoch or 0)

    def entries(self) -> list[dict[str, Any]]:
        """What the audit log has of the run."""
        with self.store.reading() as session:
            return list(audit.rows(session, subject=self.plan.id))

    def came_right(self) -> bool:
        """Whether the run ended well; then its whole history has to be right."""
        if self.plan.state != PlanState.SUCCEEDED:
            return False
        effects = [
            Effect(one.seq, one.action, one.resource)
            for one in self.proxy.requests
            if one.accepted and one.action in EFFECTS.values()
        ]
        assert len(effects) == 2
        judge(self.store, effects, load(self.told).org().caps)
        return True


@contextmanager
def a_place(database: Database, slack: Slack, world: World, proxy: Proxy, folder: Path) -> Iterator[Place]:
    """The settings, and a plan that people approved and no worker has begun."""
    file = folder / "bursar.yaml"
    file.write_text(SETTINGS, encoding="utf-8")
    told = {
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": proxy.address,
        "BURSAR_CONFIG": str(file),
        "BURSAR_HOME": str(folder / "home"),
        "DATABASE_URL": database.url,
        "SLACK_BOT_TOKEN": "xoxb-test",
        "SLACK_API_URL": slack.url,
    }
    for name in ("one", "two"):
        box = world.instance(name, Environment="dev", team="web")
        backend("ec2").get_instance(box).launch_time = naive(main.now() - timedelta(days=90))
    desk = replace(main.open_desk(load(told)), clouds=idle_clouds())
    directory.refresh(desk, main.now())
    (plan,) = sweeps.sweep(desk, main.now())
    approvals.approve(desk, plan.id, actor="U_OPS", shown=plan.hash, now=main.now())
    proxy.requests.clear()
    proxy.head = lambda: head(desk.store)
    yield Place(database, desk.store, proxy, slack, folder, told)
    desk.store.close()


@pytest.fixture
def place(database: Database, slack: Slack, world: World, proxy: Proxy, tmp_path: Path) -> Iterator[Place]:
    """It on each kind of database."""
    with a_place(database, slack, world, proxy, tmp_path) as found:
        yield found


@pytest.mark.slow
@pytest.mark.case("T46")
def test_a_killed_workers_run_and_job_are_taken_over_within_ten_seconds(place: Place) -> None:
    place.proxy.fault = held = Held({"DryRun StopInstances", "GetMetricData"})
    with place.store.writing(main.now()) as unit:
        unit.enqueue("sweep", "night")
    with place.worker("first") as first:
        until(lambda: held.came == held.wanted)
        with place.worker("second"):
            until(lambda: seats(place.store) == 2)
            assert place.holder == SEATED
            first.process.kill()
            first.process.wait()
            until(lambda: place.holder.worker == "worker-2", 10)
            until(lambda: sweeper(place.store) == "worker-2", 10)
            held.go.set()
            assert place.sent("second") == []  # what the first one intended is not sent again


@pytest.mark.slow
@pytest.mark.case("T46")
def test_a_paused_worker_that_was_taken_over_writes_and_sends_nothing(
    postgresql: Database, slack: Slack, world: World, proxy: Proxy, tmp_path: Path
) -> None:
    """It is paused between its intent and the call: in the dry run, whose answer it reads when it wakes."""
    with a_place(postgresql, slack, world, proxy, tmp_path) as place:
        proxy.fault = held = Held({"DryRun StopInstances"})
        with place.worker("first") as first:
            until(lambda: bool(held.came))
            os.kill(first.process.pid, signal.SIGSTOP)
            held.go.set()
            cut_off(place.store)  # the server notices that the paused process answers no more
            with place.worker("second"):
                until(lambda: place.holder != SEATED)
                mine = place.holder
                until(lambda: late(place.store))
                os.kill(first.process.pid, signal.SIGCONT)
                first.until_said("is not this worker's any more")
                until(place.came_right, 120)
        assert place.holder == mine
        assert place.sent("first") == []
        events = [(one["event"], one["actor"]) for one in place.entries()]
        begun = events.index(("step.intent", SEATED.worker))
        assert {actor for _, actor in events[begun + 1 :]} == {mine.worker}


def cut_off(store: Store) -> None:
    """End the connections that hold seats, as the server's keep-alive does for a process that is gone."""
    from sqlalchemy import text

    held = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()"
    with store.engine.begin() as connection:
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM ({held}) AS held"))


def late(store: Store) -> bool:
    """Whether the intent may be sent no more."""
    with store.reading() as session:
        (send_by,) = [step.send_by for step in session.query(tables.Step) if step.send_by is not None]
    return main.clock_of(store)() > send_by


def epoch(store: Store) -> int:
    """The highest epoch that was given out."""
    with store.reading() as session:
        return max(row.epoch for row in session.query(tables.Worker))


def seats(store: Store) -> int:
    """How many workers sat down."""
    with store.reading() as session:
        return session.query(tables.Worker).count()


def sweeper(store: Store) -> str | None:
    """Who has the sweep."""
    with store.reading() as session:
        return session.query(tables.Job).filter_by(kind="sweep").one().worker


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
def test_a_worker_outlives_a_restart_of_its_database(
    slack: Slack, world: World, proxy: Proxy, tmp_path: Path
) -> None:
    with tempfile.TemporaryDirectory(prefix="bursar-pg-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder))  # not below tmp_path, which is closed to the server's own user
        try:
            with a_place(server.fresh(), slack, world, proxy, tmp_path) as place:
                outlive_a_restart(server, place)
        finally:
            server.stop()


def outlive_a_restart(server: PostgresServer, place: Place) -> None:
    """Its run is under way while every connection is cut."""
    place.proxy.fault = held = Held({"DryRun StopInstances"})
    with place.worker("only") as only:
        until(lambda: bool(held.came))
        assert place.holder == SEATED
        server.restart()
        until(lambda: epoch(place.store) >= 2)
        held.go.set()
        until(place.came_right, 120)
        assert only.process.poll() is None
