"""Running a plan: waves, drift, the kill switch, and when it stops."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from actions.base import RUN_TAG
from actions.plan import PlanState
from actions.rollout import steps_of
from actions.step import Step, StepState
from tests.actions.memory import MemoryJournal
from tests.actions.proxy import Proxy
from tests.actions.running import Run, boxes, frozen, stops
from tests.actions.world import World, backend

S, P = StepState, PlanState


def test_a_run_stops_a_canary_and_then_doubling_waves(world: World, proxy: Proxy) -> None:
    targets = boxes(world, 8)
    run = Run(world, frozen(targets, pause=7))
    assert run.go() is P.SUCCEEDED
    assert stops(proxy) == [target.id for target in targets]
    assert {world.state(target.id) for target in targets} == {"stopped"}
    assert {world.tags(target.id)[RUN_TAG] for target in targets} == {"plan-1"}
    assert run.clock.waits == [7, 7, 7]
    assert [step.wave for step in run.journal.steps()] == [0, 1, 1, 2, 2, 2, 2, 3]
    assert run.journal.entries[:4] == [
        ("step.intent", 0),
        ("step.done", 0),
        ("step.intent", 1),
        ("step.intent", 2),
    ]


@pytest.mark.case("T25")
def test_a_failure_in_the_second_wave_ends_the_run_and_nothing_further_is_called(
    world: World, proxy: Proxy
) -> None:
    targets = boxes(world, 7)
    world.ec2.modify_instance_attribute(InstanceId=targets[1].id, DisableApiStop={"Value": True})
    run = Run(world, frozen(targets))
    assert run.go() is P.FAILED
    assert run.states() == [S.DONE, S.FAILED, S.NEW, S.NEW, S.NEW, S.NEW, S.NEW]
    assert (run.row(1).code, run.row(1).target) == ("OperationNotPermitted", targets[1].id)
    assert stops(proxy) == [targets[0].id, targets[1].id]


def test_what_was_sent_before_a_failure_is_still_looked_at(world: World) -> None:
    targets = boxes(world, 3)
    world.ec2.modify_instance_attribute(InstanceId=targets[2].id, DisableApiStop={"Value": True})
    run = Run(world, frozen(targets))
    assert run.go() is P.FAILED
    assert run.states() == [S.DONE, S.DONE, S.FAILED]


def test_failures_within_what_the_plan_allows_leave_it_partial(world: World) -> None:
    targets = boxes(world, 4)
    world.ec2.modify_instance_attribute(InstanceId=targets[1].id, DisableApiStop={"Value": True})
    run = Run(world, frozen(targets, stop_after_failures=2))
    assert run.go() is P.PARTIAL
    assert run.states() == [S.DONE, S.FAILED, S.DONE, S.DONE]


@pytest.mark.case("T16", "T18")
def test_what_changed_since_the_plan_is_skipped_and_said(world: World, proxy: Proxy) -> None:
    targets = boxes(world, 8)
    run = Run(world, frozen(targets))
    world.tag(targets[1].id, Environment="production")
    world.ec2.terminate_instances(InstanceIds=[targets[2].id])
    world.tag(targets[3].id, **{"Do Not Stop": "please"})
    assert run.go() is P.PARTIAL
    assert [run.row(n).detail for n in (1, 2, 3)] == [
        "its tags changed (Environment)",
        "it is gone",
        "its tags changed (Do Not Stop)",
    ]
    assert [run.row(n).state for n in (1, 2, 3)] == [S.SKIPPED] * 3
    assert len(stops(proxy)) == 5


def test_a_tag_that_protects_is_asked_again_at_the_call(world: World, proxy: Proxy) -> None:
    run = Run(world, frozen(boxes(world, 1)))
    assert run.go(never=["environment=DEV"]) is P.HALTED
    assert run.row(0).detail == "its tag Environment=dev protects it"
    assert stops(proxy) == []


@pytest.mark.case("T17")
def test_what_somebody_stopped_already_is_done_without_a_call(world: World, proxy: Proxy) -> None:
    targets = boxes(world, 2)
    run = Run(world, frozen(targets))
    world.ec2.stop_instances(InstanceIds=[targets[1].id])
    proxy.reset()
    assert run.go() is P.SUCCEEDED
    assert stops(proxy) == [targets[0].id]
    assert [step.changed for step in run.journal.steps()] == [True, False]


def test_more_than_half_skipped_halts_the_run(world: World, proxy: Proxy) -> None:
    targets = boxes(world, 5)
    run = Run(world, frozen(targets))
    for target in targets[:3]:
        world.tag(target.id, Owner="somebody-else")
    assert run.go() is P.HALTED
    assert run.states() == [S.SKIPPED, S.SKIPPED, S.SKIPPED, S.NEW, S.NEW]
    assert stops(proxy) == []


def test_half_skipped_is_not_yet_too_many(world: World) -> None:
    targets = boxes(world, 4)
    run = Run(world, frozen(targets))
    for target in targets[:2]:
        world.tag(target.id, Owner="somebody-else")
    assert run.go() is P.PARTIAL
    assert run.states() == [S.SKIPPED, S.SKIPPED, S.DONE, S.DONE]


def test_what_cannot_be_read_is_not_touched(world: World, proxy: Proxy) -> None:
    run = Run(world, frozen(boxes(world, 1)))
    proxy.fault = lambda name, _body: "deny" if name == "DescribeInstances" else None
    assert run.go() is P.HALTED
    assert "could not be looked at" in str(run.row(0).detail)
    assert stops(proxy) == []


def test_the_kill_switch_stops_a_run_between_two_calls(world: World, proxy: Proxy) -> None:
    run = Run(world, frozen(boxes(world, 5), pause=3))

    def pull() -> None:
        run.journal.on = len(run.clock.waits) == 2

    run.clock.meanwhile = pull
    assert run.go() is P.HALTED
    assert run.states() == [S.DONE, S.DONE, S.DONE, S.NEW, S.NEW]
    assert len(stops(proxy)) == 3


def test_with_the_kill_switch_on_not_even_the_canary_is_called(world: World, proxy: Proxy) -> None:
    run = Run(world, frozen(boxes(world, 2)))
    run.journal.on = True
    assert run.go() is P.HALTED
    assert (run.states(), stops(proxy), proxy.of("CreateTags")) == ([S.NEW, S.NEW], [], [])


def test_a_kill_switch_pulled_during_the_read_leaves_no_intent(world: World, proxy: Proxy) -> None:
    run = Run(world, frozen(boxes(world, 1)))

    def pull(name: str, _body: str) -> None:
        run.journal.on = run.journal.on or name == "DescribeInstances"

    proxy.fault = pull
    assert run.go() is P.HALTED
    assert (run.states(), stops(proxy)) == ([S.NEW], [])


def test_a_kill_switch_pulled_after_the_intent_still_stops_the_call(world: World, proxy: Proxy) -> None:
    class Pulled(MemoryJournal):
        """Somebody pulls the switch while the intent is written."""

        def _move(self, step: Step, to: StepState, event: str, now: datetime, **what: Any) -> Step:
            self.on = True
            return super()._move(step, to, event, now, **what)

    plan = frozen(boxes(world, 2))
    run = Run(world, plan, Pulled(steps_of(plan)))
    assert run.go() is P.HALTED
    assert (run.row(0).state, run.row(0).code, stops(proxy)) == (S.FAILED, "KillSwitch", [])


def test_what_is_unfit_when_read_again_is_skipped(world: World, proxy: Proxy) -> None:
    [box] = boxes(world, 1)
    backend("ec2").get_instance(box.id).lifecycle = "spot"
    spot = replace(box, facts={**box.facts, "lifecycle": "spot"})
    run = Run(world, frozen([spot]))
    assert run.go() is P.HALTED
    assert run.row(0).detail == "it is a spot instance, which may not come back after a stop"
    assert stops(proxy) == []
