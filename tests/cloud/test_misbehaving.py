"""One run per way in which a cloud misbehaves: at most one accepted effect per step, and a word for it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from actions.errors import Unreadable
from actions.plan import Plan, PlanState
from actions.registry import action
from actions.step import StepState
from flows import sweeps, switches
from tests.actions.proxy import Fault, Proxy
from tests.actions.world import NOW, SCOPE, World, backend, naive
from tests.cloud.runs import STOP, accepted, approved, meanwhile, on, sent, steps, three_of_ten
from tests.flows.world import OPS, Company

P, S = PlanState, StepState
Arrange = Callable[[World, Plan], Fault]


@dataclass(frozen=True, slots=True)
class Case:
    """What goes wrong in a run on four boxes (waves of one, two, one), and what must have come of it.

    Attributes:
        victim: how the second box ended; the canary is always stopped.
        stopped: how many boxes the run stopped.
        calls: how many stops of the victim arrived.
        told: what the card says of it.
    """

    arrange: Arrange
    outcome: PlanState
    victim: StepState
    stopped: int
    calls: int
    told: str = ""


def call(word: str, *, times: int = 1_000, operation: str = STOP) -> Arrange:
    """The victim's calls go wrong."""
    return lambda _world, plan: on(operation, plan.targets[1].id, word, times=times)


def happening(do: Callable[[World, str], object]) -> Arrange:
    """Somebody does something to the victim while the canary is stopped: after the plan, before the call."""
    return lambda world, plan: meanwhile(STOP, plan.targets[0].id, lambda: do(world, plan.targets[1].id))


def swap(world: World, victim: str) -> None:
    """Another machine stands there under the same id, as far as anybody can tell by the id."""
    assert world
    for card in backend("ec2").get_instance(victim).nics.values():
        card.attach_time = naive(NOW - timedelta(days=1))


DONE = (P.SUCCEEDED, S.DONE, 4, 1)
CASES = {
    "applies it and hangs up": Case(call("lose"), *DONE),
    "applies it and answers 503": Case(call("broken"), *DONE),
    "applies it and answers nonsense": Case(call("garble"), *DONE),
    "loses the call once": Case(call("drop", times=1), P.SUCCEEDED, S.DONE, 4, 2),
    "fails once before it looks at the call": Case(call("html", times=1), P.SUCCEEDED, S.DONE, 4, 2),
    "loses every call": Case(call("drop"), P.HALTED, S.NEEDS_HUMAN, 1, 2, "Look at it before"),
    "refuses the call": Case(call("deny"), P.FAILED, S.FAILED, 1, 1, "not authorized"),
    "refuses the dry run": Case(
        call("deny", operation="DryRun StopInstances"), P.FAILED, S.FAILED, 1, 0, "not authorized"
    ),
    "fails in the dry run": Case(
        call("html", operation="DryRun StopInstances"), P.FAILED, S.FAILED, 1, 0, "the dry run failed"
    ),
    "loses the tag": Case(call("drop", operation="CreateTags"), P.FAILED, S.FAILED, 1, 0, "the run's tag"),
    "throttles the stop twice": Case(call("throttle", times=2), P.SUCCEEDED, S.DONE, 4, 3),
    "has the victim stopped by somebody": Case(
        happening(lambda _world, box: backend("ec2").stop_instances([box])), P.SUCCEEDED, S.DONE, 3, 0
    ),
    "has the victim tagged as production": Case(
        happening(lambda world, box: world.tag(box, Environment="production")),
        P.PARTIAL, S.SKIPPED, 3, 0, "its tags changed (Environment)",
    ),
    "has the victim swapped for a namesake": Case(
        happening(swap), P.PARTIAL, S.SKIPPED, 3, 0, "it is another instance under the same name"
    ),
    "has lost the victim": Case(
        happening(lambda world, box: world.ec2.terminate_instances(InstanceIds=[box])),
        P.PARTIAL, S.SKIPPED, 3, 0, "it is gone",
    ),
}  # fmt: skip


@pytest.mark.case("T16", "T17", "T18", "T24", "T25", "V15.4.1")
@pytest.mark.parametrize("name", CASES)
def test_a_cloud_that(acting: Company, world: World, proxy: Proxy, name: str) -> None:
    case, plan = CASES[name], approved(acting, world, 4)
    proxy.requests.clear()
    proxy.fault = case.arrange(world, plan)
    assert acting.run(plan.id) is case.outcome
    canary, victim, *_ = [step.state for step in steps(acting, plan.id)]
    assert (canary, victim) == (S.DONE, case.victim)
    ours = [step.target for step in steps(acting, plan.id) if step.changed]
    assert len(ours) == case.stopped
    assert {box: accepted(proxy)[box] for box in ours} == dict.fromkeys(ours, 1)
    assert sent(proxy)[plan.targets[1].id] == case.calls
    assert case.told in str(acting.plan_of(plan.id).outcome)
    assert acting.chain_holds()


