"""A workspace with a page and a small real Bolt app behind it, for the tests of the playground."""

import socket
import threading
import time
from typing import Any

import uvicorn
from slack_bolt import App
from slack_bolt.adapter.starlette.handler import to_bolt_request, to_starlette_response
from slack_sdk import WebClient
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.playground.client import Player
from bot.playground.records import Channel, Group, Person
from bot.playground.server import Server, create_app, serve
from bot.playground.workspace import Workspace

SECRET, TOKEN = "signed-with-this", "xoxb-play"
BOT = Person("U0BOT", "Bursar", is_bot=True)
ANA = Person("U0ANA", "Ana Costa", "Owner of Checkout", email="ana@example.com")
BEN = Person("U0BEN", "Ben Okafor", "On-call engineer", email="ben@example.com")
ZOE = Person("U0ZOE", "Zoe Lind", "Outsider")


class Clock:
    """The real time, moved ahead by as many seconds as a test says."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self.ahead


def make_workspace() -> Workspace:
    """Four people, three channels (one private to Ana and Ben, one without the bot), a group."""
    return Workspace(
        [ANA, BEN, ZOE],
        [
            Channel("C0CHECK", "team-checkout", "Checkout's money"),
            Channel("C0ONCALL", "on-call", members=frozenset({ANA.id, BEN.id, BOT.id})),
            Channel("C0AWAY", "bots-keep-out", members=frozenset({ANA.id})),
        ],
        bot=BOT,
        commands=[("/bursar", "spend, findings, approvals, help")],
        shortcuts=[("why_this", "Why this charge?")],
        global_shortcuts=[("ask", "Ask Bursar")],
        groups=[Group("S0FIN", "finance", "Finance", (ANA.id,))],
    )


class Stage:
    """A page and, once `app` has been given listeners, the Bolt app that it talks to."""

    def __init__(self) -> None:
        self.workspace, self.clock = make_workspace(), Clock()
        self._bot_socket = socket.create_server(("127.0.0.1", 0))
        self.bot_url = f"http://127.0.0.1:{self._bot_socket.getsockname()[1]}"
        page = create_app(
            self.workspace, bot_url=self.bot_url, signing_secret=SECRET, token=TOKEN, clock=self.clock
        )
        self.page: Server = serve(page)
        self.client = WebClient(TOKEN, base_url=f"{self.page.url}/api/")
        self.app = App(client=self.client, signing_secret=SECRET, token_verification_enabled=False)
        self.heard: list[dict[str, Any]] = []
        self.retries: list[str | None] = []
        self.app.use(self._listen)
        config = uvicorn.Config(
            Starlette(routes=[Route("/slack/events", self._events, methods=["POST"])]),
            log_level="error",
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self._bot = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._bot.run, kwargs={"sockets": [self._bot_socket]})
        self._thread.start()

    def player(self, person: Person) -> Player:
        """Somebody at the page."""
        return Player(self.page.url, person.id)

    def stop(self) -> None:
        """End both servers."""
        self._bot.should_exit = True
        self.page.stop()
        self._thread.join()

    def _listen(self, body: dict[str, Any], request: Any, next: Any) -> None:  # noqa: A002 - Bolt names it
        self.heard.append(body)
        self.retries.append(next_header(request.headers, "x-slack-retry-num"))
        next()

    async def _events(self, request: Request) -> Response:
        bolt_request = to_bolt_request(request, await request.body())
        return to_starlette_response(await run_in_threadpool(self.app.dispatch, bolt_request))


def next_header(headers: dict[str, list[str]], name: str) -> str | None:
    """One header of a Bolt request."""
    return headers[name][0] if headers.get(name) else None


def mrkdwn(text: str) -> dict[str, Any]:
    """A section that says something."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def button(label: str, action_id: str, value: str = "1", **more: Any) -> dict[str, Any]:
    """A button."""
    text = {"type": "plain_text", "text": label}
    return {"type": "button", "text": text, "action_id": action_id, "value": value, **more}


def modal(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A modal with a submit button."""
    plain = {"type": "plain_text"}
    return {
        "type": "modal",
        "callback_id": "form",
        "title": {**plain, "text": "Dispute a charge"},
        "submit": {**plain, "text": "Send"},
        "blocks": list(blocks),
        **more,
    }


def asks(block_id: str, element: dict[str, Any], label: str = "What?", **more: Any) -> dict[str, Any]:
    """An input block."""
    return {
        "type": "input",
        "block_id": block_id,
        "label": {"type": "plain_text", "text": label},
        "element": {"action_id": "it", **element},
        **more,
    }
