"""Asked again just before a run begins: who approved, what is there, what it costs. Else a fresh plan."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from actions import crash
from actions.base import Target
from actions.errors import Unreadable
from actions.plan import Plan, PlanState
from flows import approvals, directory, drift, renewal, runs, sweeps
from storage import plans, tables
from tests.actions.world import NOW, World
from tests.flows.slackless import AWAY, ToldDirectory
from tests.flows.test_runs import idle
from tests.flows.world import ANN, OPS, OZ, WEEK, Company, charge, runbook

STOP = "stop-idle-dev"
GROUP = "S0ONCALL"


def approved(company: Company, plan: Plan | None = None) -> Plan:
    """A plan that a sweep proposed, with its approval."""
    made = plan or sweeps.sweep(company.desk, company.now)[0]
    return approvals.approve(
        company.desk, made.id, actor=OPS, shown=made.hash, now=company.now, reason="unused"
    )


def renewed(company: Company, plan: Plan) -> Plan | None:
    """What the worker does with the job that a stale plan leaves."""
    assert [job.key for job in company.jobs("replace")] == [plan.id]
    return renewal.renew(company.desk, plan.id, company.now)


@pytest.mark.case("V15.4.2")
def test_a_target_that_changed_since_the_approval_ends_the_plan_and_a_fresh_one_asks_again(
    acting: Company, cloud: World
) -> None:
    boxes = idle(cloud, "box-a", "box-b")
    plan = approved(acting)
    cloud.tag(boxes[1], owner="somebody new")
    assert acting.run(plan.id) is PlanState.STALE
    assert acting.plan_of(plan.id).outcome == "box-b: its tags changed (owner)"
    assert {cloud.state(box) for box in boxes} == {"running"}
    fresh = renewed(acting, plan)
    assert fresh is not None
    assert {target.id for target in fresh.targets} == set(boxes)
    assert (fresh.state, fresh.findings) == (PlanState.PENDING, plan.findings)
    assert acting.votes(fresh.id) == []
    assert fresh.reason.endswith(
        f"In place of {plan.id}, which went out of date: box-b: its tags changed (owner)."
    )
    assert acting.plan_of(plan.id).outcome == f"box-b: its tags changed (owner); replaced by {fresh.id}"
    assert acting.events(plan.id)[-2:] == ["plan.stale", "plan.replace"]
    assert acting.run(approved(acting, fresh).id) is PlanState.SUCCEEDED


def test_a_worker_that_dies_right_after_the_fresh_plan_leaves_it_linked_and_the_job_done_again_adds_nothing(
    acting: Company, cloud: World
) -> None:
    first, second = idle(cloud, "box-a", "box-b")
    plan = approved(acting)
    cloud.tag(second, owner="somebody new")
    assert acting.run(plan.id) is PlanState.STALE
    crash.arm(dies_with_a_fresh_plan(acting))
    try:
        with pytest.raises(Died):
            renewed(acting, plan)
    finally:
        crash.arm(None)
    (fresh,) = pending(acting)
    assert str(acting.plan_of(plan.id).outcome).endswith(f"; replaced by {fresh}")
    log = acting.events(plan.id)
    assert renewed(acting, plan) is None
    assert (pending(acting), acting.events(plan.id)) == ([fresh], log)
    assert cloud.state(first) == "running"


class Died(BaseException):
    """The process is gone."""


def pending(company: Company) -> list[str]:
    with company.store.reading() as session:
        return [row.id for row in plans.find(session, states=(PlanState.PENDING,))]


def dies_with_a_fresh_plan(company: Company) -> Callable[[str], None]:
    """Die as soon as there is a plan that waits."""

    def committed(point: str) -> None:
        if point == "store.committed" and pending(company):
            raise Died

    return committed


@pytest.mark.case("T16")
def test_a_target_that_became_production_is_not_in_the_fresh_plan(acting: Company, cloud: World) -> None:
    first, second = idle(cloud, "box-a", "box-b")
    plan = approved(acting)
    cloud.tag(second, Environment="prod")
    assert acting.run(plan.id) is PlanState.STALE
    fresh = renewed(acting, plan)
    assert fresh is not None
    assert [target.id for target in fresh.targets] == [first]


@pytest.mark.case("T18")
def test_a_target_that_is_gone_is_not_in_the_fresh_plan(acting: Company, cloud: World) -> None:
    first, second = idle(cloud, "box-a", "box-b")
    plan = approved(acting)
    cloud.ec2.terminate_instances(InstanceIds=[second])
    assert acting.run(plan.id) is PlanState.STALE
    fresh = renewed(acting, plan)
    assert fresh is not None
    assert [target.id for target in fresh.targets] == [first]


@pytest.mark.case("T17")
def test_a_target_that_is_as_wanted_already_is_no_drift(acting: Company, cloud: World) -> None:
    first, second = idle(cloud, "box-a", "box-b")
    plan = approved(acting)
    cloud.ec2.stop_instances(InstanceIds=[second])
    assert acting.run(plan.id) is PlanState.SUCCEEDED
    assert "bursar:run" not in cloud.tags(second)
    assert cloud.tags(first)["bursar:run"] == plan.id


@pytest.mark.case("T19")
def test_a_runbook_that_changed_ends_the_plan_and_the_fresh_one_follows_the_new_wording(
    acting: Company, cloud: World
) -> None:
    idle(cloud, "box-a")
    plan = approved(acting)
    acting.with_runbook(runbook(STOP, guards={"max_targets": 3}))
    assert acting.run(plan.id) is PlanState.STALE
    fresh = renewed(acting, plan)
    assert fresh is not None
    assert fresh.runbook_hash == acting.desk.runbooks[STOP].hash != plan.runbook_hash


@pytest.mark.case("T20")
@pytest.mark.parametrize(("dearer", "state"), [("1.20", PlanState.SUCCEEDED), ("1.21", PlanState.STALE)])
def test_targets_that_became_dearer_by_more_than_a_fifth_end_the_plan(
    acting: Company, cloud: World, dearer: str, state: PlanState
) -> None:
    (box,) = idle(cloud, "box-a")
    acting.bill([charge(day, "1", resource=box, team="web") for day in WEEK.days()])
    plan = approved(acting)
    acting.bill([charge(day, dearer, resource=box, team="web") for day in WEEK.days()])
    assert acting.run(plan.id) is state
    if state is PlanState.STALE:
        assert "a month now, where" in str(acting.plan_of(plan.id).outcome)


def test_a_fresh_plan_that_nobody_could_be_asked_for_is_refused_in_the_log(
    acting: Company, cloud: World
) -> None:
    (box,) = idle(cloud, "box-a")
    plan = approved(acting)
    cloud.ec2.terminate_instances(InstanceIds=[box])
    assert acting.run(plan.id) is PlanState.STALE
    assert renewed(acting, plan) is None
    (entry,) = [one for one in acting.entries(plan.id) if one["event"] == "plan.refuse"]
    assert entry["reason"] == "no fresh plan: Nothing was found to act on."


def test_what_cannot_be_read_makes_the_plan_wait_and_nobody_asks_every_second(
    acting: Company, cloud: World
) -> None:
    idle(cloud, "box-a")
    plan = approved(acting)
    seen = drift.look(replace(acting.desk, clouds=Deaf()), plan, acting.now)
    assert seen == drift.Seen(unread="box-a could not be looked at: the line is cut")
    acting.desk = replace(acting.desk, clouds=Deaf())
    assert acting.run(plan.id) is PlanState.APPROVED
    row = acting.plan_of(plan.id)
    assert row.waits_for == "box-a could not be looked at: the line is cut"
    assert runs.ready(acting.store, acting.now) == []
    acting.clock.turn(seconds=30)
    assert runs.ready(acting.store, acting.now) == [plan.id]
    assert acting.run(plan.id) is PlanState.APPROVED
    assert acting.events(plan.id).count("plan.wait") == 1


class Deaf:
    """Clouds that do not answer."""

    def client(self, *_: object, **__: object) -> object:
        """No client."""
        raise Unreadable("the line is cut")


@pytest.fixture
def asking(acting: Company) -> tuple[Company, ToldDirectory]:
    """The company whose on-call group is a user group of Slack."""
    slack = ToldDirectory({GROUP: frozenset({OPS, OZ})})
    acting.with_org(groups={}, usergroups={"platform-oncall": GROUP})
    acting.desk = replace(acting.desk, directory=slack)
    directory.refresh(acting.desk, acting.now)
    return acting, slack


def gone(slack: ToldDirectory) -> None:
    slack.groups[GROUP] = frozenset({OZ})


def deactivated(slack: ToldDirectory) -> None:
    slack.people[OPS] = "is deactivated"


@pytest.mark.case("V8.3.2", "V15.4.2")
@pytest.mark.parametrize(
    ("change", "why"), [(gone, "no longer an approver"), (deactivated, "the account is deactivated")]
)
def test_an_approval_is_void_if_slack_says_that_it_does_not_count_any_more(
    asking: tuple[Company, ToldDirectory], cloud: World, change: Callable[[ToldDirectory], None], why: str
) -> None:
    company, slack = asking
    (box,) = idle(cloud, "box-a")
    plan = approved(company)
    change(slack)  # the rows still say otherwise: it is asked live
    assert company.run(plan.id) is PlanState.STALE
    assert company.votes(plan.id) == [(OPS, "void")]
    (entry,) = [one for one in company.entries(plan.id) if one["event"] == "approval.void"]
    assert (entry["after"], entry["reason"]) == ({"person": OPS}, why)
    assert cloud.state(box) == "running"
    fresh = renewed(company, plan)
    assert fresh is not None
    assert company.votes(fresh.id) == []


@pytest.mark.case("V16.5.3")
def test_while_slack_cannot_tell_who_is_an_approver_the_plan_waits_until_its_execute_by(
    asking: tuple[Company, ToldDirectory], cloud: World
) -> None:
    company, slack = asking
    (box,) = idle(cloud, "box-a")
    plan = approved(company)
    slack.groups[GROUP] = AWAY
    assert company.run(plan.id) is PlanState.APPROVED
    assert company.plan_of(plan.id).waits_for == "Slack does not answer"
    slack.groups[GROUP], slack.people[OPS] = frozenset({OPS}), AWAY
    company.clock.turn(seconds=30)
    assert company.run(plan.id) is PlanState.APPROVED
    assert cloud.state(box) == "running"
    slack.people.clear()
    company.clock.turn(seconds=30)
    assert company.run(plan.id) is PlanState.SUCCEEDED


def test_what_a_plans_own_rows_hold_back_asks_neither_slack_nor_the_cloud(
    asking: tuple[Company, ToldDirectory], cloud: World
) -> None:
    company, _ = asking
    idle(cloud, "box-a")
    plan = approved(company)
    company.with_org(act=False)
    company.desk = replace(company.desk, clouds=Deaf())
    assert company.run(plan.id) is PlanState.STALE


@pytest.mark.case("T36")
def test_a_fresh_install_plans_nothing_and_changes_nothing(acting: Company, cloud: World) -> None:
    (box,) = idle(cloud, "box-a")
    acting.with_org(act=False, accounts={}, groups={})
    assert sweeps.sweep(acting.desk, acting.now) == []
    with acting.store.reading() as session:
        assert plans.find(session) == []
        assert session.query(tables.Step).count() == 0
    assert cloud.state(box) == "running"


def test_an_undo_is_not_asked_for_drift(company: Company) -> None:
    plan = replace(company.plan(by=ANN), undo_of="plan-1")
    assert drift.look(company.desk, plan, NOW) == drift.Seen()


def test_a_target_of_another_identity_is_drift_even_if_it_looks_done(acting: Company, cloud: World) -> None:
    idle(cloud, "box-a")
    plan = approved(acting)
    namesake: Target = replace(plan.targets[0], identity="another")
    cloud.ec2.stop_instances(InstanceIds=[namesake.id])
    seen = drift.look(acting.desk, replace(plan, targets=(namesake,)), acting.now)
    assert seen.changed == "box-a: it is another instance under the same name"
