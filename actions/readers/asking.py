"""One question over HTTP to an address of the settings: bounded in time and size, and never led elsewhere."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from actions.errors import Unreadable

#: Seconds for the whole answer, however slowly it drips.
WITHIN = 5.0
#: Bytes; an answer that is longer was not meant for us.
LARGEST = 1_000_000
_PIECE = 65_536


@dataclass(frozen=True, slots=True)
class Address:
    """Where a source answers.

    Attributes:
        url: as the settings have it; only its host is ever asked.
        token: sent as a bearer token.
        within: seconds for the whole answer.
        largest: bytes of the whole answer.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    within: float = WITHIN
    largest: int = LARGEST

    @property
    def host(self) -> str:
        """What people call the source."""
        return urlsplit(self.url).netloc.rpartition("@")[2]


def ask(address: Address, path: str) -> Any:
    """The JSON that this path of the address answers with.

    Raises:
        Unreadable: no answer, a late, long, redirected or refused one, or one that is no JSON.
    """
    return _read(address.host, *answered(address, path))


def answered(address: Address, path: str) -> tuple[int, bytes]:
    """The status and the body that this path of the address answers with, whatever they are.

    http.client and nothing above it: no redirect is followed, and no proxy of the environment is used.

    Raises:
        Unreadable: no answer, a late or a long one, or a redirected one.
    """
    deadline = monotonic() + address.within
    secure = urlsplit(address.url).scheme == "https"
    kind = HTTPSConnection if secure else HTTPConnection
    line = kind(address.host, timeout=address.within)
    try:
        line.request("GET", path, headers=_headers(address))
        answer = line.getresponse()
        body = _body(answer.read1, deadline, address.largest)
    except TimeoutError as error:
        raise Unreadable(f"{address.host} did not answer within {address.within:g} s") from error
    except (OSError, HTTPException, ValueError) as error:
        raise Unreadable(f"{address.host} could not be asked ({type(error).__name__})") from error
    finally:
        line.close()
    if 300 <= answer.status < 400:  # noqa: PLR2004 - HTTP's redirections
        raise Unreadable(f"{address.host} answered with a redirection, which is not followed")
    return answer.status, body


def _headers(address: Address) -> dict[str, str]:
    asked = {"Accept": "application/json", "Connection": "close"}
    return {**asked, "Authorization": f"Bearer {address.token}"} if address.token else asked


def _body(read: Callable[[int], bytes], deadline: float, largest: int) -> bytes:
    body = bytearray()
    while piece := read(_PIECE):
        body += piece
        if len(body) > largest:
            raise ValueError("too long")
        if monotonic() > deadline:
            raise TimeoutError
    return bytes(body)


def _read(host: str, status: int, body: bytes) -> Any:
    if status != 200:  # noqa: PLR2004 - HTTP's OK
        raise Unreadable(f"{host} answered with status {status}")
    try:
        return json.loads(body, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{host} answered with something that is no JSON") from error