@pytest.mark.case("T24")
@pytest.mark.parametrize("boxes", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_a_cloud_that_throttles_three_of_ten_calls_is_waited_for(
    boxes: int, acting: Company, world: World, proxy: Proxy
) -> None:
    plan = approved(acting, world, boxes)
    proxy.fault = three_of_ten("limit")
    assert acting.run(plan.id) is P.SUCCEEDED
    assert accepted(proxy) == {target.id: 1 for target in plan.targets}
    assert sum(sent(proxy).values()) > boxes


def test_the_kill_switch_lets_a_call_that_is_under_way_arrive_and_no_other(
    acting: Company, world: World, proxy: Proxy
) -> None:
    plan = approved(acting, world, 4)
    canary, *_ = [target.id for target in plan.targets]

    def throw() -> None:
        switches.throw(acting.desk, on=True, actor=OPS, reason="look first", now=acting.now)

    proxy.fault = meanwhile(STOP, canary, throw)
    assert acting.run(plan.id) is P.HALTED
    assert accepted(proxy) == {canary: 1}
    assert sum(sent(proxy).values()) == 1


@pytest.mark.slow
def test_a_cloud_that_applies_it_and_never_answers(acting: Company, world: World, proxy: Proxy) -> None:
    plan = approved(acting, world, 2)
    proxy.fault = on(STOP, plan.targets[1].id, "hang")
    assert acting.run(plan.id) is P.SUCCEEDED
    assert set(accepted(proxy).values()) == {1}
    assert "step.reconcile" in acting.events(plan.id)


def test_an_outcome_that_was_looked_up_says_whose_change_it_was(
    acting: Company, world: World, proxy: Proxy
) -> None:
    plan = approved(acting, world, 2)
    proxy.fault = on(STOP, plan.targets[1].id, "lose")
    acting.run(plan.id)
    (found,) = [one for one in acting.entries(plan.id) if one["event"] == "step.reconcile"]
    assert found["after"]["detail"] == (
        "its answer was lost; it was running before and is stopped, with this run's tag"
    )
    assert steps(acting, plan.id)[1].detail == found["after"]["detail"]


def test_what_somebody_else_did_while_the_outcome_was_unknown_is_not_ours_to_undo(
    acting: Company, world: World, proxy: Proxy
) -> None:
    """The tag comes first: where it is missing, the stop cannot have been ours."""
    plan = approved(acting, world, 2)
    box = plan.targets[1].id

    def fault(name: str, body: str) -> str | None:
        if name == STOP and box in body:
            world.ec2.delete_tags(Resources=[box], Tags=[{"Key": "bursar:run"}])
            backend("ec2").stop_instances([box])
            return "drop"
        return None

    proxy.fault = fault
    assert acting.run(plan.id) is P.SUCCEEDED
    second = steps(acting, plan.id)[1]
    assert (second.state, second.changed) == (S.DONE, False)
    assert "somebody else did it" in str(second.detail)
    assert accepted(proxy)[box] == 0


def test_an_emptied_answer_is_no_evidence(acting: Company, world: World, proxy: Proxy) -> None:
    """Neither that a machine is gone, nor that it was stopped."""
    plan = approved(acting, world, 3)
    box = plan.targets[1].id

    def fault(name: str, body: str) -> str | None:
        return "empty" if name == "DescribeInstances" and box in body and sent(proxy) else None

    proxy.fault = fault
    assert acting.run(plan.id) is P.PARTIAL
    second = steps(acting, plan.id)[1]
    assert second.state is S.SKIPPED
    assert "could not be read: the answer holds it 0 times" in str(second.detail)


def test_a_deleted_volume_is_not_told_by_an_emptied_answer(world: World, proxy: Proxy) -> None:
    world.volume("disk")
    delete = action("aws.delete_volume")
    (found,) = delete.find(world.clouds, SCOPE, delete.Params())
    proxy.fault = lambda name, _body: "empty" if name == "DescribeVolumes" else None
    with pytest.raises(Unreadable, match="holds it 0 times"):
        delete.reached(world.clouds, found, delete.Params(), key="key-1")


def test_a_sweep_turns_every_page(acting: Company, world: World, proxy: Proxy) -> None:
    for number in range(7):
        world.idle_instance(f"box-{number}", Environment="dev", team="web")
    listed = "Filter.1.Name=instance-state-name"
    proxy.fault = lambda name, body: "page" if name == "DescribeInstances" and listed in body else None
    (plan,) = sweeps.sweep(acting.desk, acting.now)
    assert len(plan.targets) == 7
    assert len([body for body in proxy.of("DescribeInstances") if listed in body]) == 2


def test_a_sweep_that_misses_a_page_proposes_nothing(acting: Company, world: World, proxy: Proxy) -> None:
    for number in range(7):
        world.idle_instance(f"box-{number}", Environment="dev", team="web")

    def fault(name: str, body: str) -> str | None:
        if name != "DescribeInstances" or "instance-state-name" not in body:
            return None
        return "html" if "NextToken" in body else "page"

    proxy.fault = fault
    assert sweeps.sweep(acting.desk, acting.now) == []
    assert acting.findings() == []
