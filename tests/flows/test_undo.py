"""Taking a run back: by an approver, in time, once, and only what the run itself did."""

import threading

import pytest

from actions.plan import Plan, PlanState
from flows import approvals, story, sweeps, undo
from spend.errors import NotFound, Refused
from storage import plans
from storage.store import Store
from tests.actions.world import World
from tests.flows.world import ANN, OPS, OUT, OZ, Company


def ran(company: Company, cloud: World, *names: str) -> tuple[Plan, list[str]]:
    """A run that stopped idle instances."""
    boxes = [cloud.idle_instance(name, Environment="dev", team="web") for name in names]
    (plan,) = sweeps.sweep(company.desk, company.now)
    approvals.approve(
        company.desk, plan.id, actor=OPS, shown=plan.hash, now=company.now, reason="it is unused"
    )
    assert company.run(plan.id) is PlanState.SUCCEEDED
    return plan, boxes


def press(company: Company, plan: Plan, actor: str = OZ) -> Plan:
    return undo.undo(company.desk, plan.id, actor=actor, now=company.now)


@pytest.mark.case("T38", "V2.3.3")
@pytest.mark.case("T38")
def test_an_undo_is_a_plan_of_its_own_linked_both_ways_that_starts_what_was_stopped(
    acting: Company, cloud: World
) -> None:
    plan, boxes = ran(acting, cloud, "box-a", "box-b")
    back = press(acting, plan)
    assert (back.state, back.undo_of, back.quorum) == (PlanState.APPROVED, plan.id, 1)
    assert acting.votes(back.id) == [(OZ, "approve")]
    assert acting.events(plan.id)[-1] == "plan.undo"
    assert acting.entries(plan.id)[-1]["after"] == {"undo": back.id}
    card = next(one for one in acting.messages("post") if one.subject == back.id)
    assert (card.channel, card.surface, card.thread) == ("C_OPS", f"plan:{back.id}", f"plan:{plan.id}")
    assert acting.run(back.id) is PlanState.SUCCEEDED
    assert [cloud.state(box) for box in boxes] == ["running", "running"]
    assert acting.chain_holds()


def test_who_approved_the_run_may_undo_it_too(acting: Company, cloud: World) -> None:
    plan, _ = ran(acting, cloud, "box-a")
    assert press(acting, plan, OPS).state is PlanState.APPROVED


@pytest.mark.parametrize("person", [OUT, ANN, "bursar"])
def test_only_an_approver_undoes(acting: Company, cloud: World, person: str) -> None:
    plan, (box,) = ran(acting, cloud, "box-a")
    with pytest.raises(Refused, match="Only the approvers"):
        press(acting, plan, person)
    assert acting.events(plan.id)[-1] == "run.finish"
    assert cloud.state(box) == "stopped"


def test_an_approver_of_then_who_is_none_today_does_not_undo(acting: Company, cloud: World) -> None:
    plan, _ = ran(acting, cloud, "box-a")
    acting.with_org(groups={"platform-oncall": frozenset({OZ})})
    with pytest.raises(Refused, match="Only the approvers"):
        press(acting, plan, OPS)
    assert press(acting, plan, OZ).state is PlanState.APPROVED


@pytest.mark.case("T38")
def test_an_undo_is_offered_until_its_deadline(acting: Company, cloud: World) -> None:
    plan, _ = ran(acting, cloud, "box-a")
    acting.clock.turn(seconds=(plan.execute_by - acting.now).total_seconds() + 72 * 3600)
    with pytest.raises(Refused, match="that has passed"):
        press(acting, plan)
    acting.clock.turn(seconds=-1)
    assert press(acting, plan).state is PlanState.APPROVED


def test_a_run_is_undone_once(acting: Company, cloud: World) -> None:
    plan, _ = ran(acting, cloud, "box-a")
    back = press(acting, plan)
    with pytest.raises(Refused, match="undone already, or is being undone"):
        press(acting, plan, OPS)
    acting.run(back.id)
    with pytest.raises(Refused, match="undone already"):
        press(acting, plan, OPS)
    assert acting.events(plan.id).count("plan.undo") == 1


def test_an_undo_that_was_never_run_does_not_stand_in_the_way(acting: Company, cloud: World) -> None:
    plan, (box,) = ran(acting, cloud, "box-a")
    first = press(acting, plan)
    acting.clock.turn(hours=2)
    assert approvals.expire(acting.desk, acting.now) == 1
    assert acting.state(first.id) is PlanState.EXPIRED
    assert acting.run(press(acting, plan).id) is PlanState.SUCCEEDED
    assert cloud.state(box) == "running"


