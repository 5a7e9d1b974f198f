"""The door for incidents over a real socket: a token, a closed shape, and no more power than to hold back."""

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from bot import http as web
from bot import incidents as door
from bot.metrics import Metrics
from flows.desk import Desk
from storage import audit
from storage.incidents import opened
from tests.storage.rows import NOON

TOKEN = "t0ken-of-the-pager"
DOWN = {"id": "42", "title": "checkout is down", "source": "pager", "state": "open"}


class Door:
    """The served door, and what came of it."""

    def __init__(self, desk: Desk, port: int) -> None:
        self.desk, self.port = desk, port

    def post(self, body: Any, token: str | None = f"Bearer {TOKEN}", method: str = "POST") -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        sent = body if isinstance(body, bytes | str) else json.dumps(body)
        connection.request(method, "/incidents", sent, {"Authorization": token} if token else {})
        answer = connection.getresponse()
        found = answer.status, answer.read().decode()
        connection.close()
        return found

    def open(self) -> list[str]:
        with self.desk.store.reading() as session:
            return [one.title for one in opened(session)]


@pytest.fixture
def served(sqlite_desk: Desk) -> Iterator[Door]:
    metrics = Metrics(sqlite_desk.store)
    handler = door.IncidentDoor(sqlite_desk, TOKEN, metrics, lambda: NOON)
    server = web.Server(web.build(lambda: None, metrics, incidents=handler), "127.0.0.1", 0)
    yield Door(sqlite_desk, server.start())
    server.stop()


@pytest.mark.case("T32")
def test_another_system_opens_and_closes_an_incident(served: Door) -> None:
    assert served.post(DOWN) == (204, "")
    assert served.open() == ["checkout is down"]
    assert served.post({**DOWN, "state": "closed"}) == (204, "")
    assert served.open() == []


@pytest.mark.parametrize(
    "token", [None, "", "Bearer", "Bearer ", "Bearer wrong", TOKEN, f"Basic {TOKEN}", "é"]
)
def test_without_the_token_nothing_is_opened_and_nothing_is_kept(served: Door, token: str | None) -> None:
    assert served.post(DOWN, token) == (401, "invalid token")
    assert served.open() == []
    with served.desk.store.reading() as session:
        assert list(audit.rows(session)) == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{", "Invalid JSON"),
        ("[]", "Input should be an object"),
        ({**DOWN, "state": "opened"}, "state: Input should be 'open' or 'closed'"),
        ({**DOWN, "more": 1}, "more: Extra inputs are not permitted"),
        ({**DOWN, "id": 42}, "id: Input should be a valid string"),
        ({**DOWN, "id": ""}, "id: String should have at least 1 character"),
        ({**DOWN, "title": "x" * 201}, "title: String should have at most 200 characters"),
        ({**DOWN, "title": "two\nlines"}, "title: String should match pattern"),
        (b"\xff", "Invalid JSON"),
    ],
)
def test_what_is_no_incident_is_a_bad_request_and_says_why(served: Door, body: Any, said: str) -> None:
    status, text = served.post(body)
    assert (status, said in text) == (400, True), text
    assert served.open() == []


def test_a_body_larger_than_an_incident_is_not_read(served: Door) -> None:
    assert served.post("x" * (door.LARGEST + 1))[0] == 413


def test_only_a_post_tells(served: Door) -> None:
    assert served.post("", method="GET")[0] == 405


def test_a_title_cannot_ping_a_channel(served: Door) -> None:
    from bot.rendered import Rendered
    from storage import outbox

    served.post({**DOWN, "title": "<!channel> & more"})
    with served.desk.store.reading() as session:
        told = [row for row in outbox.due(session, NOON, limit=10) if row.kind == "post"]
    assert [row.channel for row in told] == [served.desk.org.oncall_channel]
    from bot.render import render

    drawn: Rendered = render(served.desk, told[0], NOON)
    assert "<!channel>" not in drawn.text
