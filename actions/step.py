"""A step: one action on one target, with the intent written before the call and the outcome after."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from spend import canonical
from spend.moves import Moves


class StepState(StrEnum):
    """NEW → INTENT → DONE, FAILED or UNKNOWN; what is unknown is looked at, never repeated blindly."""

    NEW = "new"
    INTENT = "intent"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"
    NEEDS_HUMAN = "needs_human"


S = StepState
MOVES: Moves[StepState] = {
    S.NEW: frozenset({S.INTENT, S.SKIPPED, S.DONE}),  # DONE at once: somebody had done it already
    # SKIPPED: an owner kept it between the look and the call, so that the change was not sent.
    S.INTENT: frozenset({S.DONE, S.FAILED, S.SKIPPED, S.UNKNOWN}),
    # INTENT again: looked at, found as before, and the call may be repeated (`Action.repeatable`).
    S.UNKNOWN: frozenset({S.INTENT, S.DONE, S.FAILED, S.NEEDS_HUMAN}),
}
#: How often a step's call may be sent at all.
MOST_ATTEMPTS = 2
#: The code of a step whose goal somebody else reached while its own outcome was unknown.
NOT_OURS = "NotOurs"
ENDED = frozenset({S.DONE, S.FAILED, S.SKIPPED, S.NEEDS_HUMAN})


@dataclass(frozen=True, slots=True)
class Step:
    """One row of a run.

    Attributes:
        number: its place in the run, from 0.
        wave: 0 for the canary.
        target: the provider's id.
        step: the id of the runbook's step.
        before, after: the target as read just before the call, and after it.
        detail: the reason of a skip or a failure, in words; or how an unknown outcome was told.
        attempts: how many intents there were.
        send_by: the last moment at which the call of the latest intent may be sent.
    """

    id: str
    plan: str
    number: int
    wave: int
    target: str
    step: str
    action: str
    state: StepState = S.NEW
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    code: str | None = None
    detail: str | None = None
    version: int = 1
    attempts: int = 0
    send_by: datetime | None = None
    ended_at: datetime | None = None

    @property
    def changed(self) -> bool:
        """Whether this step changed its target; done without an intent, nothing was called."""
        return self.state is S.DONE and self.before is not None and self.code != NOT_OURS

    @property
    def key(self) -> str:
        """What names a thing this step creates: the same for every attempt."""
        return canonical.digest([self.plan, self.number, self.target, self.action])[:32]