def test_of_two_who_press_undo_at_the_same_instant_one_undoes(acting: Company, cloud: World) -> None:
    plan, _ = ran(acting, cloud, "box-a")
    stores, start = [Store(acting.store.url) for _ in range(2)], threading.Barrier(2)
    made: list[Plan] = []
    refused: list[Refused] = []

    def click(store: Store, actor: str) -> None:
        own = Company(store, acting.home)
        start.wait(10)
        try:
            made.append(press(own, plan, actor))
        except Refused as refusal:
            refused.append(refusal)

    threads = [threading.Thread(target=click, args=pair) for pair in zip(stores, (OPS, OZ), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(made), len(refused)) == (1, 1)
    with acting.store.reading() as session:
        assert len(plans.find(session, undo_of=plan.id)) == 1
    for store in stores:
        store.close()


def test_what_changed_meanwhile_is_reported_and_the_rest_is_restored(acting: Company, cloud: World) -> None:
    plan, boxes = ran(acting, cloud, "box-a", "box-b", "box-c")
    cloud.tag(boxes[0], owner="somebody new")
    cloud.ec2.terminate_instances(InstanceIds=[boxes[2]])
    back = press(acting, plan)
    assert acting.run(back.id) is PlanState.PARTIAL
    assert [cloud.state(box) for box in boxes] == ["stopped", "running", "terminated"]
    with acting.store.reading() as session:
        told = {step.target: (str(step.state), step.detail) for step in plans.steps(session, back.id)}
    assert told[boxes[0]][0] == "skipped"
    assert "owner" in str(told[boxes[0]][1])
    assert told[boxes[1]][0] == "done"
    assert told[boxes[2]] == ("skipped", "it is gone")


def test_one_that_was_started_by_hand_is_left_as_it_is(acting: Company, cloud: World) -> None:
    plan, boxes = ran(acting, cloud, "box-a", "box-b")
    cloud.ec2.start_instances(InstanceIds=[boxes[0]])
    back = press(acting, plan)
    assert acting.run(back.id) in {PlanState.SUCCEEDED, PlanState.PARTIAL}
    assert [cloud.state(box) for box in boxes] == ["running", "running"]
    intents = [entry for entry in acting.entries(back.id) if entry["event"] == "step.intent"]
    assert [entry["after"]["target"] for entry in intents] == [boxes[1]]


def test_what_has_not_run_and_what_is_unknown_cannot_be_undone(acting: Company, cloud: World) -> None:
    cloud.idle_instance("box-a", Environment="dev", team="web")
    (plan,) = sweeps.sweep(acting.desk, acting.now)
    with pytest.raises(Refused, match="this plan is pending"):
        press(acting, plan)
    with pytest.raises(Refused, match="not known any more"):
        undo.undo(acting.desk, "plan-x", actor=OZ, now=acting.now)


def test_an_undo_is_not_undone(acting: Company, cloud: World) -> None:
    plan, _ = ran(acting, cloud, "box-a")
    back = press(acting, plan)
    assert acting.run(back.id) is PlanState.SUCCEEDED
    with pytest.raises(Refused):
        press(acting, back, OPS)


def test_the_story_of_a_remediation_is_told_whole(acting: Company, cloud: World) -> None:
    plan, boxes = ran(acting, cloud, "box-a")
    back = press(acting, plan)
    acting.run(back.id)
    told = story.tell(acting.desk, plan.id)
    assert [entry["event"] for entry in told["entries"]] == [
        "plan.propose", "warning.send", "approval.approve", "run.begin", "step.intent", "step.done",
        "run.finish",
        "plan.undo",
    ]  # fmt: skip
    assert told["plan"]["state"] == "succeeded"
    assert told["plan"]["hash"] == plan.hash
    assert [(vote["person"], vote["decision"]) for vote in told["votes"]] == [(OPS, "approve")]
    assert [(step.target, str(step.state)) for step in told["steps"]] == [(boxes[0], "done")]
    assert (told["undo_of"], told["undone_by"]) == (None, [back.id])
    assert story.tell(acting.desk, back.id)["undo_of"] == plan.id
    with pytest.raises(NotFound, match="nothing about plan-x"):
        story.tell(acting.desk, "plan-x")
