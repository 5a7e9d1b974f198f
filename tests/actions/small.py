"""Runs over a few boxes of a cloud in memory: no port, no thread, and time passes only in waits."""

from collections.abc import Callable
from dataclasses import dataclass

from actions.plan import Plan
from tests.actions.pocket import Pocket
from tests.actions.running import Run, frozen
from tests.actions.world import NOW


@dataclass
class Small:
    """A world of a few boxes."""

    clouds: Pocket


def boxes(count: int = 3, *, plan: Callable[[Plan], Plan] = lambda plan: plan, **rollout: int) -> Run:
    """A run over boxes of a cloud in memory, `i-0` and so on."""
    pocket = Pocket(lambda: NOW)
    run = Run(
        Small(pocket), plan(frozen([pocket.add(f"i-{n}") for n in range(count)], "stop-idle-dev", **rollout))
    )
    pocket.now = run.clock.now
    return run


def cloud(run: Run) -> Pocket:
    assert isinstance(run.world, Small)
    return run.world.clouds


def goes_wrong(run: Run, operation: str, *words: str | None) -> None:
    cloud(run).words[operation].extend(words)
