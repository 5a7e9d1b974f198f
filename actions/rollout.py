"""Cuts a run into a canary and doubling waves, and its plan into rows."""

from collections.abc import Iterator

from actions.plan import Plan
from actions.step import Step


def waves(count: int, canary: int) -> list[int]:
    """The sizes of the waves: the canary, then twice as many each time, until all are in.

    Raises:
        ValueError: the canary is empty, so the run would never begin.
    """
    if canary < 1:
        raise ValueError("a canary has at least one target")
    sizes: list[int] = []
    while (left := count - sum(sizes)) > 0:
        sizes.append(min(left, canary << len(sizes)))
    return sizes


def steps_of(plan: Plan) -> tuple[Step, ...]:
    """The rows of a run in the order in which they are done: wave, then the runbook's step, then target."""
    return tuple(_rows(plan))


def _rows(plan: Plan) -> Iterator[Step]:
    targets = iter(plan.targets)
    number = 0
    for wave, size in enumerate(waves(len(plan.targets), plan.rollout.canary)):
        batch = [next(targets) for _ in range(size)]
        for step in plan.steps:
            for target in batch:
                yield Step(
                    id=f"{plan.id}.{number}",
                    plan=plan.id,
                    number=number,
                    wave=wave,
                    target=target.id,
                    step=step.id,
                    action=step.action,
                )
                number += 1
