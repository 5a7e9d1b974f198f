"""How a run looks at what it sent: with what, for how long, and past which named points it goes."""

from collections.abc import Iterator
from typing import Any

import pytest

from actions import crash
from actions.aws.stop_instances import StopInstances
from actions.base import Clouds, Target
from actions.errors import ActionFailed
from actions.plan import PlanState
from actions.step import StepState
from tests.actions.pocket import Pocket
from tests.actions.small import boxes, cloud, goes_wrong
from tests.actions.test_runner_rules import after, never_shows
from tests.actions.world import NOW

S, P = StepState, PlanState


@pytest.mark.parametrize("ends", ["shows", "fails"])
def test_one_that_ends_gives_those_that_do_not_show_no_more_time(ends: str) -> None:
    def reached(_: Any, clouds: Pocket, target: Target, *given: Any, **key: Any) -> Target | None:
        shown = StopInstances().reached(clouds, target, *given, **key)
        if shown and target.id == "i-1" and ends == "fails":
            raise ActionFailed("i-1", "Broken", "it went into error")
        return shown

    run = boxes(3, stop_after_failures=2)
    cloud(run).answered = lambda _operation, key: never_shows(run, key) if key == "i-2" else None
    assert run.go(**after(reached)) is P.HALTED
    assert run.states() == [S.DONE, S.FAILED if ends == "fails" else S.DONE, S.NEEDS_HUMAN]
    assert run.clock.waits[2:] == [5, 7.5, 11.25]


class Recording(StopInstances):
    """A stop that notes with what it is called."""

    def __init__(self) -> None:
        self.given: list[tuple[object, str]] = []

    def apply(self, clouds: Clouds, target: Target, params: Any, *, run: str, key: str) -> None:
        self.given.append((params, key))
        super().apply(clouds, target, params, run=run, key=key)

    def reached(self, clouds: Clouds, target: Target, params: Any, *, key: str) -> Target | None:
        self.given.append((params, key))
        return super().reached(clouds, target, params, key=key)


def test_each_call_and_each_look_has_the_parameters_and_the_key_of_its_step() -> None:
    run, stop = boxes(1), Recording()
    assert run.go(registry={stop.name: stop}) is P.SUCCEEDED
    params = StopInstances.Params.model_validate(run.plan.steps[0].params)
    assert stop.given == [(params, run.row(0).key)] * 5


@pytest.fixture
def points() -> Iterator[list[str]]:
    """The named points that were passed."""
    passed: list[str] = []
    crash.arm(passed.append)
    yield passed
    crash.arm(None)


def test_the_points_at_which_a_proof_may_end_the_process_have_their_names(points: list[str]) -> None:
    run = boxes(1)
    goes_wrong(run, "StopInstances", "drop")
    assert run.go(verify_within=120) is P.SUCCEEDED
    assert [one for one in points if one.startswith("step.")] == [
        "step.intended", "step.repeating", "step.intended", "step.sent", "step.reached",
    ]  # fmt: skip
    points.clear()
    dead = boxes(1)
    dead.journal.intend(dead.row(0), dead.plan.targets[0].to_data(), now=NOW, send_by=NOW)
    assert dead.go() is P.HALTED
    assert points == ["step.unknown"]
