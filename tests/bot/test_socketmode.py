"""Socket Mode: clicks are acked over the socket, and silence is noticed and mended."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from slack_bolt import BoltRequest

from bot.socketmode import Socket
from bot.talker import build_app
from flows.desk import Desk
from tests.bot import websocket
from tests.bot.slack import Slack, click
from tests.bot.websocket import WebSocketServer
from tests.bot.world import until


def now() -> datetime:
    return datetime.now(UTC)  # the WebSocket library stamps its pongs with the machine's own clock


@pytest.fixture
def line() -> Iterator[WebSocketServer]:
    with websocket.serving() as served:
        yield served


@pytest.fixture
def connected(sqlite_desk: Desk, slack: Slack, line: WebSocketServer) -> Iterator[Socket]:
    slack.socket_url = line.url
    app = build_app(sqlite_desk, slack.secrets, now)

    @app.action("approval.approve")
    def approve(ack: Any) -> None:
        ack()

    socket = Socket(app, slack.secrets, now, deaf_after=3, watch_every=0.1)
    socket.start()
    until(lambda: socket.deaf() is None)
    yield socket
    socket.stop()


def press(line: WebSocketServer, envelope: str) -> None:
    payload = BoltRequest(body=click("approval.approve")).body
    line.send(json.dumps({"type": "interactive", "envelope_id": envelope, "payload": payload}))


def test_a_click_is_acked_over_the_socket(connected: Socket, line: WebSocketServer) -> None:
    press(line, "e-1")
    until(lambda: bool(line.said))
    assert json.loads(line.said[0])["envelope_id"] == "e-1"
    assert connected.deaf() is None


def test_a_cut_line_is_connected_again(connected: Socket, line: WebSocketServer) -> None:
    line.cut()
    until(lambda: line.connections >= 2 and connected.deaf() is None)
    press(line, "e-2")
    until(lambda: any("e-2" in said for said in line.said))


def test_a_line_that_only_seems_alive_is_noticed_and_replaced(
    connected: Socket, line: WebSocketServer
) -> None:
    line.mute = True
    until(lambda: (connected.deaf() or "").startswith("Slack has not been heard for"))
    until(lambda: line.connections >= 2)
    line.mute = False
    until(lambda: connected.deaf() is None)


def test_a_slack_that_gives_no_socket_yet_is_asked_again(
    sqlite_desk: Desk, slack: Slack, line: WebSocketServer
) -> None:
    slack.socket_url = "ws://127.0.0.1:1/link"
    app = build_app(sqlite_desk, slack.secrets, now)
    socket = Socket(app, slack.secrets, now, deaf_after=3, watch_every=0.1)
    socket.start()
    assert socket.deaf() == "not connected to Slack"
    slack.socket_url = line.url
    until(lambda: socket.deaf() is None)
    socket.stop()
