"""The HTTP side, over a real socket: signatures, sizes, health, figures, and twenty clicks at once."""

import http.client
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import pytest

from bot import http as web
from bot.metrics import Metrics
from bot.talker import build_app
from flows.desk import Desk
from spend.errors import SettingsWrong
from tests.bot.slack import Slack, click, signed


def now() -> datetime:
    return datetime.now(UTC)  # Bolt compares signatures with the machine's own clock


class Talker:
    """A served app, and how to ask it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.deaf: str | None = None
        self.slow = threading.Event()

    def ask(self, method: str, path: str, body: str | bytes = "", headers: Any = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        found = answer.status, answer.read().decode()
        connection.close()
        return found

    def press(self, body: str) -> tuple[int, str]:
        return self.ask("POST", "/slack/events", body, signed(body, now()))


@pytest.fixture
def talker(sqlite_desk: Desk, slack: Slack) -> Iterator[Talker]:
    metrics = Metrics(sqlite_desk.store)
    app = build_app(sqlite_desk, slack.secrets, now, metrics)
    served = Talker(0)

    @app.action("approval.approve")
    def approve(ack: Any) -> None:
        ack()
        served.slow.wait(20)

    def ready() -> str | None:
        sqlite_desk.store.ping()
        return served.deaf

    door = web.SlackDoor(app, slack.secrets.signing(), metrics, now)
    server = web.Server(web.build(ready, metrics, door), "127.0.0.1", 0)
    served.port = server.start()
    yield served
    served.slow.set()
    server.stop()


def test_a_signed_request_is_answered_and_measured(talker: Talker) -> None:
    assert talker.press(click("approval.approve")) == (200, "")
    assert "bursar_ack_seconds_count 1.0" in talker.ask("GET", "/metrics")[1]


def test_twenty_clicks_at_once_are_all_answered_while_their_listeners_still_work(talker: Talker) -> None:
    bodies = [click("approval.approve", f"plan-{n}") for n in range(20)]
    began = monotonic()
    with ThreadPoolExecutor(20) as people:
        answers = list(people.map(talker.press, bodies))
    assert {status for status, _ in answers} == {200}
    assert monotonic() - began < 2
    assert talker.ask("GET", "/healthz") == (200, "ok\n")


def test_what_slack_did_not_sign_is_turned_away_without_a_trace(talker: Talker) -> None:
    body = click("approval.approve")
    good = signed(body, now())
    bad: list[tuple[str | bytes, dict[str, str]]] = [
        (body, {}),
        (body, signed(body, now(), "another secret")),
        (body, signed(body, now() - timedelta(minutes=6))),
        (body, signed(body, now() + timedelta(minutes=6))),
        (body + "&x=1", good),
        (body, {**good, "x-slack-request-timestamp": "yesterday"}),
        (body, {**good, "x-slack-request-timestamp": "1" * 400}),
        (body, {**good, "x-slack-request-timestamp": "-1"}),
        (body, {**good, "x-slack-signature": "v0=\xe9"}),
        (b"\xff\xfe", good),
        ("", good),
    ]
    assert [talker.ask("POST", "/slack/events", *one)[0] for one in bad] == [401] * len(bad)
    counted = f'bursar_refused_requests_total{{reason="signature"}} {len(bad)}.0'
    assert counted in talker.ask("GET", "/metrics")[1]


def test_a_signed_body_that_is_no_json_is_a_bad_request(talker: Talker) -> None:
    assert talker.press("payload={broken")[0] == 400
    assert talker.press("{broken")[0] == 400


def test_a_body_larger_than_anything_slack_sends_is_not_read(talker: Talker) -> None:
    body = "x" * (web.LARGEST_BODY + 1)
    assert talker.ask("POST", "/slack/events", body, signed(body, now()))[0] == 413


def test_only_slack_posts_to_slacks_door(talker: Talker) -> None:
    assert talker.ask("GET", "/slack/events")[0] == 405
    assert talker.ask("GET", "/nowhere")[0] == 404


def test_readiness_says_what_is_missing(talker: Talker) -> None:
    assert talker.ask("GET", "/readyz") == (200, "ready\n")
    talker.deaf = "Slack has not been heard for 40 s"
    assert talker.ask("GET", "/readyz") == (503, "Slack has not been heard for 40 s\n")


def test_what_waits_is_counted_when_asked(talker: Talker, sqlite_desk: Desk) -> None:
    with sqlite_desk.store.writing(now()) as unit:
        unit.send("post", "sentence", "", channel="C_OPS")
        unit.enqueue("sweep", "s:1")
    figures = talker.ask("GET", "/metrics")[1]
    assert 'bursar_outbox{state="pending"} 1.0' in figures
    assert 'bursar_jobs{state="pending"} 1.0' in figures
    assert 'bursar_plans{state="running"} 0.0' in figures
    assert "bursar_messages_lost 0.0" in figures


def test_an_address_that_is_taken_is_a_sentence(talker: Talker) -> None:
    taken = web.Server(web.build(lambda: None, Metrics()), "127.0.0.1", talker.port)
    with pytest.raises(SettingsWrong, match=rf"Nothing can listen at 127.0.0.1:{talker.port}"):
        taken.start()


@pytest.mark.parametrize("text", ["3000", "host:", ":3000", "host:99999", "host:http"])
def test_an_address_is_a_host_and_a_port(text: str) -> None:
    assert web.address("[::1]:3000") == ("::1", 3000)
    with pytest.raises(SettingsWrong, match="write HOST:PORT"):
        web.address(text)
