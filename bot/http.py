"""The HTTP side: Slack's signed requests, health, readiness and figures, on an ASGI server."""

import asyncio
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import anyio
import anyio.to_thread
import uvicorn
from h11 import IDLE, SEND_BODY
from slack_bolt import App, BoltRequest, BoltResponse
from slack_sdk.signature import Clock, SignatureVerifier
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot import envelope
from bot.incidents import IncidentDoor
from bot.metrics import CONTENT_TYPE, Metrics
from spend.errors import SettingsWrong

#: Bolt waits in a thread for a listener's ack; more threads than listeners, so that none waits for a seat.
THREADS = 64
LARGEST_BODY = 1_000_000
#: Seconds since 1970, as Slack writes them.
STAMP = re.compile(r"[0-9]{1,12}")
#: Seconds for a request to arrive; Slack needs far less.
PATIENCE = 10
#: Seconds for requests that are under way when the server is told to stop.
GRACE = 10

Ready = Callable[[], str | None]


class SlackDoor:
    """`/slack/events`: checks the signature, then hands the request to Bolt in a thread."""

    def __init__(self, app: App, signing_secret: str, metrics: Metrics, now: Callable[[], datetime]) -> None:
        self._app = app
        self._verifier = SignatureVerifier(signing_secret, clock=_Moment(now))
        self._metrics = metrics
        self._limiter: anyio.CapacityLimiter | None = None

    async def __call__(self, request: Request) -> Response:
        """Answer one request of Slack's, or of a stranger's."""
        if (body := await _body(request)) is None:
            return self._no("size", 413, "too large")
        if (text := self._genuine(body, request)) is None:
            return self._no("signature", 401, "invalid request")
        if (asked := envelope.opened(text, request.headers.get("content-type", ""))) is None:
            return self._no("shape", 400, "this is not what Slack sends")
        self._limiter = self._limiter or anyio.CapacityLimiter(THREADS)
        with self._metrics.acks.time():
            answer = await anyio.to_thread.run_sync(self._dispatch, asked, limiter=self._limiter)
        return Response(answer.body, answer.status, answer.first_headers_without_set_cookie())

    def _no(self, why: str, status: int, text: str) -> Response:
        self._metrics.refused.labels(why).inc()
        return PlainTextResponse(text, status)

    def _genuine(self, body: bytes, request: Request) -> str | None:
        """The body as text if Slack signed it within the last five minutes."""
        stamp = request.headers.get("x-slack-request-timestamp", "")
        signature = request.headers.get("x-slack-signature", "")
        if not (STAMP.fullmatch(stamp) and signature.isascii()):
            return None
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return None
        return text if self._verifier.is_valid(text, stamp, signature) else None

    def _dispatch(self, asked: dict[str, Any]) -> BoltResponse:
        return self._app.dispatch(as_sent(asked))


def as_sent(body: Mapping[str, Any]) -> BoltRequest:
    """A request whose signature was checked already, over the bytes that were signed, as if by the socket."""
    return BoltRequest(body=dict(body), mode="socket_mode")


class _Moment(Clock):
    """The verifier's clock is ours."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def now(self) -> float:
        return self._now().timestamp()


async def _body(request: Request) -> bytes | None:
    """The body, as far as it came; None if it is larger than anything Slack sends."""
    read = bytearray()
    with suppress(ClientDisconnect):
        async for chunk in request.stream():
            read += chunk
            if len(read) > LARGEST_BODY:
                return None
    return bytes(read)


class Patient(H11Protocol):
    """Closes a connection whose request does not arrive whole within the time for keeping it alive."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn narrows it
        """Expect a request."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Expect no more once it is there."""
        super().data_received(data)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing."""
        self._heard()
        super().connection_lost(exc)

    def _expect(self) -> None:
        if self.conn.their_state not in {IDLE, SEND_BODY}:
            self._heard()
        elif self._late is None:
            self._late = self.loop.call_later(self.timeout_keep_alive, self.transport.close)

    def _heard(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def build(
    ready: Ready, metrics: Metrics, slack: SlackDoor | None = None, incidents: IncidentDoor | None = None
) -> Starlette:
    """The web application: health for everybody, and Slack's door in HTTP mode.

    Args:
        ready: says in words what keeps this process from working, or None.
        incidents: where other systems tell of incidents; None where no token is set for them.
    """

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        reason = await anyio.to_thread.run_sync(ready)
        return PlainTextResponse("ready\n" if reason is None else f"{reason}\n", 503 if reason else 200)

    async def figures(_: Request) -> Response:
        return Response(await anyio.to_thread.run_sync(metrics.text), media_type=CONTENT_TYPE)

    routes = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", figures)]
    if slack is not None:
        routes.append(Route("/slack/events", slack.__call__, methods=["POST"]))
    if incidents is not None:
        routes.append(Route("/incidents", incidents.__call__, methods=["POST"]))
    return Starlette(routes=routes)


class Server:
    """uvicorn in a thread of its own: the main thread keeps the signals."""

    def __init__(self, web: Starlette, host: str, port: int, *, patience: int = PATIENCE) -> None:
        self._address = f"{host}:{port}"
        self._server = uvicorn.Server(
            uvicorn.Config(
                web,
                host=host,
                port=port,
                http=Patient,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE,
                timeout_keep_alive=patience,
            )
        )
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, name="http", daemon=True)

    def start(self) -> int:
        """Begin to listen, and say on which port.

        Raises:
            SettingsWrong: the address is taken or is not ours.
        """
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.01)
            if not self._thread.is_alive():
                raise SettingsWrong(f"Nothing can listen at {self._address}; choose another HOST:PORT.")
        return int(self._server.servers[0].sockets[0].getsockname()[1])

    def stop(self) -> None:
        """Finish what is under way, then close."""
        self._server.should_exit = True
        self._thread.join(GRACE + 5)

    def _serve(self) -> None:
        try:
            self._server.run()
        except SystemExit as error:  # uvicorn's word for "cannot bind"
            self._failed = error


def address(text: str) -> tuple[str, int]:
    """Read HOST:PORT.

    Raises:
        SettingsWrong: it is not that.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:  # noqa: PLR2004 - the largest port there is
        raise SettingsWrong(f"{text!r} is no address; write HOST:PORT, such as 127.0.0.1:3000.")
    return host.strip("[]"), int(port)
