"""The loopback server: Slack's Web API for the bot, the page and its control surface for a person."""

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from bot.playground import scene
from bot.playground.calls import Call
from bot.playground.delivery import Delivery
from bot.playground.doorkeeper import Doorkeeper
from bot.playground.gestures import GESTURES, Desk
from bot.playground.live import Live
from bot.playground.methods import answer
from bot.playground.modals import MODAL_GESTURES
from bot.playground.pagefiles import page_file, upload_file
from bot.playground.records import Logged, SlackSays
from bot.playground.replies import respond
from bot.playground.workspace import Workspace

Json = dict[str, Any]


class Counter:
    """Answers the requests of the bot and of the page.

    Args:
        workspace: what everything acts on.
        delivery: the road to the bot.
        token: the bot token that the Web API asks for.
        clock: seconds since the epoch.
        live: tells open pages of changes.
    """

    def __init__(
        self, workspace: Workspace, delivery: Delivery, token: str, clock: Callable[[], float], live: Live
    ) -> None:
        self._workspace, self._delivery, self._token, self._clock = workspace, delivery, token, clock
        self._live = live

    async def web_api(self, request: Request) -> Response:
        """One Web API call of the bot."""
        method = request.path_params["method"]
        fault = self._workspace.faults.take(method)
        if fault is not None:
            headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            body = {"ok": False, "error": fault.error}
            self._workspace.log.append(Logged(self._clock(), method, {}, ok=False, error=fault.error))
            return JSONResponse(body, status_code=fault.status, headers=headers)
        fields = await _fields(request)
        given = request.headers.get("authorization", "").removeprefix("Bearer ") or fields.pop("token", "")
        fields.pop("token", None)
        if given != self._token:
            return JSONResponse({"ok": False, "error": "invalid_auth" if given else "not_authed"})
        call = Call(self._workspace, fields, self._clock(), str(request.base_url))
        return JSONResponse(answer(method, call))

    async def upload(self, request: Request) -> Response:
        """The bytes of an announced file."""
        file = self._workspace.files.get(request.path_params["file"])
        if file is None:
            return PlainTextResponse("no such upload", status_code=404)
        file.content = await request.body()
        return PlainTextResponse(f"OK - {len(file.content)}")

    async def response_url(self, request: Request) -> Response:
        """A post to a `response_url`."""
        try:
            respond(self._workspace, request.path_params["name"], await request.json(), self._clock())
        except json.JSONDecodeError:
            return PlainTextResponse("invalid_payload", status_code=400)
        except SlackSays as refusal:
            gone = refusal.error in {"used_url", "expired_url"}
            return JSONResponse({"ok": False, "error": refusal.error}, status_code=404 if gone else 400)
        return PlainTextResponse("ok")

    async def do(self, request: Request) -> Response:
        """What a person does, by hand or by script."""
        gesture = {**GESTURES, **MODAL_GESTURES}.get(request.path_params["gesture"])
        if gesture is None:
            return JSONResponse({"ok": False, "error": "unknown_gesture"}, status_code=404)
        if not request.headers.get("content-type", "").startswith("application/json"):
            return JSONResponse({"ok": False, "error": "json_only"}, status_code=415)
        try:
            ask = await request.json()
        except json.JSONDecodeError:
            return JSONResponse({"ok": False, "error": "json_only"}, status_code=400)
        desk = Desk(self._workspace, self._delivery, self._clock, str(request.base_url))
        try:
            return JSONResponse(await run_in_threadpool(gesture, desk, ask))
        except SlackSays as refusal:
            said = {"ok": False, "error": refusal.error, "messages": refusal.messages, "response": None}
            return JSONResponse(said)

    async def state(self, request: Request) -> Response:
        """What a person sees; without `as` the first person."""
        people = [person for person in self._workspace.people.values() if not person.is_bot]
        name = request.query_params.get("as", people[0].id)
        if name not in {person.id for person in people}:
            return JSONResponse({"ok": False, "error": "user_not_found"}, status_code=404)
        person = self._workspace.people[name]
        return JSONResponse(scene.seen_by(self._workspace, person, str(request.base_url)))

    async def events(self, _request: Request) -> Response:
        """A stream of version numbers: one whenever there is something new to see."""
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._live.stream(), media_type="text/event-stream", headers=headers)

    async def log(self, _request: Request) -> Response:
        """The Web API calls seen from the bot, oldest first."""
        with self._workspace.lock:
            return JSONResponse([asdict(entry) for entry in self._workspace.log])

    async def file(self, request: Request) -> Response:
        """An uploaded file."""
        return upload_file(self._workspace.files.get(request.path_params["file"]))


async def _fields(request: Request) -> Json:
    fields: Json = dict(request.query_params)
    body = await request.body()
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            said = json.loads(body or b"{}")
        except json.JSONDecodeError:
            said = {}
        return fields | (said if isinstance(said, dict) else {})
    return fields | dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


async def _page(request: Request) -> FileResponse | Response:
    return page_file(request.path_params.get("name", "page.html"))


def create_app(
    workspace: Workspace, *, bot_url: str, signing_secret: str, token: str, clock: Callable[[], float]
) -> Starlette:
    """The page and the Web API around a workspace.

    Args:
        workspace: the state; it may be shared with tests.
        bot_url: where the bot answers (`/slack/events` is added).
        signing_secret: what requests to the bot are signed with.
        token: the bot token to expect.
        clock: seconds since the epoch, for timestamps and expiry.
    """
    live = Live(workspace)
    delivery = Delivery(bot_url, signing_secret, clock, workspace.faults)
    counter = Counter(workspace, delivery, token, clock, live)
    routes = [
        Route("/", _page),
        Route("/page/{name}", _page),
        Route("/archives/{rest:path}", _page),
        Route("/api/{method}", counter.web_api, methods=["GET", "POST"]),
        Route("/upload/v1/{file}", counter.upload, methods=["POST"]),
        Route("/response/{name}", counter.response_url, methods=["POST"]),
        Route("/do/{gesture}", counter.do, methods=["POST"]),
        Route("/state", counter.state),
        Route("/events", counter.events),
        Route("/log", counter.log),
        Route("/files/{file}/{name}", counter.file),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(Doorkeeper)])
    app.state.live = live
    return app


class Server:
    """A served app: `start` it, read its `port` and `url`, `stop` it."""

    def __init__(self, app: Starlette, host: str, port: int) -> None:
        self._live: Live = app.state.live
        self._socket = socket.create_server((host, port), backlog=128)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{host}:{self.port}"
        config = uvicorn.Config(
            app, log_level="warning", lifespan="off", ws="none", access_log=False, timeout_graceful_shutdown=3
        )
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._uvicorn.run, kwargs={"sockets": [self._socket]}, name="playground", daemon=True
        )

    def start(self) -> "Server":
        """Begin to answer, once; connections made before the loop runs wait in the backlog."""
        if self._thread.ident is None:
            self._thread.start()
        return self

    def stop(self) -> None:
        """End the open event streams, then the server, and wait for it."""
        self._live.close()
        self._uvicorn.should_exit = True
        self._thread.join()


def serve(app: Starlette, host: str = "127.0.0.1", port: int = 0) -> Server:
    """Serve an app from `create_app` in a thread, started already; port 0 takes a free one.

    Raises:
        ValueError: the host is not this machine.
    """
    if urlsplit(f"//{host}").hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise ValueError(
            f"{host} is not a loopback address: this page has no login, so it stays on this machine"
        )
    return Server(app, host, port).start()
