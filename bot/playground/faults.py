"""The failures that a test may ask the stand-in for: rate limits, errors and second deliveries."""

import threading
from dataclasses import dataclass


@dataclass
class Fault:
    """One planned failure of a Web API method.

    Attributes:
        method: the Web API method, or `*` for every one.
        status: the HTTP status to answer with.
        error: Slack's error word.
        retry_after: seconds for the Retry-After header, or None.
        left: how many calls it will still spoil.
    """

    method: str
    status: int
    error: str
    retry_after: int | None
    left: int


class Faults:
    """What goes wrong next, in the order it was asked for. Safe to use from any thread."""

    def __init__(self) -> None:
        self._planned: list[Fault] = []
        self._twice = 0
        self._lock = threading.Lock()

    def rate_limit(self, method: str, retry_after: int = 1, times: int = 1) -> None:
        """Answer the next `times` calls with 429 and `Retry-After: retry_after` (seconds)."""
        self._plan(Fault(method, 429, "ratelimited", retry_after, times))

    def fail(self, method: str, problem: str | int, times: int = 1) -> None:
        """Spoil the next `times` calls: with Slack's error word, or with an HTTP status."""
        if isinstance(problem, int):
            self._plan(Fault(method, problem, "internal_error", None, times))
        else:
            self._plan(Fault(method, 200, problem, None, times))

    def deliver_twice(self, times: int = 1) -> None:
        """Send the next `times` requests to the bot a second time, as Slack does after a lost answer."""
        with self._lock:
            self._twice += times

    def take(self, method: str) -> Fault | None:
        """The fault that this call must suffer, used up by being taken."""
        with self._lock:
            for fault in self._planned:
                if fault.method in {method, "*"} and fault.left > 0:
                    fault.left -= 1
                    self._planned = [each for each in self._planned if each.left > 0]
                    return fault
        return None

    def copies(self) -> int:
        """How often to deliver the next request to the bot."""
        with self._lock:
            if self._twice == 0:
                return 1
            self._twice -= 1
            return 2

    def _plan(self, fault: Fault) -> None:
        with self._lock:
            self._planned.append(fault)
