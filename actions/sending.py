"""Sends one step's change: each call asks for leave first, and only a throttled one is sent again."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from actions.base import Clouds
from actions.clouds import CONNECT_TIMEOUT, READ_TIMEOUT, patiently

#: How long after its intent a call may still be sent.
SEND_WITHIN = timedelta(seconds=30)
#: How long after its last moment a call may still be on its way.
UNDER_WAY = timedelta(seconds=CONNECT_TIMEOUT + READ_TIMEOUT)


def over(send_by: datetime | None, now: datetime) -> bool:
    """Whether a call that had to be sent by then is certainly neither sent nor answered any more."""
    return send_by is not None and now >= send_by + UNDER_WAY


def back_off(key: str) -> Iterator[float]:
    """Seconds to wait after each refusal: doubling, spread by the step's key so that runs do not meet.

    The spread is not random, so that a run can be told again as it was.
    """
    spread = 0.75 + int(key[:4], 16) / 0xFFFF / 2
    seconds = 1.0
    while True:
        yield seconds * spread
        seconds *= 2


class Cleared:
    """Clouds whose mutating clients ask for leave before each single call, and rest while they are throttled.

    An action makes several calls (a dry run, a tag, the change). The kill switch, the last moment
    and a take-over are honoured before each of them, not only before the first.

    Args:
        leave: raises where nothing may be sent.
        rest: waits for some seconds, or until a call may not be sent any more.
        key: of the step; it spreads the waits.
    """

    def __init__(
        self, clouds: Clouds, leave: Callable[[], None], rest: Callable[[float], None], key: str
    ) -> None:
        self._clouds, self._leave, self._rest, self._key = clouds, leave, rest, key

    def client(
        self, account: str, service: str, region: str = "eu-central-1", *, mutating: bool = False
    ) -> Any:
        """The client of this service; a mutating one asks first, and so does who wants its credentials."""
        if mutating:
            self._leave()
        found = self._clouds.client(account, service, region, mutating=mutating)
        return _Asking(found, self._send) if mutating else found

    def _send(self, call: Callable[[], Any]) -> Any:
        pauses = back_off(self._key)

        def once() -> Any:
            self._leave()
            return call()

        return patiently(once, lambda: self._rest(next(pauses)))


class _Asking:
    def __init__(self, client: Any, send: Callable[[Callable[[], Any]], Any]) -> None:
        self._client, self._send = client, send

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        call = getattr(self._client, operation)
        return lambda **request: self._send(partial(call, **request))
