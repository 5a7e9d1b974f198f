"""A tiny WebSocket server on the loopback (RFC 6455): one side of Socket Mode, that can go deaf or away."""

import base64
import hashlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class WebSocketServer:
    """Takes connections, keeps what was said, answers pings unless it is mute."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.connections = 0
        self.mute = False
        self._open: list[socket.socket] = []
        self._lines: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self._listener.getsockname()[1]}/link"

    def accept(self) -> None:
        """Take connections until the listener is closed."""
        with suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                self._open.append(line)
                thread = threading.Thread(target=self._talk, args=(line,))
                thread.start()
                self._threads.append(thread)

    def send(self, text: str) -> None:
        """Say something on the newest connection."""
        self._lines[-1].sendall(frame(TEXT, text.encode()))

    def cut(self) -> None:
        """Cut all connections without a word."""
        for line in self._open:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        self._open.clear()
        self._lines.clear()

    def close(self) -> None:
        """Stop."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(5)

    def _talk(self, line: socket.socket) -> None:
        with line, line.makefile("rb") as read, suppress(OSError, EOFError):
            key = b""
            while (header := read.readline().strip()) != b"":
                if header.lower().startswith(b"sec-websocket-key:"):
                    key = header.split(b":", 1)[1].strip()
            accepted = base64.b64encode(hashlib.sha1(key + GUID).digest())  # noqa: S324 - RFC 6455 says SHA-1
            self._lines.append(line)
            self.connections += 1
            line.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accepted + b"\r\n\r\n"
            )
            while True:
                first, second = _exactly(read, 2)
                length = second & 127
                if length == 126:
                    [length] = struct.unpack(">H", _exactly(read, 2))
                mask, data = _exactly(read, 4), _exactly(read, length)
                said = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
                if not self._heard(line, first & 15, said):
                    return

    def _heard(self, line: socket.socket, kind: int, said: bytes) -> bool:
        if kind == TEXT:
            self.said.append(said.decode())
        elif kind == PING and not self.mute:
            line.sendall(frame(PONG, said))
        elif kind == CLOSE:
            line.sendall(frame(CLOSE, said))
            return False
        return True


def frame(kind: int, data: bytes) -> bytes:
    """One whole, unmasked frame."""
    size = bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack(">H", len(data))
    return bytes([128 | kind]) + size + data


def _exactly(read: object, size: int) -> bytes:
    data: bytes = read.read(size)  # type: ignore[attr-defined]
    if len(data) < size:
        raise EOFError
    return data


@contextmanager
def serving() -> Iterator[WebSocketServer]:
    """A server that listens until the block ends."""
    server = WebSocketServer()
    thread = threading.Thread(target=server.accept)
    thread.start()
    yield server
    server.close()
    thread.join()
