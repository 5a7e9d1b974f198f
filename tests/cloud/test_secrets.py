"""A whole run with every line of its log kept: no secret is in the log, in the database, or said in Slack."""

import base64
import json
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from moto.backends import get_backend
from sqlalchemy import inspect, select, table, text

from actions.clouds import AccountAccess
from bot import main, sender
from bot.jobs import HANDLERS
from bot.settings import Settings, load
from bot.worker import Work, Worker, locks_of
from flows import auditing, overdue, runs
from storage import tables, waiting
from storage.store import Store
from tests.actions.proxy import Proxy
from tests.actions.sources import Source
from tests.actions.sources import serving as incidents
from tests.actions.world import ACCOUNT, World, backend, naive
from tests.bot.edge import Edge
from tests.bot.slack import LOST, Slack, click, error, signed
from tests.bot.slack import serving as slack_server
from tests.bot.world import until
from tests.crash.play import Clouds
from tests.databases import Database

ROLE = f"arn:aws:iam::{ACCOUNT}:role/bursar"
#: What the process is told and nobody else may read. The database asks its users for no password.
GIVEN: Mapping[str, str] = {
    "SLACK_BOT_TOKEN": "xoxb-hush-bot",
    "SLACK_APP_TOKEN": "xapp-hush-app",
    "SLACK_SIGNING_SECRET": "hush-signing",
    "BURSAR_AUDIT_KEY": base64.b64encode(b"hush" * 8).decode(),
    "BURSAR_INCIDENTS_TOKEN": "hush-incidents",
    "BURSAR_EVENTS_TOKEN": "hush-events",
    "AWS_SECRET_ACCESS_KEY": "hush-cloud",
}
PASSWORD = "hush-database"
#: What Slack tells with each request.
TOLD = {"response_url": "https://hooks.slack.com/actions/hush-answer", "token": "hush-verification"}
SETTINGS = """\
mode: act
teams: {{ web: {{ channel: C_WEB, owners: [U_ANN] }} }}
finance: {{ channel: C_FIN, people: [U_FIN, U_FAY] }}
oncall: {{ channel: C_OPS }}
approvers: {{ platform-oncall: [U_OPS, U_OZ], finance: [U_FIN, U_FAY] }}
accounts: [{{ id: "{account}", role_arn: "{role}", act: true }}]
incidents: {{ url: "{incidents}" }}
caps: {{ percent_of_fleet: 100 }}
owner_warning: 0
wave_pause: 0
"""


@dataclass(frozen=True)
class Place:
    """What a process of the bot was told, and what it talks to."""

    settings: Settings
    slack: Slack
    pager: Source


