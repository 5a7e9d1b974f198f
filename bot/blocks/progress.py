"""How a run went, target by target: from its steps to marks, counts and reasons."""

from collections.abc import Sequence
from dataclasses import dataclass

from actions.plan import Plan
from actions.step import ENDED, Step, StepState

BAR = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one target.

    Attributes:
        state: of the step that decided: the one that went wrong, or the last one.
        why: the reason of a skip or a failure, or that nothing had to be called.
    """

    name: str
    target: str
    account: str
    state: StepState
    wave: int
    why: str | None

    @property
    def ended(self) -> bool:
        """Whether nothing more is called on this target."""
        return self.state in ENDED or self.state is StepState.UNKNOWN

    @property
    def wrong(self) -> bool:
        """Whether a person should read why."""
        return self.state in {StepState.FAILED, StepState.NEEDS_HUMAN, StepState.UNKNOWN}


MARKS = {
    StepState.NEW: "·",
    StepState.INTENT: "…",
    StepState.DONE: "✓",
    StepState.FAILED: "✗",
    StepState.SKIPPED: "–",
    StepState.UNKNOWN: "?",
    StepState.NEEDS_HUMAN: "?",
}
ALREADY = "it was so already, so nothing was called"
WORDS = {
    StepState.NEW: "not begun",
    StepState.INTENT: "under way",
    StepState.DONE: "done",
    StepState.FAILED: "failed",
    StepState.SKIPPED: "skipped",
    StepState.UNKNOWN: "outcome not known yet",
    StepState.NEEDS_HUMAN: "a person must look",
}


def outcomes(plan: Plan, steps: Sequence[Step]) -> list[Outcome]:
    """What became of each target, in the order of the plan."""
    by_target: dict[str, list[Step]] = {}
    for step in steps:
        by_target.setdefault(step.target, []).append(step)
    found = []
    for target in plan.targets:
        mine = by_target.get(target.id, [])
        decided = _deciding(mine)
        state = decided.state if decided else StepState.NEW
        wave = mine[0].wave if mine else 0
        found.append(Outcome(target.name or target.id, target.id, target.account, state, wave, _why(decided)))
    return found


def _why(decided: Step | None) -> str | None:
    if decided is None:
        return None
    if decided.state is StepState.DONE and not decided.changed:
        return decided.detail or ALREADY
    return decided.detail or decided.code


def _deciding(steps: Sequence[Step]) -> Step | None:
    """The first step that is not done, else the last one."""
    undone = [step for step in steps if step.state is not StepState.DONE]
    return undone[0] if undone else steps[-1] if steps else None


def bar(done: int, total: int) -> str:
    """A bar of ten fields; full only when all is done."""
    filled = BAR * done // total if total else 0
    return "▰" * filled + "▱" * (BAR - filled)


def wave(found: Sequence[Outcome]) -> tuple[int, int]:
    """Which wave runs, from 1, and how many there are; the canary is the first."""
    last = max((one.wave for one in found), default=0)
    live = [one.wave for one in found if not one.ended]
    return (min(live, default=last) + 1, last + 1)
