"""What owners keep, a run leaves alone: at dispatch, before each target, and between two waves."""

import pytest

from actions import crash
from actions.plan import Plan, PlanState
from actions.step import Step, StepState
from flows import approvals, runs, say, sweeps, undo
from spend.errors import Refused
from storage import plans
from storage import say as said
from tests.actions.world import World
from tests.flows.test_guarding import shown
from tests.flows.test_runs import idle
from tests.flows.world import ANN, HOUR, OPS, OZ, Company

REASON = "the demo runs on it"


def approved(company: Company) -> Plan:
    (plan,) = sweeps.sweep(company.desk, company.now)
    return approvals.approve(company.desk, plan.id, actor=OPS, shown=plan.hash, now=company.now)


def keep(company: Company, plan: Plan, target: str) -> None:
    with company.store.reading() as session:
        (row,) = said.warnings(session, plan.id)
    until, which = str(company.now.date()), str(row.targets.index(target))
    say.keep(company.desk, row.id, which=which, until=until, reason=REASON, actor=ANN, now=company.now)


def steps(company: Company, plan: Plan) -> dict[str, Step]:
    with company.store.reading() as session:
        return {step.target: step for step in plans.steps(session, plan.id)}


def test_a_plan_is_taken_up_when_the_warning_is_over_and_not_before(acting: Company, cloud: World) -> None:
    acting.with_org(owner_warning=24)
    (box,) = idle(cloud, "box-a")
    plan = approved(acting)
    assert runs.ready(acting.store, acting.now) == []
    assert acting.run(plan.id) is PlanState.APPROVED
    assert cloud.state(box) == "running"
    assert str(acting.plan_of(plan.id).waits_for).startswith("the owners were warned")
    acting.clock.turn(hours=24)
    assert runs.ready(acting.store, acting.now) == [plan.id]
    assert acting.run(plan.id) is PlanState.SUCCEEDED


def test_fine_lets_an_approved_plan_begin_at_once(acting: Company, cloud: World) -> None:
    acting.with_org(owner_warning=24)
    idle(cloud, "box-a")
    plan = approved(acting)
    with acting.store.reading() as session:
        (row,) = said.warnings(session, plan.id)
    say.fine(acting.desk, row.id, actor=ANN, now=acting.now)
    assert runs.ready(acting.store, acting.now) == [plan.id]
    assert acting.run(plan.id) is PlanState.SUCCEEDED


def test_a_kept_target_is_skipped_with_who_and_why_and_the_others_are_done(
    acting: Company, cloud: World
) -> None:
    first, second, third = idle(cloud, "box-a", "box-b", "box-c")
    plan = approved(acting)
    for box in (first, third):  # more than half: kept is not changed, so the run goes on
        keep(acting, plan, box)
    assert acting.run(plan.id) is PlanState.PARTIAL
    assert [cloud.state(box) for box in (first, second, third)] == ["running", "stopped", "running"]
    skipped = steps(acting, plan)[first]
    assert skipped.state is StepState.SKIPPED
    assert skipped.detail == f"kept by <@{ANN}> until 2026-06-18 00:00 UTC: {REASON}"


def test_a_keep_between_two_waves_is_in_time(acting: Company, cloud: World) -> None:
    first, second = idle(cloud, "box-a", "box-b")
    plan = approved(acting)

    def wait(seconds: float) -> None:
        acting.wait(seconds)
        done = [step for step in steps(acting, plan).values() if step.state is StepState.DONE]
        with acting.store.reading() as session:
            if done and not said.keeps(session, acting.now):
                keep(acting, plan, second)

    assert acting.run(plan.id, wait) is PlanState.PARTIAL
    assert (cloud.state(first), cloud.state(second)) == ("stopped", "running")


def test_a_keep_between_the_look_and_the_call_is_in_time_and_stops_nothing_else(
    acting: Company, cloud: World
) -> None:
    first, second, third = idle(cloud, "box-a", "box-b", "box-c")
    plan = approved(acting)

    def intended(point: str) -> None:
        if point == "step.intended" and steps(acting, plan)[second].state is StepState.INTENT:
            keep(acting, plan, second)

    crash.arm(intended)
    try:
        assert acting.run(plan.id) is PlanState.PARTIAL
    finally:
        crash.arm(None)
    assert [cloud.state(box) for box in (first, second, third)] == ["stopped", "running", "stopped"]
    why = f"kept by <@{ANN}> until 2026-06-18 00:00 UTC: {REASON}. Kept since it was read; the change was not"
    assert str(steps(acting, plan)[second].detail).startswith(why)
    assert [event for event in acting.events(plan.id) if event.startswith("step.")] == [
        "step.intent", "step.done", "step.intent", "step.skip", "step.intent", "step.done",
    ]  # fmt: skip


def test_when_a_run_is_over_no_keep_of_it_can_be_overridden(acting: Company, cloud: World) -> None:
    first, second = idle(cloud, "box-a", "box-b")
    plan = approved(acting)
    keep(acting, plan, second)
    assert "Override a Keep…" in shown(acting, plan)
    with acting.store.reading() as session:
        (row,) = said.keeps(session, acting.now)
    assert acting.run(plan.id) is PlanState.PARTIAL
    assert (cloud.state(first), "Override a Keep…" in shown(acting, plan)) == ("stopped", False)
    with pytest.raises(Refused, match="This plan does not need that any more"):
        say.override(acting.desk, plan.id, row.id, reason="it is too late", actor=OZ, now=acting.now)


@pytest.mark.case("2.3.5")
def test_a_plan_that_is_kept_whole_waits_for_a_second_approver(acting: Company, cloud: World) -> None:
    (box,) = idle(cloud, "box-a")
    plan = approved(acting)
    keep(acting, plan, box)
    assert acting.run(plan.id) is PlanState.APPROVED
    assert cloud.state(box) == "running"
    assert "its owners keep all of it" in str(acting.plan_of(plan.id).waits_for)
    with acting.store.reading() as session:
        (row,) = said.keeps(session, acting.now)
    say.override(acting.desk, plan.id, row.id, reason="nobody needs it at night", actor=OZ, now=acting.now)
    assert acting.run(plan.id) is PlanState.SUCCEEDED
    assert cloud.state(box) == "stopped"


def test_a_plan_that_stays_kept_expires_untouched(acting: Company, cloud: World) -> None:
    (box,) = idle(cloud, "box-a")
    plan = approved(acting)
    keep(acting, plan, box)
    acting.clock.turn(seconds=(plan.execute_by - acting.now + HOUR).total_seconds())
    approvals.expire(acting.desk, acting.now)
    assert acting.state(plan.id) is PlanState.EXPIRED
    assert cloud.state(box) == "running"


def test_what_a_run_took_is_given_back_whatever_is_kept(acting: Company, cloud: World) -> None:
    first, second = idle(cloud, "box-a", "box-b")
    plan = approved(acting)

    def wait(seconds: float) -> None:
        acting.wait(seconds)
        with acting.store.reading() as session:
            late = cloud.state(first) == "stopped" and not said.keeps(session, acting.now)
        if late:
            keep(acting, plan, first)

    assert acting.run(plan.id, wait) is PlanState.SUCCEEDED
    with acting.store.reading() as session:
        assert [row.target for row in said.keeps(session, acting.now)] == [first]
    back = undo.undo(acting.desk, plan.id, actor=OZ, now=acting.now)
    assert acting.run(back.id) is PlanState.SUCCEEDED
    assert (cloud.state(first), cloud.state(second)) == ("running", "running")
