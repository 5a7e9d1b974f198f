"""A tiny EC2 on the loopback: instances that stop and start at once, and a log of what was asked of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from tests.actions.world import ACCOUNT
from tests.history import Effect

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
GOALS = {"StopInstances": "stopped", "StartInstances": "running"}
CODES = {"running": 16, "stopped": 80}
IDENTITY = (
    "<GetCallerIdentityResponse><GetCallerIdentityResult>"
    f"<Arn>arn:aws:iam::{ACCOUNT}:user/bot</Arn><UserId>U</UserId><Account>{ACCOUNT}</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
)
WOULD_WORK = (
    "<Response><Errors><Error><Code>DryRunOperation</Code><Message>It would work.</Message></Error></Errors>"
    "</Response>"
)


class Cloud:
    """Instances by id, and the effects on them in order.

    Attributes:
        head: says how long the audit log is at this moment, for the history.
    """

    def __init__(self) -> None:
        self.address = ""
        self.head: Callable[[], int] = lambda: 0
        self.reset(0)
        self._lock = threading.Lock()

    def reset(self, count: int) -> None:
        """So many instances that run, and nothing was asked yet."""
        self.states = {f"i-{number:04}": "running" for number in range(count)}
        self.tags = {key: {"Name": f"box-{key}", "Environment": "dev", "team": "web"} for key in self.states}
        self.effects: list[Effect] = []

    def answer(self, form: dict[str, str]) -> tuple[int, str]:
        """The status and body of one call."""
        operation = form["Action"]
        if operation == "GetCallerIdentity":
            return 200, IDENTITY
        if form.get("DryRun") == "true":
            return 412, WOULD_WORK
        with self._lock:
            return 200, getattr(self, f"_{operation}")(form)

    def _DescribeInstances(self, form: dict[str, str]) -> str:  # noqa: N802 - the name of the operation
        wanted = [value for key, value in form.items() if key.startswith("InstanceId.")]
        states = [value for key, value in form.items() if ".Value." in key]
        rows = [
            self._row(key)
            for key, state in self.states.items()
            if (not wanted or key in wanted) and (not states or state in states)
        ]
        return _reply(
            "DescribeInstances",
            f"<reservationSet><item><instancesSet>{''.join(rows)}</instancesSet></item></reservationSet>",
        )

    def _row(self, key: str) -> str:
        state = self.states[key]
        tags = "".join(f"<item><key>{k}</key><value>{v}</value></item>" for k, v in self.tags[key].items())
        return (
            f"<item><instanceId>{key}</instanceId><instanceState><code>{CODES[state]}</code><name>{state}</name>"
            "</instanceState><instanceType>t3.medium</instanceType><launchTime>2026-01-01T00:00:00.000Z</launchTime>"
            f"<rootDeviceType>ebs</rootDeviceType><tagSet>{tags}</tagSet></item>"
        )

    def _CreateTags(self, form: dict[str, str]) -> str:  # noqa: N802 - likewise
        for key in (value for name, value in form.items() if name.startswith("ResourceId.")):
            self.tags[key][form["Tag.1.Key"]] = form["Tag.1.Value"]
        return _reply("CreateTags", "<return>true</return>")

    def _change(self, form: dict[str, str]) -> str:
        operation = form["Action"]
        for key in (value for name, value in form.items() if name.startswith("InstanceId.")):
            self.effects.append(Effect(self.head(), operation, key))
            self.states[key] = GOALS[operation]
        return _reply(operation, "<instancesSet/>")

    _StopInstances = _StartInstances = _change


def _reply(operation: str, inner: str) -> str:
    return f'<{operation}Response xmlns="{NAMESPACE}"><requestId>r</requestId>{inner}</{operation}Response>'


@contextmanager
def serving() -> Iterator[Cloud]:
    """A cloud that listens until the block ends."""
    cloud = Cloud()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            status, text = cloud.answer(dict(parse_qsl(body)))
            self.send_response(status)
            self.send_header("content-type", "text/xml")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    cloud.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield cloud
    server.shutdown()
    thread.join()
    server.server_close()
