"""Leave to send: asked before each single call of an action, and what follows where it is not given."""

from collections.abc import Callable

import pytest

from actions import sending
from actions.errors import TakenOver
from actions.plan import PlanState
from actions.registry import action
from actions.rollout import steps_of
from actions.step import StepState
from tests.actions.memory import MemoryJournal
from tests.actions.proxy import Proxy
from tests.actions.running import Run, boxes, frozen
from tests.actions.world import NOW, SCOPE, World, backend, naive

S, P = StepState, PlanState
CALLS = ["DryRun StopInstances", "CreateTags", "StopInstances"]


def changes(proxy: Proxy) -> list[str]:
    return [one.action for one in proxy.requests if one.changes or one.action.startswith("DryRun")]


def during(operation: str, do: Callable[[], object]) -> Callable[[str, str], None]:
    """Something happens just as this call arrives."""

    def fault(name: str, _body: str) -> None:
        if name == operation:
            do()

    return fault


@pytest.mark.case("V2.3.4")
@pytest.mark.parametrize("at", [0, 1])
def test_a_kill_switch_that_goes_on_during_a_call_stops_the_next_call_of_the_same_step(
    world: World, proxy: Proxy, at: int
) -> None:
    run = Run(world, frozen(boxes(world, 2)))
    proxy.requests.clear()
    proxy.fault = during(CALLS[at], lambda: setattr(run.journal, "on", True))
    assert run.go() is P.HALTED
    assert changes(proxy) == CALLS[: at + 1]
    assert (run.row(0).state, run.row(0).code) == (S.FAILED, "KillSwitch")
    assert world.state(run.plan.targets[0].id) == "running"


@pytest.mark.parametrize("at", [0, 1])
def test_a_worker_that_is_taken_over_during_a_call_sends_no_further_one(
    world: World, proxy: Proxy, at: int
) -> None:
    run = Run(world, frozen(boxes(world, 2)))
    proxy.requests.clear()
    proxy.fault = during(CALLS[at], lambda: setattr(run.journal, "taken", True))
    with pytest.raises(TakenOver):
        run.go()
    assert changes(proxy) == CALLS[: at + 1]
    assert run.row(0).state is S.INTENT  # it writes nothing either; the next worker looks


@pytest.mark.parametrize("at", [0, 1])
def test_a_call_whose_last_moment_passed_during_an_earlier_one_is_not_sent(
    world: World, proxy: Proxy, at: int
) -> None:
    run = Run(world, frozen(boxes(world, 2)))
    proxy.requests.clear()
    proxy.fault = during(CALLS[at], lambda: setattr(run.clock, "at", NOW + sending.SEND_WITHIN))
    assert run.go() is P.FAILED
    assert changes(proxy) == CALLS[: at + 1]
    assert (run.row(0).state, run.row(0).code) == (S.FAILED, "NotSent")


def unknown_once(world: World, proxy: Proxy, name: str, operation: str) -> Run:
    """A run on one box whose first call of this operation never reaches the cloud."""
    run = Run(world, frozen(boxes(world, 1), name))
    drops = iter(["drop"])
    proxy.fault = lambda called, _body: next(drops, None) if called == operation else None
    return run


def test_a_call_that_may_be_repeated_is_sent_again_as_soon_as_the_first_is_certainly_over(
    world: World, proxy: Proxy
) -> None:
    run = unknown_once(world, proxy, "stop-idle-dev", "StopInstances")
    assert run.go(verify_within=300) is P.SUCCEEDED
    assert run.row(0).attempts == 2
    assert run.journal.entries == [
        ("step.intent", 0),
        ("step.unknown", 0),
        ("step.intent", 0),
        ("step.done", 0),
    ]
    assert run.clock.at >= NOW + sending.SEND_WITHIN + sending.UNDER_WAY


def test_a_third_attempt_is_a_persons_business(world: World, proxy: Proxy) -> None:
    run = Run(world, frozen(boxes(world, 1)))
    proxy.fault = lambda name, _body: "drop" if name == "StopInstances" else None
    assert run.go(verify_within=300) is P.HALTED
    assert proxy.count("StopInstances") == 2
    assert (run.row(0).state, run.row(0).attempts) == (S.NEEDS_HUMAN, 2)


@pytest.mark.parametrize("change", ["tag", "restart", "kill"])
def test_what_changed_meanwhile_is_not_called_a_second_time(world: World, proxy: Proxy, change: str) -> None:
    run = unknown_once(world, proxy, "stop-idle-dev", "StopInstances")
    box = run.plan.targets[0].id

    def meanwhile() -> None:
        if change == "tag":
            world.tag(box, Environment="production")
        elif change == "kill":
            run.journal.on = True
        else:  # stopped and started anew: EC2 moves its launch time
            backend("ec2").get_instance(box).launch_time = naive(NOW)

    run.clock.meanwhile = meanwhile
    assert run.go(verify_within=300) is P.HALTED
    assert run.row(0).state is S.NEEDS_HUMAN
    assert run.row(0).attempts == 1


def reclaiming(world: World) -> Run:
    """A run that snapshots and deletes a volume."""
    world.volume("disk", Environment="dev")
    first = action("aws.snapshot_volume")
    found = list(first.find(world.clouds, SCOPE, first.Params()))
    return Run(world, frozen(found, "reclaim-unattached-volumes"))


def test_a_deletion_is_never_sent_a_second_time(world: World, proxy: Proxy) -> None:
    run = reclaiming(world)
    proxy.fault = lambda name, _body: "drop" if name == "DeleteVolume" else None
    assert run.go(verify_within=300) is P.HALTED
    assert proxy.count("DeleteVolume") == 1
    assert [step.state for step in run.journal.steps()] == [S.DONE, S.NEEDS_HUMAN]


def test_a_snapshot_whose_answer_was_lost_is_found_and_not_taken_twice(world: World, proxy: Proxy) -> None:
    run = reclaiming(world)
    proxy.fault = lambda name, _body: "lose" if name == "CreateSnapshot" else None
    assert run.go(verify_within=300) is P.SUCCEEDED
    assert proxy.count("CreateSnapshot") == 1


@pytest.mark.case("T26")
def test_more_failures_than_the_plan_allows_end_it_exactly_there(world: World, proxy: Proxy) -> None:
    """Ten targets, two failures allowed: the third one ends it, and nothing further is called."""
    targets = boxes(world, 10)
    bad = {targets[n].id for n in (1, 4, 6, 8)}
    plan = frozen(targets, stop_after_failures=3)
    run = Run(world, plan, MemoryJournal(steps_of(plan)))
    proxy.fault = lambda name, body: (
        "deny" if name == "StopInstances" and any(one in body for one in bad) else None
    )
    assert run.go() is P.FAILED
    assert run.states() == [
        *[S.DONE, S.FAILED, S.DONE, S.DONE, S.FAILED, S.DONE, S.FAILED],
        *[S.NEW, S.NEW, S.NEW],
    ]
    assert proxy.count("StopInstances") == 7
