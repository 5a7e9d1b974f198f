"""A loopback proxy before the cloud: it counts calls, and can refuse, lose an answer or hang up."""

import http.client
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

#: Says what goes wrong with a call: `(operation, body)` → one of the words below, or None.
#: `lose`: it is forwarded, and the answer is dropped. `drop`: hung up before it is forwarded.
#: `html`: a 500 that is not the cloud's. `throttle`: refused with a throttling code.
#: `limit`: the same, as a definite refusal. `deny`: refused with a code of the cloud's.
#: `garble`: it is forwarded, and the answer is no XML.
Fault = Callable[[str, str], str | None]

_ERROR = "<Response><Errors><Error><Code>{code}</Code><Message>{text}</Message></Error></Errors></Response>"
_REFUSALS = {
    "throttle": (503, _ERROR.format(code="RequestLimitExceeded", text="Slow down.")),
    "limit": (400, _ERROR.format(code="RequestLimitExceeded", text="Slow down.")),
    "deny": (403, _ERROR.format(code="UnauthorizedOperation", text="You are not authorized.")),
    "html": (500, "<html><body>Internal Server Error</body></html>"),
}


def well(_operation: str, _body: str) -> None:
    """Nothing goes wrong."""


class Proxy:
    """Stands between a client and the cloud's address."""

    def __init__(self, upstream: str) -> None:
        self.calls: list[tuple[str, str]] = []
        self.fault: Fault = well
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, upstream))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def reset(self) -> None:
        """Forget the calls and the faults."""
        self.calls.clear()
        self.fault = well

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def count(self, operation: str, *, holding: str = "") -> int:
        """How many calls of this operation, dry runs apart, arrived at the cloud's door."""
        return sum(
            name == operation and holding in body and "DryRun=true" not in body for name, body in self.calls
        )

    def of(self, operation: str) -> list[str]:
        return [body for name, body in self.calls if name == operation]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(proxy: Proxy, upstream: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One call."""

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            operation, text = (
                _operation(self.command, self.path, self.headers.get("x-amz-target"), body),
                body.decode("latin-1"),
            )
            proxy.calls.append((operation, text))
            fault = proxy.fault(operation, text)
            if fault == "drop":
                self.close_connection = True
                return
            if fault in _REFUSALS:
                status, answer = _REFUSALS[fault]
                self._reply(status, {"content-type": "text/xml"}, answer.encode())
                return
            status, headers, answer_body = self._forward(body)
            if fault == "lose":
                self.close_connection = True
                return
            self._reply(status, headers, b"<html>" if fault == "garble" else answer_body)

        do_GET = do_POST = do_PUT = do_DELETE = _pass  # noqa: N815 - the names that http.server calls

        def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            line = http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=20)
            sent = {k: v for k, v in self.headers.items() if k.lower() not in {"host", "connection"}}
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

    return Handler


def _operation(method: str, path: str, header: str | None, body: bytes) -> str:
    """The operation's name: as the header or the body tell it, else the method and the path's end."""
    if header:
        return header.rsplit(".", 1)[-1]
    form = parse_qs(body.decode("latin-1"))
    if "Action" in form:
        return form["Action"][0]
    return f"{method} {urlsplit(path).path.rsplit('/', 1)[-1]}"
