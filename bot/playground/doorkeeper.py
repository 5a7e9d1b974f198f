"""Turns away requests that did not start on this machine or in this page, and dresses every answer."""

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
DRESS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def _host_of(authority: str) -> str | None:
    try:
        return urlsplit(f"//{authority}").hostname
    except ValueError:
        return None


def _follows_a_link(path: str, headers: Headers) -> bool:
    """Whether this only opens the empty page, which a link on any site may do."""
    return headers.get("sec-fetch-mode") == "navigate" and (path == "/" or path.startswith("/archives/"))


def refusal(path: str, headers: Headers) -> str | None:
    """Why a request is turned away, or None. A foreign Host is DNS rebinding, a foreign Origin is CSRF."""
    host = headers.get("host", "")
    if _host_of(host) not in LOOPBACK:
        return "This page answers to loopback names only. Open it as http://127.0.0.1 with its port."
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        return "Another site asked for this. Only the page itself may."
    foreign = headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}
    if foreign and not _follows_a_link(path, headers):
        return "Another site asked for this. Only the page itself may."
    return None


class Doorkeeper:
    """ASGI middleware that applies `refusal` and adds the security headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 or pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in DRESS.items():
                    headers.setdefault(name, value)
            await send(message)

        reason = refusal(scope["path"], Headers(scope=scope))
        app = self._app if reason is None else PlainTextResponse(reason, status_code=403)
        await app(scope, receive, dressed)
