"""Puts the pieces together: settings, store and policy become a talker, a worker, or both."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from types import FrameType

from actions.base import Clouds
from bot import stepup
from bot.settings import Secrets, Settings, load
from bot.timekeeper import DatabaseClock
from flows import guarding
from flows import health as vitals
from flows.desk import Desk, Directory
from flows.org import Org
from flows.policy import unmeetable
from runbooks.loader import load_all
from runbooks.schema import Runbook
from spend.errors import BursarError, SettingsWrong
from storage import recovery, schema
from storage.engines import engine_of
from storage.lake import Lake
from storage.locks import FileLocks
from storage.store import Store

LOG = logging.getLogger("bursar")
Address = tuple[str, int]
#: Seconds to wait for another process that is just bringing the embedded database up to date.
UPGRADE_WITHIN = 30
#: The worker's niceness: people wait for the talker, and nobody waits for an import.
STAND_BACK = 5
#: Seconds after which a busy thread lets another one on. Every statement of SQLite's gives the turn away,
#: and with the usual 5 ms for each busy thread a transaction kept the database locked for half a second.
TURN = 0.0005


def now() -> datetime:
    """The clock of this process; everybody else is given it."""
    return datetime.now(UTC)


def open_store(settings: Settings) -> Store:
    """The database, checked. An embedded one is brought up to date by itself.

    Raises:
        SettingsWrong: it is gone, it does not answer, or `bursar db upgrade` has to be run first.
    """
    store = Store(settings.database_url)
    try:
        if gone := recovery.is_gone(store, settings.home):
            raise SettingsWrong(gone)
        if store.sqlite and schema.problems(store.engine):
            _upgrade_embedded(settings, store)
        schema.check(store.engine)
    except BursarError:
        store.close()
        raise
    return store


def _upgrade_embedded(settings: Settings, store: Store) -> None:
    locks, until = FileLocks(settings.home), monotonic() + UPGRADE_WITHIN
    while (lock := locks.take("schema")) is None:
        if monotonic() > until:
            raise SettingsWrong("Another process keeps the database locked; stop it, then start again.")
        threading.Event().wait(0.1)
    try:
        schema.upgrade(store.engine)
    finally:
        lock.release()


def open_desk(settings: Settings, *, clouds: bool = False) -> Desk:
    """The desk of a process: a talker's has no clouds.

    Raises:
        SettingsWrong: the database or a runbook does not hold, or a policy can never be met.
    """
    from actions.registry import params_of

    org, runbooks = settings.org(), load_all(params_of=params_of)
    _check_policy(settings, org, runbooks)
    store = open_store(settings)
    desk = Desk(
        store,
        Lake(settings.home, settings.file.lake.place(settings.home), engine_of(settings.file.lake.chosen)),
        org,
        runbooks,
        prometheus=settings.prometheus(),
        incidents=settings.incidents(),
        directory=_directory(settings.secrets),
        authenticators=partial(stepup.read, settings.step_up),
    )
    return replace(desk, clouds=_clouds(org), signer=settings.secrets.signer()) if clouds else desk


def clock_of(store: Store, local: Callable[[], datetime] = now) -> Callable[[], datetime]:
    """The clock of a process on this database: PostgreSQL's own, so that all processes agree.

    Args:
        local: the machine's clock, which everybody shares on SQLite.
    """
    return local if store.sqlite else DatabaseClock(store.time)


def _directory(secrets: Secrets) -> Directory | None:
    if secrets.bot_token is None:
        return None
    from bot import sender
    from bot.directory import SlackDirectory

    return SlackDirectory(sender.client(secrets))


def start_desk(settings: Settings, *, clouds: bool = False) -> Desk:
    """The desk of a process that goes on: a database restored from an old copy is noticed, and said."""
    from flows import recovery

    desk = open_desk(settings, clouds=clouds)
    at = clock_of(desk.store)()
    if waits := recovery.examine(desk, at):
        LOG.warning("%s", recovery.sentence(waits))
    recovery.remember(desk, at)
    return desk


def _check_policy(settings: Settings, org: Org, runbooks: Mapping[str, Runbook]) -> None:
    if settings.file.teams and (
        found := [
            *unmeetable(org, runbooks),
            *guarding.missing(org, runbooks),
            *vitals.missing(org, runbooks),
        ]
    ):
        raise SettingsWrong("\n".join(found))
    for sentence in settings.warnings:
        LOG.warning("%s", sentence)


def _clouds(org: Org) -> Clouds:
    from actions.clouds import AccountAccess, AwsClouds

    return AwsClouds(
        {
            one.id: AccountAccess(one.role_arn, one.external_id, one.act_role_arn)
            for one in org.accounts.values()
        }
    )


@contextmanager
def talking(
    desk: Desk,
    secrets: Secrets,
    clock: Callable[[], datetime],
    *,
    http: Address | None = None,
    health: Address | None = None,
) -> Iterator[int | None]:
    """A talker that answers Slack until the block ends; yields the port of the HTTP side, if there is one.

    Args:
        http: where Slack's requests arrive; None means Socket Mode.
        health: where health alone is served.

    Raises:
        SettingsWrong: a secret is missing, Slack refuses the token, or an address is taken.
    """
    check_secrets(secrets, http)
    from bot import http as web
    from bot.incidents import IncidentDoor
    from bot.listeners import register
    from bot.metrics import Metrics
    from bot.minute import Minute
    from bot.talker import build_app

    metrics = Metrics(desk.store)
    app = build_app(desk, secrets, clock, metrics)
    register(app, desk, clock)
    token = secrets.events_token
    told = IncidentDoor(desk, token.get_secret_value(), metrics, clock) if token else None
    minute = Minute(desk, metrics, clock, lambda body: app.dispatch(web.as_sent(body)))
    minute.start()
    with ExitStack() as stack:
        stack.callback(minute.stop)
        port: int | None = None
        deaf: Callable[[], str | None] = _hears
        if http:
            door = web.SlackDoor(app, secrets.signing(), metrics, clock)
            port = _serve(stack, web.build(_ready(desk, deaf), metrics, door, told), http)
        else:
            from bot.socketmode import Socket

            socket = Socket(app, secrets, clock)
            socket.start()
            stack.callback(socket.stop)
            deaf = socket.deaf
        if health:
            served = _serve(stack, web.build(_ready(desk, deaf), metrics, incidents=told), health)
            port = port or served
        LOG.info("talking to Slack %s", f"on port {port}" if http else "in Socket Mode")
        yield port


def check_secrets(secrets: Secrets, http: Address | None) -> None:
    """Raise `SettingsWrong`, with the fix, unless the secrets of this way of talking are set."""
    secrets.bot()
    if http:
        secrets.signing()
    else:
        secrets.app()


def talk(settings: Settings, *, http: Address | None = None, health: Address | None = None) -> None:
    """Be a talker until SIGTERM or SIGINT."""
    check_secrets(settings.secrets, http)
    stop = stop_event()
    desk = start_desk(settings)
    with talking(desk, settings.secrets, clock_of(desk.store), http=http, health=health):
        stop.wait()
    desk.store.close()


def work(settings: Settings, *, health: Address | None = None, parent: int | None = None) -> None:
    """Be a worker until SIGTERM, SIGINT or the end of the parent process.

    What is still under way after the time for stopping is left, as after a crash, to the next worker.
    """
    from bot import clock, sender
    from bot import http as web
    from bot.jobs import HANDLERS
    from bot.metrics import Metrics
    from bot.worker import Work, Worker, locks_of
    from flows import auditing, overdue, runs
    from storage import schedules

    os.nice(STAND_BACK)
    stop = stop_event()
    slack = sender.client(settings.secrets)
    desk = start_desk(settings, clouds=True)
    if desk.signer is None:
        LOG.warning("%s", auditing.UNSIGNED)
    time = clock_of(desk.store)
    schedules.sync(desk.store, clock.rows(settings.file), time())
    duties = Work(HANDLERS, runs.ready, runs.execute, overdue.expire)
    worker = Worker(desk, duties, locks_of(desk.store, settings.home), time, slack)
    threading.Thread(target=_until, args=(stop, parent, worker.stop), name="stop", daemon=True).start()
    with ExitStack() as stack:
        if health:
            _serve(stack, web.build(_ready(desk, _hears), Metrics(desk.store)), health)
        finished = worker.run()
    if not finished:
        logging.shutdown()
        os._exit(0)
    desk.store.close()


def run(settings: Settings, *, http: Address | None = None, health: Address | None = None) -> None:
    """Be a talker, with a worker as a child process, until SIGTERM or SIGINT."""
    from bot.supervisor import Child

    check_secrets(settings.secrets, http)
    stop = stop_event()
    desk = start_desk(settings)
    time = clock_of(desk.store)
    with talking(desk, settings.secrets, time, http=http, health=health), Child(worker_command()):
        stop.wait()
    desk.store.close()


def worker_command() -> list[str]:
    """How a worker is started that ends with this process. `-P`: a folder named bot is not ours."""
    return [sys.executable, "-P", "-m", "bot.cli", "work", "--parent", str(os.getpid())]


def stop_event() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()

    def told(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    return stop


def start_logging() -> None:
    """One line per event, on stderr."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in ("alembic", "apscheduler", "botocore", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("slack_sdk").setLevel(logging.CRITICAL)  # whoever calls it says what failed


def settings_for_process() -> Settings:
    """The settings of a long-running process, with its log started and its threads in short turns."""
    start_logging()
    sys.setswitchinterval(TURN)
    return load()


def _until(stop: threading.Event, parent: int | None, then: Callable[[], None]) -> None:
    while not stop.wait(0.5):
        if parent is not None and os.getppid() != parent:
            LOG.warning("the parent process is gone; stopping")
            break
    then()


def _serve(stack: ExitStack, web: object, where: Address) -> int:
    from starlette.applications import Starlette

    from bot.http import Server

    assert isinstance(web, Starlette)  # noqa: S101 - narrows a type that is imported when first used
    server = Server(web, *where)
    port = server.start()
    stack.callback(server.stop)
    return port


def _ready(desk: Desk, deaf: Callable[[], str | None]) -> Callable[[], str | None]:
    from flows import recovery

    def ready() -> str | None:
        try:
            desk.store.ping()
        except SettingsWrong as error:
            return str(error)
        return recovery.why_not(desk) or deaf()

    return ready


def _hears() -> str | None:
    """HTTP mode is never deaf: Slack calls us."""
    return None
