"""The port to what remembers: every call is one durable transaction with its audit entry."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from actions.step import Step


class Journal(Protocol):
    """The record of one run, kept by storage. Every write raises `TakenOver` if another worker holds it."""

    def killed(self) -> bool:
        """Whether the kill switch is on; asked before every call."""
        ...

    def still_mine(self) -> None:
        """Read, right before a call, whether this worker still holds the run.

        Raises:
            TakenOver: another one does.
        """
        ...

    def steps(self) -> Sequence[Step]:
        """The steps of this run in order, as they are now."""
        ...

    def intend(self, step: Step, before: Mapping[str, Any], *, now: datetime, send_by: datetime) -> Step:
        """Write the intent, with the state before, ahead of the call. Not sent after `send_by`.

        On an UNKNOWN step: a further attempt, with an entry of its own.
        """
        ...

    def done(
        self, step: Step, after: Mapping[str, Any], *, now: datetime, reconciled: str = "", ours: bool = True
    ) -> Step:
        """Write that the goal was reached. On a NEW step: it was reached already and nothing was called.

        Args:
            reconciled: the outcome was unknown; how a look at the target told it, in words.
            ours: whether this run reached it, rather than somebody else meanwhile.
        """
        ...

    def failed(self, step: Step, code: str, detail: str, *, now: datetime) -> Step:
        """Write that the cloud refused and nothing changed."""
        ...

    def skipped(self, step: Step, reason: str, *, now: datetime) -> Step:
        """Write that the target was left alone, and why. On an INTENT step: the change was not sent."""
        ...

    def unknown(self, step: Step, detail: str, *, now: datetime) -> Step:
        """Write that the outcome cannot be told yet."""
        ...

    def needs_human(self, step: Step, detail: str, *, now: datetime) -> Step:
        """Write that a person must look."""
        ...
