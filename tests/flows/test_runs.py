"""Running what was approved: asked again before it begins, told afterwards, and taken up after a crash."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from actions import sending
from actions.base import Target
from actions.errors import TakenOver
from actions.plan import Plan, PlanState
from actions.rollout import steps_of
from bot.render import render
from flows import approvals, cards, proposals, runs, sweeps, switches
from spend.errors import Refused
from spend.finding import FindingState
from storage import journal, plans, tables
from storage.locks import Hold
from storage.store import Store
from tests.actions.world import ACCOUNT, NOW, World
from tests.flows.world import HOLD, MARKED, OPS, ORG, OZ, WEEK, Company, charge, runbook

STOP = "stop-idle-dev"


def idle(cloud: World, *names: str, team: str = "web") -> list[str]:
    """Instances that have been idle for weeks."""
    return [cloud.idle_instance(name, Environment="dev", team=team) for name in names]


def approved(company: Company, actor: str = OPS) -> Plan:
    """The plan that a sweep proposes, with one approval."""
    (plan,) = sweeps.sweep(company.desk, company.now)
    return approvals.approve(
        company.desk, plan.id, actor=actor, shown=plan.hash, now=company.now, reason="it is unused"
    )


def ready(company: Company) -> list[str]:
    return runs.ready(company.store, company.now)


def kill(company: Company, *, on: bool) -> None:
    switches.throw(company.desk, on=on, actor=OPS, reason="storm", now=company.now)


def test_an_approved_run_stops_tags_tells_and_closes_its_findings(acting: Company, cloud: World) -> None:
    first, second = idle(cloud, "box-a", "box-b")
    plan = approved(acting)
    assert ready(acting) == [plan.id]
    assert acting.run(plan.id) is PlanState.SUCCEEDED
    assert (cloud.state(first), cloud.state(second)) == ("stopped", "stopped")
    assert cloud.tags(first)["bursar:run"] == plan.id
    (finding,) = acting.findings()
    assert finding.state == FindingState.RESOLVED
    told = [one for one in acting.messages("post") if one.template == "run_told"]
    assert [(one.channel, one.args) for one in told] == [
        ("C_WEB", {"team": "web", "names": ["box-a", "box-b"]})
    ]
    details = [one for one in acting.messages("post") if one.template == "plan_detail"]
    assert [(one.channel, one.thread) for one in details] == [("C_OPS", f"plan:{plan.id}")]
    assert acting.events(plan.id) == [
        "plan.propose", "warning.send", "approval.approve", "run.begin",
        "step.intent", "step.done", "step.intent", "step.done", "run.finish",
    ]  # fmt: skip
    assert acting.events(finding.id)[-1] == "finding.resolve"
    assert acting.chain_holds()
    assert ready(acting) == []
    assert acting.run(plan.id) is PlanState.SUCCEEDED


@pytest.mark.case("T37")
def test_while_the_kill_switch_is_on_the_card_says_what_the_plan_waits_for(on_sqlite: Company) -> None:
    plan = on_sqlite.plan()
    approvals.approve(on_sqlite.desk, plan.id, actor=OPS, shown=plan.hash, now=on_sqlite.now)
    for on, said in ((True, "It waits: the kill switch is on."), (False, "It starts in a moment.")):
        with on_sqlite.store.writing(on_sqlite.now) as unit:
            unit.session.query(tables.Message).delete()
        kill(on_sqlite, on=on)
        (redrawn,) = [one for one in on_sqlite.messages("update") if one.template == "plan"]
        assert redrawn.subject == plan.id
        assert said in str(render(on_sqlite.desk, redrawn, on_sqlite.now).blocks)


def test_what_somebody_else_stopped_is_not_told_as_ours(acting: Company, cloud: World) -> None:
    first, second = idle(cloud, "box-a", "box-b")
    plan = approved(acting)
    cloud.ec2.stop_instances(InstanceIds=[second])
    assert acting.run(plan.id) is PlanState.SUCCEEDED
    assert cloud.state(first) == "stopped"
    (told,) = [one for one in acting.messages("post") if one.template == "run_told"]
    assert told.args == {"team": "web", "names": ["box-a"]}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda company: company.with_org(groups={"platform-oncall": frozenset({OZ})}),
            "no longer an approver",
        ),
        (
            lambda company: company.with_runbook(runbook(STOP, guards={"max_targets": 3})),
            "its runbook changed",
        ),
        (lambda company: company.with_org(act=False), "set to observe only"),
        (
            lambda company: company.with_org(accounts={ACCOUNT: replace(ORG.accounts[ACCOUNT], act=False)}),
            f"account {ACCOUNT} is no longer on the allow-list",
        ),
    ],
)
def test_what_is_no_longer_allowed_goes_stale_and_calls_nothing(
    acting: Company, cloud: World, change: Callable[[Company], None], reason: str
) -> None:
    (box,) = idle(cloud, "box-a")
    plan = approved(acting)
    change(acting)
    assert acting.run(plan.id) is PlanState.STALE
    row = acting.plan_of(plan.id)
    assert reason in str(row.outcome)
    assert row.ended_at == acting.now
    assert acting.events(plan.id)[-1] == "plan.stale"
    assert cloud.state(box) == "running"
    assert "bursar:run" not in cloud.tags(box)
    assert ready(acting) == []


def test_a_plan_that_is_still_approved_by_enough_goes_on(acting: Company, cloud: World) -> None:
    idle(cloud, "box-a")
    plan = approved(acting)
    acting.with_org(groups={"platform-oncall": frozenset({OPS, "U_NEW"})})
    assert acting.run(plan.id) is PlanState.SUCCEEDED


@pytest.mark.case("T37")
def test_while_the_kill_switch_is_on_nothing_begins_and_afterwards_it_does(
    acting: Company, cloud: World
) -> None:
    (box,) = idle(cloud, "box-a")
    plan = approved(acting)
    kill(acting, on=True)
    assert ready(acting) == []
    # A worker that had looked just before does not begin either; the plan waits.
    assert acting.run(plan.id) is PlanState.APPROVED
    assert cloud.state(box) == "running"
    kill(acting, on=False)
    assert ready(acting) == [plan.id]
    assert acting.run(plan.id) is PlanState.SUCCEEDED


@pytest.mark.case("T37")
def test_the_kill_switch_halts_a_run_that_pauses_at_once(acting: Company, cloud: World) -> None:
    boxes = idle(cloud, "box-a", "box-b", "box-c")
    acting.with_org(wave_pause=60)
    plan = approved(acting)
    assert acting.pass_over(plan.id) == 60
    assert ready(acting) == []
    kill(acting, on=True)
    assert ready(acting) == [plan.id]
    assert acting.run(plan.id) is PlanState.HALTED
    kill(acting, on=False)
    assert ready(acting) == []
    assert [cloud.state(box) for box in boxes] == ["stopped", "running", "running"]
    (finding,) = acting.findings()
    assert finding.state == FindingState.OPEN


def test_a_plan_is_not_begun_after_its_execute_by(acting: Company, cloud: World) -> None:
    (box,) = idle(cloud, "box-a")
    plan = approved(acting)
    acting.clock.turn(hours=6)
    assert ready(acting) == []
    assert acting.run(plan.id) is PlanState.APPROVED
    assert approvals.expire(acting.desk, acting.now) == 1
    assert cloud.state(box) == "running"


def test_a_worker_without_a_seat_or_a_cloud_begins_nothing(acting: Company, cloud: World) -> None:
    idle(cloud, "box-a")
    plan = approved(acting)
    acting.store.hold = None
    assert acting.run(plan.id) is PlanState.APPROVED
    acting.store.hold = HOLD
    acting.desk = replace(acting.desk, clouds=None)
    assert acting.run(plan.id) is PlanState.APPROVED


def test_a_changed_target_is_skipped_and_named_and_its_finding_stays(acting: Company, cloud: World) -> None:
    boxes = idle(cloud, "box-a", "box-b", "box-c")
    acting.with_org(wave_pause=60)
    plan = approved(acting)
    acting.pass_over(plan.id)
    cloud.tag(boxes[1], owner="somebody new")
    assert acting.run(plan.id) is PlanState.PARTIAL
    assert [cloud.state(box) for box in boxes] == ["stopped", "running", "stopped"]
    assert acting.plan_of(plan.id).outcome == "box-b: its tags changed (owner)"
    (finding,) = acting.findings()
    assert finding.state == FindingState.OPEN


def crash_after_intent(company: Company, plan: Plan) -> None:
    """The worker that began this run dies between its first intent and the call."""
    with company.store.writing(company.now) as unit:
        row = unit.get(tables.Plan, plan.id)
        unit.move(row, PlanState.RUNNING, worker=HOLD.worker, epoch=HOLD.epoch)
        plans.add_steps(unit, steps_of(plan))
    book = journal.RunJournal(company.store, plan.id, card=cards.plan(plan.id))
    step = book.steps()[0]
    book.intend(step, plan.targets[0].to_data(), now=company.now, send_by=company.now + timedelta(seconds=30))


def taken_over(company: Company, plan: Plan, hold: Hold) -> None:
    with company.store.writing(company.now) as unit:
        unit.change(unit.get(tables.Plan, plan.id), worker=hold.worker, epoch=hold.epoch)
    company.store.hold = hold


@pytest.mark.parametrize("sent", [True, False])
def test_after_a_crash_the_new_worker_looks_and_never_repeats_blindly(
    acting: Company, cloud: World, *, sent: bool
) -> None:
    boxes = idle(cloud, "box-a", "box-b", "box-c")
    plan = approved(acting)
    crash_after_intent(acting, plan)
    canary = plan.targets[0].id
    if sent:
        cloud.ec2.stop_instances(InstanceIds=[canary])
    taken_over(acting, plan, Hold("worker-2", 1))
    found = acting.run(plan.id)
    with acting.store.reading() as session:
        steps = plans.steps(session, plan.id)
    if sent:
        assert found is PlanState.SUCCEEDED
        assert {cloud.state(box) for box in boxes} == {"stopped"}
        assert acting.events(plan.id).count("step.reconcile") == 1
        assert "bursar:run" not in cloud.tags(canary)  # the tag would show that it was called again
        assert not steps[0].changed  # without its tag it was somebody else's stop, not this run's
    else:  # a stop may be sent once more, as soon as the first cannot be on its way any more
        assert found is PlanState.SUCCEEDED
        assert {cloud.state(box) for box in boxes} == {"stopped"}
        assert [step.attempts for step in steps] == [2, 1, 1]
        assert acting.now >= NOW + timedelta(seconds=30) + sending.UNDER_WAY


def test_a_call_that_may_still_be_on_its_way_is_waited_for(acting: Company, cloud: World) -> None:
    idle(cloud, "box-a")
    plan = approved(acting)
    crash_after_intent(acting, plan)
    assert ready(acting) == []
    taken_over(acting, plan, Hold("worker-2", 1))
    acting.clock.turn(seconds=30 + 24)
    assert ready(acting) == []
    acting.clock.turn(seconds=1)
    assert ready(acting) == [plan.id]
    acting.store.hold = HOLD
    assert ready(acting) == []


def test_the_worker_that_lost_its_run_writes_and_calls_nothing_more(acting: Company, cloud: World) -> None:
    boxes = idle(cloud, "box-a", "box-b")
    plan = approved(acting)

    def wait(seconds: float) -> None:
        """Before its second step it is taken over, without knowing it."""
        if cloud.state(plan.targets[0].id) == "stopped":
            with acting.store.writing(acting.now) as unit:
                unit.change(unit.get(tables.Plan, plan.id), worker="worker-2", epoch=1)
        acting.wait(seconds)

    with pytest.raises(TakenOver):
        acting.run(plan.id, wait)
    assert [cloud.state(box) for box in boxes] == ["stopped", "running"]
    assert acting.state(plan.id) is PlanState.RUNNING


def test_a_run_whose_runbook_was_removed_is_still_taken_to_its_end(acting: Company, cloud: World) -> None:
    idle(cloud, "box-a")
    plan = approved(acting)
    crash_after_intent(acting, plan)
    cloud.ec2.stop_instances(InstanceIds=[plan.targets[0].id])
    acting.desk = replace(acting.desk, runbooks={})
    assert acting.run(plan.id) is PlanState.SUCCEEDED


@pytest.mark.case("T39")
def test_deleting_a_volume_takes_two_people_and_a_snapshot(acting: Company, cloud: World) -> None:
    volume = cloud.volume("disk", team="web", **MARKED)
    acting.bill([charge(day, "1", resource=volume, team="web") for day in WEEK.days()])
    plan = approved(acting)
    assert plan.runbook == "reclaim-unattached-volumes"
    assert plan.state is PlanState.PENDING
    approvals.approve(
        acting.desk, plan.id, actor="U_FIN", shown=plan.hash, now=acting.now, reason="it is unused"
    )
    assert acting.run(plan.id) is PlanState.SUCCEEDED
    assert cloud.ec2.describe_volumes()["Volumes"] == []
    owned = cloud.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert [(one["VolumeId"], one["State"]) for one in owned if one["VolumeId"] == volume] == [
        (volume, "completed")
    ]


def test_a_target_that_the_guards_of_today_protect_is_not_in_a_plan(acting: Company) -> None:
    made = Target(
        "i-1", ACCOUNT, "eu-central-1", "instance", "box", "x", "running",
        tags={"do-not-stop": "", "team": "web"}, facts={"root": "ebs", "lifecycle": "on-demand"},
    )  # fmt: skip
    book = acting.desk.runbooks[STOP]
    kept, struck = proposals.strike(acting.desk, book, [made], acting.now)
    assert kept == ()
    assert struck[0].reason == "its tag do-not-stop protects it"
    with pytest.raises(Refused, match="its tag do-not-stop protects it"):
        proposals.propose(
            acting.desk, book, kept, struck, findings=[], requested_by="bursar", reason="x", now=acting.now
        )


def test_other_workers_runs_are_left_to_them(acting: Company, cloud: World, store: Store) -> None:
    idle(cloud, "box-a")
    plan = approved(acting)
    with store.writing(NOW) as unit:
        row = unit.get(tables.Plan, plan.id)
        unit.move(row, PlanState.RUNNING, worker="worker-9", epoch=4)
    assert ready(acting) == []
