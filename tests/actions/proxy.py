"""A loopback proxy before the cloud: it keeps what arrived, and can misbehave as clouds do."""

import http.client
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

#: Says what goes wrong with a call: `(operation, body)` → one of the words below, or None. A dry run is
#: an operation of its own, named `DryRun StopInstances`.
#: Refused before it reaches the cloud: `drop` hangs up, `html` is a 500 that is not the cloud's,
#: `throttle` is a throttling code as EC2 says it (503), `limit` the same with a 400, `deny` a refusal.
#: Forwarded, so that it is applied: then `lose` hangs up, `hang` never answers, `broken` answers 503,
#: `garble` answers no XML, `empty` answers a list without items. `page`: asked to answer a page of five.
Fault = Callable[[str, str], str | None]

_ERROR = "<Response><Errors><Error><Code>{code}</Code><Message>{text}</Message></Error></Errors></Response>"
_REFUSALS = {
    "throttle": (503, _ERROR.format(code="RequestLimitExceeded", text="Slow down.")),
    "limit": (400, _ERROR.format(code="RequestLimitExceeded", text="Slow down.")),
    "deny": (403, _ERROR.format(code="UnauthorizedOperation", text="You are not authorized.")),
    "html": (500, "<html><body>Internal Server Error</body></html>"),
}
_BROKEN = _ERROR.format(code="Unavailable", text="The service is unavailable.").encode()
#: How the body, the path and the answer's lists name what a call is about.
_RESOURCE = re.compile(r"(?:InstanceId|VolumeId|ResourceId|SnapshotId)(?:\.1)?=([^&]+)")
_FUNCTION = re.compile(r"/functions/([^/?]+)")
_RUN = re.compile(r"Key=bursar%3Arun&Tag\.1\.Value=([^&]+)|Value=(plan-[^&]+)")
_LISTS = re.compile(rb"<(reservationSet|volumeSet|snapshotSet)>.*</\1>", re.DOTALL)
_READING = ("Describe", "DryRun", "Get", "List", "GET", "AssumeRole")


@dataclass(frozen=True, slots=True)
class Request:
    """One call as it arrived, for whoever checks a history.

    Attributes:
        account: the access key with which it was signed.
        run: the run that the call itself names in a tag, or None.
        status: what the cloud itself answered; 0 where it never arrived there.
        seq: how long the audit log was when it arrived, where somebody asks.
    """

    at: datetime
    account: str
    action: str
    resource: str
    run: str | None
    status: int
    seq: int = 0

    @property
    def changes(self) -> bool:
        """Whether it asked for a change; a dry run does not."""
        return not self.action.startswith(_READING)

    @property
    def accepted(self) -> bool:
        """Whether the cloud took it."""
        return 200 <= self.status < 300


def well(_operation: str, _body: str) -> None:
    """Nothing goes wrong."""


class Proxy:
    """Stands between a client and the cloud's address."""

    def __init__(self, upstream: str) -> None:
        self.calls: list[tuple[str, str]] = []
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self.fault: Fault = well
        self.head: Callable[[], int] = lambda: 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, upstream))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def reset(self) -> None:
        """Forget the calls and the faults."""
        self.calls.clear()
        self.requests.clear()
        self.fault = well
        self.head = lambda: 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def count(self, operation: str, *, holding: str = "") -> int:
        """How many calls of this operation, dry runs apart, arrived at the cloud's door."""
        return sum(name == operation and holding in body for name, body in self.calls)

    def of(self, operation: str) -> list[str]:
        return [body for name, body in self.calls if name == operation]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(proxy: Proxy, upstream: str) -> type[BaseHTTPRequestHandler]:
    return type("Handler", (_Handler,), {"proxy": proxy, "upstream": urlsplit(upstream).netloc})


class _Handler(BaseHTTPRequestHandler):
    """One call."""

    proxy: Proxy
    upstream: str

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        operation = _operation(self.command, self.path, self.headers.get("x-amz-target"), body)
        text = body.decode("latin-1")
        self.proxy.calls.append((operation, text))
        arrived = (datetime.now(UTC), self.proxy.head())
        fault = self.proxy.fault(operation, text)
        if fault == "drop" or fault in _REFUSALS:
            self._keep(arrived, operation, text, 0)
            self._refuse(fault)
            return
        status, headers, found = self._forward(body + b"&MaxResults=5" * (fault == "page"))
        self._keep(arrived, operation, text, status)
        self._answer(fault, status, headers, found)

    do_GET = do_POST = do_PUT = do_DELETE = _pass  # noqa: N815 - the names that http.server calls

    def _keep(self, arrived: tuple[datetime, int], operation: str, body: str, status: int) -> None:
        account = self.headers.get("authorization", "").partition("Credential=")[2].partition("/")[0]
        about = _RESOURCE.search(body) or _FUNCTION.search(self.path)
        run = _RUN.search(body)
        named = (run[1] or run[2]) if run else None
        at, seq = arrived
        kept = Request(at, account, operation, about[1] if about else "", named, status, seq)
        self.proxy.requests.append(kept)

    def _refuse(self, fault: str) -> None:
        if fault == "drop":
            self.close_connection = True
            return
        status, answer = _REFUSALS[fault]
        self._reply(status, {"content-type": "text/xml"}, answer.encode())

    def _answer(self, fault: str | None, status: int, headers: dict[str, str], found: bytes) -> None:
        if fault == "hang":
            self.proxy.closing.wait(120)
        if fault in {"lose", "hang"}:
            self.close_connection = True
        elif fault == "broken":
            self._reply(503, {"content-type": "text/xml"}, _BROKEN)
        elif fault == "empty":
            self._reply(status, headers, _LISTS.sub(rb"<\1/>", found))
        else:
            self._reply(status, headers, b"<html>" if fault == "garble" else found)

    def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        line = http.client.HTTPConnection(self.upstream, timeout=20)
        own = {"host", "connection", "content-length"}
        sent = {k: v for k, v in self.headers.items() if k.lower() not in own}
        line.request(self.command, self.path, body, {**sent, "Host": self.headers["host"]})
        answer = line.getresponse()
        found = answer.read()
        line.close()
        dropped = {"transfer-encoding", "connection", "content-length", "server", "date"}
        return answer.status, {k: v for k, v in answer.getheaders() if k.lower() not in dropped}, found

    def _reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _operation(method: str, path: str, header: str | None, body: bytes) -> str:
    """The operation's name: as the header or the body tell it, else the method and the path's end."""
    if header:
        return header.rsplit(".", 1)[-1]
    form = parse_qs(body.decode("latin-1"))
    if "Action" in form:
        return "DryRun " * (form.get("DryRun") == ["true"]) + form["Action"][0]
    return f"{method} {urlsplit(path).path.rsplit('/', 1)[-1]}"
