"""Seeded faults: what the harness has to find, so that its silence means something."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from actions import runner
from actions.base import Target
from actions.step import Step, StepState
from storage import jobs
from storage.store import Store
from storage.tables import Job


def call_first() -> None:
    """The call goes out before its intent is durable."""
    intend = runner._Run._intend_and_send

    def hasty(self: Any, row: Step, target: Target) -> None:
        action, params = self.by.registry[row.action], self.params[row.step]
        action.apply(self.by.clouds, target, params, run=self.plan.id, key=row.key)
        intend(self, row, target)

    runner._Run._intend_and_send = hasty  # type: ignore[method-assign]


def repeat_blindly() -> None:
    """Who takes a run up sends what was intended once more, instead of looking."""
    look = runner._Run._look_at_what_was_sent

    def blind(self: Any) -> None:
        for row in self._in(StepState.INTENT):
            action, params = self.by.registry[row.action], self.params[row.step]
            action.apply(self.by.clouds, self.targets[row.target], params, run=self.plan.id, key=row.key)
        look(self)

    runner._Run._look_at_what_was_sent = blind  # type: ignore[method-assign]


def forget_the_end() -> None:
    """It is never kept that a job is done, so that it comes back."""
    ended = jobs.end

    def forgotten(store: Store, job: Job, now: datetime, error: str | None = None) -> None:
        ended(store, job, now, error or "it was not kept that it is done")

    jobs.end = forgotten


FAULTS: Mapping[str, Callable[[], None]] = {
    "call-first": call_first,
    "repeat-blindly": repeat_blindly,
    "forget-the-end": forget_the_end,
}
