"""The real talker, served over HTTP: how Slack and strangers reach it."""

import http.client
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from bot import main as bursar
from flows.desk import Desk
from storage import audit, tables
from tests.bot.listeners.talking import clock
from tests.bot.slack import Slack, signed
from tests.bot.world import acted_on

DOOR = "/slack/events"


@dataclass(frozen=True)
class Edge:
    """A talker at work, its desk and the Slack that it calls."""

    port: int
    desk: Desk
    slack: Slack

    def ask(
        self, body: str | bytes, headers: Mapping[str, str], *, method: str = "POST", path: str = DOOR
    ) -> tuple[int, str]:
        """Send one request as it is; the status and the text of its answer."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            line.request(method, path, body, dict(headers))
            answer = line.getresponse()
            return answer.status, answer.read().decode()
        finally:
            line.close()

    def press(self, body: str, **headers: str) -> tuple[int, str]:
        """Send one signed request."""
        answer = self.ask(body, {**signed(body, clock()), **headers})
        acted_on(self.desk.store)
        return answer

    def figures(self) -> str:
        """What monitoring is told."""
        return self.ask("", {}, method="GET", path="/metrics")[1]


@contextmanager
def serving(desk: Desk, slack: Slack) -> Iterator[Edge]:
    """A talker in HTTP mode until the block ends."""
    with bursar.talking(desk, slack.secrets, clock, http=("127.0.0.1", 0)) as port:
        assert port is not None
        yield Edge(port, desk, slack)


def entries(desk: Desk) -> list[tuple[str, str, str]]:
    """What the audit log has, but for looks at reports."""
    with desk.store.reading() as session:
        return [
            (row["event"], row["actor"], row["subject"])
            for row in audit.rows(session)
            if row["event"] != "report.view"
        ]


def messages(desk: Desk) -> list[tuple[str, str | None, str]]:
    """What waits to be sent: the kind, to whom or where, and the template."""
    with desk.store.reading() as session:
        return [
            (row.kind, row.person or row.channel or row.surface, row.template)
            for row in session.query(tables.Message)
        ]
