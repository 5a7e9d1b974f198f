"""A tiny Slack on the loopback: takes Web API calls, answers as told, and signs requests."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode

from pydantic import SecretStr
from slack_sdk.signature import SignatureVerifier

from bot.settings import Secrets

SIGNING = "8f742231b10e8888abcd99yyyzzz85a5"
TEAM = "T_OURS"
BOT = {"ok": True, "team_id": TEAM, "team": "ours", "user_id": "U_BOT", "bot_id": "B_BOT", "user": "bursar"}


@dataclass(frozen=True)
class Answer:
    """One scripted answer. `lost`: the call is taken, and the line is cut before the answer."""

    body: Mapping[str, Any] = field(default_factory=lambda: {"ok": True})
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    lost: bool = False


RATE_LIMITED = Answer({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "7"})
BROKEN = Answer({"ok": False, "error": "internal_error"}, 500)
LOST = Answer(lost=True)


def error(code: str) -> Answer:
    """Slack's way to say no."""
    return Answer({"ok": False, "error": code})


@dataclass
class Call:
    """One call of a Web API method."""

    method: str
    args: dict[str, Any]


class Slack:
    """What was called, and what is to be answered next."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.url = ""
        self.socket_url = ""
        self._scripted: dict[str, list[Answer]] = {}
        self._lock = threading.Lock()

    @property
    def secrets(self) -> Secrets:
        """The secrets of an app of this Slack."""
        return Secrets(
            bot_token=SecretStr("xoxb-test"),
            app_token=SecretStr("xapp-test"),
            signing_secret=SecretStr(SIGNING),
            api_url=self.url,
        )

    def script(self, method: str, *answers: Answer) -> None:
        """Answer the next calls of a method like this; then like a healthy Slack again."""
        self._scripted.setdefault(method, []).extend(answers)

    def of(self, *methods: str) -> list[dict[str, Any]]:
        """The arguments of the calls of these methods, in order."""
        return [call.args for call in self.calls if call.method in methods]

    def texts(self) -> list[tuple[str, str]]:
        """What was posted where."""
        return [(args["channel"], args["text"]) for args in self.of("chat.postMessage")]

    def take(self, method: str, args: dict[str, Any]) -> Answer:
        """Keep a call and say what to answer."""
        with self._lock:
            if method not in {"auth.test", "apps.connections.open"}:
                self.calls.append(Call(method, args))
            if scripted := self._scripted.get(method):
                return scripted.pop(0)
            return Answer(self._healthy(method, args, len(self.calls)))

    def _healthy(self, method: str, args: Mapping[str, Any], number: int) -> Mapping[str, Any]:
        usual: dict[str, Callable[[], Mapping[str, Any]]] = {
            "apps.connections.open": lambda: {"url": self.socket_url},
            "chat.postMessage": lambda: {"channel": args["channel"], "ts": f"1700000000.{number:06}"},
            "users.info": lambda: {"user": {"id": args["user"], "team_id": TEAM}},
            "views.open": lambda: {"view": {"id": "V1"}},
            "files.getUploadURLExternal": lambda: {
                "upload_url": f"{self.url}upload",
                "file_id": f"F{number}",
            },
            "files.completeUploadExternal": lambda: {"files": [{"id": "F1"}]},
            "auth.test": lambda: BOT,
        }
        return {"ok": True, **usual.get(method, dict)()}


class _Handler(BaseHTTPRequestHandler):
    slack: Slack

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        method = self.path.removeprefix("/api/").split("?")[0]
        answer = self.slack.take(method, {"bytes": body} if method == "upload" else self._args(body))
        if answer.lost:
            self.close_connection = True
            self.connection.close()
            return
        data = json.dumps(answer.body).encode()
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _args(self, body: bytes) -> dict[str, Any]:
        kind = self.headers.get("Content-Type", "")
        if "json" in kind:
            found = json.loads(body or "{}")
            assert isinstance(found, dict)
            return found
        return dict(parse_qsl(body.decode()))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it has in http.server
        pass


@contextmanager
def serving() -> Iterator[Slack]:
    """A Slack that listens until the block ends."""
    slack = Slack()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"slack": slack}))
    slack.url = f"http://127.0.0.1:{server.server_port}/api/"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield slack
    server.shutdown()
    thread.join()
    server.server_close()


def signed(body: str, at: datetime, secret: str = SIGNING) -> dict[str, str]:
    """The headers with which Slack sends this body."""
    stamp = str(int(at.timestamp()))
    signature = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)
    return {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": signature or "",
    }


def click(
    action: str, value: str = "plan-1", *, person: str = "U_ANN", team: str = TEAM, at: str = "1700000000.1"
) -> str:
    """The body of a pressed button."""
    payload = {
        "type": "block_actions",
        "team": {"id": TEAM},
        "user": {"id": person, "team_id": team},
        "channel": {"id": "C_OPS"},
        "container": {"type": "message", "channel_id": "C_OPS", "message_ts": "1700000000.000001"},
        "trigger_id": "1.2.3",
        "actions": [
            {"type": "button", "block_id": "b", "action_id": action, "value": value, "action_ts": at}
        ],
    }
    return urlencode({"payload": json.dumps(payload)})