@pytest.fixture
def place(
    database: Database, world: World, gate: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """The settings and the secrets, on each kind of database."""
    assert world.clouds
    with slack_server() as slack, incidents() as pager:
        pager.says([])
        file = tmp_path / "bursar.yaml"
        file.write_text(SETTINGS.format(account=ACCOUNT, role=ROLE, incidents=pager.url), encoding="utf-8")
        environ = {
            **GIVEN,
            "BURSAR_CONFIG": str(file),
            "BURSAR_HOME": str(tmp_path / "home"),
            "DATABASE_URL": database.url.replace("bursar_app@", f"bursar_app:{PASSWORD}@"),
            "SLACK_API_URL": slack.url,
            "AWS_ENDPOINT_URL": gate.address,
        }
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        yield Place(load(environ), slack, pager)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """The log at its most talkative: as a process starts it, with nothing left out that it could say."""
    named = [
        logging.getLogger(name)
        for name in ("alembic", "apscheduler", "botocore", "uvicorn", "slack_sdk", "werkzeug")
    ]
    before = [logger.level for logger in named]
    for logger in named:
        logger.setLevel(logging.NOTSET)  # whatever an earlier test made of it
    main.start_logging()
    caplog.set_level(logging.DEBUG)
    yield caplog
    for logger, level in zip(named, before, strict=True):
        logger.setLevel(level)


@contextmanager
def at_work(place: Place) -> Iterator[Edge]:
    """The talker and the worker, as `bursar run` has them, until the block ends."""
    clouds = Clouds({ACCOUNT: AccountAccess(ROLE)}, "secrets")
    desk = replace(main.start_desk(place.settings, clouds=True), clouds=clouds)
    clock, secrets = main.clock_of(desk.store), place.settings.secrets
    duties = Work(HANDLERS, runs.ready, runs.execute, overdue.expire)
    locks = locks_of(desk.store, place.settings.home)
    worker = Worker(desk, duties, locks, clock, sender.client(secrets))
    working = threading.Thread(target=worker.run)
    working.start()
    try:
        with main.talking(desk, secrets, clock, http=("127.0.0.1", 0)) as port:
            assert port is not None
            yield Edge(port, desk, place.slack)
    finally:
        worker.stop()
        working.join(60)
        desk.store.close()


def press(edge: Edge, person: str, action: str, plan: tables.Plan, secret: str | None = None) -> int:
    """A press as Slack sends it, with all that it tells; the status of the answer."""
    made = click(action, f"{plan.id}:{plan.hash[:16]}", person=person, at=f"{action}.{person}")
    payload = {**json.loads(dict(parse_qsl(made))["payload"]), **TOLD}
    body = urlencode({"payload": json.dumps(payload)})
    return edge.ask(body, signed(body, main.now(), secret or GIVEN["SLACK_SIGNING_SECRET"]))[0]


def plans(store: Store) -> list[tables.Plan]:
    """The plan, and the one that takes it back."""
    with store.reading() as session:
        return sorted(session.query(tables.Plan), key=lambda row: row.undo_of or "")


def ended(store: Store, count: int) -> bool:
    """Whether so many plans are there and were carried out, and everybody was told."""
    with store.reading() as session:
        waits = any(waiting.counts(session)["outbox"].values())
    return [plan.state for plan in plans(store)] == ["succeeded"] * count and not waits


def live(place: Place) -> list[str]:
    """A sweep, an outsider, an approval, a run, an undo, a checkpoint; what the audit log has of it."""
    with at_work(place) as edge:
        store = edge.desk.store
        with store.writing(main.now()) as unit:
            unit.enqueue("sweep", "first")
        until(lambda: bool(plans(store)))
        (plan,) = plans(store)
        assert press(edge, "U_OPS", "approval.approve", plan, secret="a stranger's") == 401
        for person in ("U_OUT", "U_OPS"):
            assert press(edge, person, "approval.approve", plan) == 200
        until(lambda: ended(store, 1))
        assert press(edge, "U_OZ", "approval.undo", plan) == 200
        until(lambda: ended(store, 2))
        tell(edge)
        with store.writing(main.now()) as unit:
            unit.enqueue(auditing.JOB, "first")
        until(lambda: signed_up(store))
        with store.reading() as session:
            return [row.event for row in session.query(tables.Audit)]


def tell(edge: Edge) -> None:
    """The pager tells of an incident, once with a token that is wrong."""
    body = json.dumps({"id": "1", "title": "checkout is down", "state": "open"})
    for token, status in (("wrong", 401), (GIVEN["BURSAR_EVENTS_TOKEN"], 204)):
        assert edge.ask(body, {"Authorization": f"Bearer {token}"}, path="/incidents")[0] == status


def signed_up(store: Store) -> bool:
    with store.reading() as session:
        return session.query(tables.Checkpoint).count() > 0


def hushed() -> list[str]:
    """All that must stay unsaid, with what the cloud gave out for the role."""
    lent = [
        part
        for role in get_backend("sts")[ACCOUNT]["aws"].assumed_roles
        for part in (role.secret_access_key, role.session_token)
    ]
    assert lent
    return [*GIVEN.values(), *TOLD.values(), PASSWORD, *lent]


def dump(store: Store) -> str:
    """All rows of all tables, as the database gives them."""
    with store.engine.connect() as connection:
        return "\n".join(
            f"{name}: {tuple(row)}"
            for name in inspect(connection).get_table_names()
            for row in connection.execute(select(text("*")).select_from(table(name)))
        )


def found(secrets: list[str], where: Any) -> list[str]:
    return [secret for secret in secrets if secret in str(where)]


@pytest.mark.case("T56", "T57", "V16.2.5", "V13.3.1")
def test_no_secret_of_a_whole_run_is_in_its_log_in_its_database_or_said_in_slack(
    place: Place, world: World, lines: pytest.LogCaptureFixture
) -> None:
    box = world.idle_instance("box", Environment="dev", team="web")
    backend("ec2").get_instance(box).launch_time = naive(main.now() - timedelta(days=90))
    place.slack.script("chat.postMessage", LOST, error("invalid_auth"))
    lived = live(place)
    assert {"approval.refuse", "approval.approve", "step.done", "plan.undo"} <= set(lived)
    assert ("/", f"Bearer {GIVEN['BURSAR_INCIDENTS_TOKEN']}") in place.pager.asked
    secrets = hushed()
    assert {record.levelno for record in lines.records} >= {logging.DEBUG, logging.INFO}
    assert found(secrets, lines.text) == []
    store = Store(place.settings.database_url)
    rows = dump(store)
    store.close()
    assert "approval.approve" in rows
    assert found(secrets, rows) == []
    assert found(secrets, place.slack.calls) == []
    files = [file for file in place.settings.home.rglob("*") if file.is_file()]
    assert files
    assert [file for file in files if any(secret.encode() in file.read_bytes() for secret in secrets)] == []
