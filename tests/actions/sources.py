"""A small server on the loopback that answers as sources do on bad days."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Source:
    """What the next request is answered with, and what was asked.

    Attributes:
        drip: seconds between two bytes of the answer.
        answers: the status and the data for each path, where they differ.
    """

    url: str = ""
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    drip: float = 0
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    answers: Callable[[str], tuple[int, Any]] | None = None

    def says(self, data: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Answer with this from here on."""
        self.status, self.headers = status, headers or {}
        self.body = data if isinstance(data, bytes) else json.dumps(data).encode()


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Source]:
    """The server, until the block ends."""
    source = Source()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            source.asked.append((self.path, self.headers.get("Authorization")))
            if source.answers is not None:
                status, data = source.answers(self.path)
                source.says(data, status)
            self.send_response(source.status)
            for name, value in source.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(source.body)))
            self.end_headers()
            pieces = [source.body] if not source.drip else [bytes([one]) for one in source.body]
            for piece in pieces:
                if source.drip and source.stopped.wait(source.drip):
                    return
                self.wfile.write(piece)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    source.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield source
    finally:
        source.stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()
