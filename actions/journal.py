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

    def steps(self) -> Sequence[Step]:
        """The steps of this run in order, as they are now."""
        ...

    def intend(self, step: Step, before: Mapping[str, Any], *, now: datetime, send_by: datetime) -> Step:
        """Write the intent, with the state before, ahead of the call. Not sent after `send_by`."""
        ...

    def done(self, step: Step, after: Mapping[str, Any], *, now: datetime, reconciled: bool = False) -> Step:
        """Write that the goal was reached. On a NEW step: it was reached already and nothing was called.

        Args:
            reconciled: the outcome was unknown, and a look at the target told it.
        """
        ...

    def failed(self, step: Step, code: str, detail: str, *, now: datetime) -> Step:
        """Write that the cloud refused and nothing changed."""
        ...

    def skipped(self, step: Step, reason: str, *, now: datetime) -> Step:
        """Write that nothing was called, and why."""
        ...

    def unknown(self, step: Step, detail: str, *, now: datetime) -> Step:
        """Write that the outcome cannot be told yet."""
        ...

    def needs_human(self, step: Step, detail: str, *, now: datetime) -> Step:
        """Write that a person must look."""
        ...
