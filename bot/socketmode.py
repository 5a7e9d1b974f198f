"""Socket Mode with a watchdog: a talker that hears nothing says so, and connects again."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from http.client import HTTPException
from socket import SHUT_RDWR
from typing import Any

from slack_bolt import App
from slack_bolt.adapter.socket_mode.websocket_client import SocketModeHandler
from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError
from slack_sdk.socket_mode.websocket_client import SocketModeClient
from websocket import WebSocketException

from bot.settings import Secrets

LOG = logging.getLogger("bursar.socket")
#: Seconds of silence (a pong is due every 10) after which the socket counts as deaf.
DEAF_AFTER = 30
WATCH_EVERY = 5
CLOSE_WITHIN = 3
#: Slack's own clients use 10 threads; as many as Bolt has listeners, so that none waits for a seat.
CONCURRENCY = 32


class Socket:
    """One Socket Mode connection of the app, kept alive."""

    def __init__(
        self,
        app: App,
        secrets: Secrets,
        now: Callable[[], datetime],
        *,
        deaf_after: float = DEAF_AFTER,
        watch_every: float = WATCH_EVERY,
    ) -> None:
        self._app, self._secrets, self._now = app, secrets, now
        self._deaf_after, self._watch_every = deaf_after, watch_every
        self._last = self._tried = 0.0
        self._stop, self._look = threading.Event(), threading.Event()
        self._cut = False
        self._client = self._new_client()
        self._watchdog = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Connect, and go on trying where Slack does not answer yet."""
        self._connect()
        self._watchdog.start()

    def stop(self) -> None:
        """Hang up. What was not acked is sent again by Slack, on another connection."""
        self._stop.set()
        self._look.set()
        self._watchdog.join(self._watch_every + 1)
        _close(self._client).join(CLOSE_WITHIN)

    def silence(self) -> float:
        """Seconds since Slack was last heard."""
        session = self._client.current_session
        pong = session.last_pong_tm if session is not None else 0.0
        return max(0.0, self._now().timestamp() - max(self._last, pong))

    def deaf(self) -> str | None:
        """What is wrong with the connection, in words, or None."""
        if self._client.is_connected() and self.silence() <= self._deaf_after:
            return None
        return (
            f"Slack has not been heard for {self.silence():.0f} s" if self._last else "not connected to Slack"
        )

    def _heard(self, *_: Any) -> None:
        self._last = self._now().timestamp()

    def _lost(self, client: SocketModeClient) -> None:
        if client is self._client:  # not one that was already given up
            self._cut = True
            self._look.set()

    def _patient(self) -> bool:
        """Whether the newest line still deserves time: to open, or before it is asked for once more."""
        grace = self._deaf_after / (10 if self._cut else 2)
        return self._now().timestamp() - self._tried < grace

    def _watch(self) -> None:
        while not self._stop.is_set():
            self._look.wait(self._watch_every)
            self._look.clear()
            if self._stop.is_set() or self._patient() or self.deaf() is None:
                continue
            LOG.warning("%s; connecting again", self.deaf())
            _close(self._client)
            self._client = self._new_client()
            self._connect()

    def _new_client(self) -> SocketModeClient:
        """A client for each try, and none that reconnects by itself.

        The client's own monitor takes a line that is just being built for a lost one, and two
        reconnections inside one client can leave it reading the wrong line.
        """
        logger = logging.getLogger("bursar.socket.client")
        logger.setLevel(logging.CRITICAL)  # the watchdog says in one line what it says in many
        handler = SocketModeHandler(
            self._app,
            self._secrets.app(),
            logger=logger,
            web_client=WebClient(
                token=self._secrets.app(), base_url=self._secrets.api_url, retry_handlers=[]
            ),
            ping_interval=min(10, self._deaf_after / 3),
            concurrency=CONCURRENCY,
        )
        client = handler.client
        client.default_auto_reconnect_enabled = False
        client.on_open_listeners.append(self._heard)
        client.on_message_listeners.append(self._heard)
        client.on_close_listeners.append(lambda *_: self._lost(client))
        return client

    def _connect(self) -> None:
        try:
            self._client.connect()
        except (SlackClientError, WebSocketException, OSError, HTTPException) as error:
            LOG.warning("Slack gives no socket yet: %s", error)
        else:
            self._tried = self._now().timestamp()  # a line that is just being built is not deaf
            self._cut = False


def _close(client: SocketModeClient) -> threading.Thread:
    """Close a client on the side: its reader may sleep on for 10 s, and nobody has to wait for that."""
    session, client.current_session = client.current_session, None  # its runner would open it again
    line = session.sock if session is not None else None
    raw = line.sock if line is not None else None
    if session is not None and raw is not None:
        with suppress(OSError):
            raw.shutdown(SHUT_RDWR)
        session.keep_running = False
    closing = threading.Thread(target=client.close, name="hang up", daemon=True)
    closing.start()
    return closing
