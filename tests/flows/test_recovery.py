"""A database restored from an old copy: nothing acts, what was open is void, and two people resume it."""

from datetime import timedelta
from typing import Any

import pytest

from actions.plan import Plan, PlanState
from actions.step import StepState
from flows import approvals, dispatch, recovery, runs, sweeps
from spend.errors import NotFound, Refused
from storage import blast, jobs, plans, tables
from storage import recovery as memory
from storage.journal import RunJournal
from storage.locks import Hold
from storage.work import RecoveryState
from tests.actions.world import World
from tests.flows.restoring import Save
from tests.flows.world import FIN, HOLD, OPS, OUT, OZ, Company

WHY = "looked at the accounts"


def examine(company: Company) -> tables.Recovery:
    found = recovery.examine(company.desk, company.now)
    assert found is not None
    return found


def at_work(company: Company, by: int = 1) -> None:
    """Something happens, and the machine sees it."""
    for number in range(by):
        with company.store.writing(company.now) as unit:
            unit.record("test.happened", actor="bursar", subject=f"thing-{number}")
    recovery.remember(company.desk, company.now)


def restored(company: Company, save: Save) -> Company:
    """The company on a copy that lacks what happened since."""
    backup = save(company)
    at_work(company)
    return backup.restored(company)


def test_a_log_that_goes_on_is_no_recovery(company: Company, save: Save) -> None:
    assert recovery.examine(company.desk, company.now) is None
    at_work(company, 3)
    assert recovery.examine(company.desk, company.now) is None
    at_work(company)
    assert save(company).restored(company).desk.store
    assert recovery.examine(save(company).restored(company).desk, company.now) is None
    assert recovery.why_not(company.desk) is None


def test_an_older_copy_is_noticed_recorded_and_told(company: Company, save: Save) -> None:
    at_work(company, 3)
    copy = restored(company, save)
    found = examine(copy)
    assert found.reason == "its audit log ends at row 3, and this machine saw row 4"
    assert (found.fork["seen"]["seq"], found.fork["found"]["seq"]) == (4, 3)
    assert copy.events(found.id) == ["recovery.begin"]
    for channel in ("C_OPS", "C_FIN"):
        assert copy.told(channel) == [("recovery", found.id)]
    assert examine(copy).id == found.id  # the second process to look finds it, and tells nobody again
    assert len(copy.told("C_OPS")) == 1
    assert "restored" in str(recovery.why_not(copy.desk))
    assert copy.chain_holds()


def test_a_copy_that_went_another_way_is_noticed_too(company: Company, save: Save) -> None:
    copy = restored(company, save)
    with copy.store.writing(copy.now + timedelta(days=1)) as unit:
        unit.record("test.elsewhere", actor="bursar", subject="thing")
        unit.record("test.elsewhere", actor="bursar", subject="thing")
    assert examine(copy).reason == "row 1 of its audit log is not the one that this machine saw"


def room(company: Company, plan: Plan) -> list[dict[str, Any]]:
    """What the log has on what a plan took of its day."""
    with company.store.reading() as session:
        taken = blast.of_plan(session, plan.id)
    assert taken is not None
    return company.entries(taken.id)


def test_open_approvals_are_void_and_their_messages_are_not_sent_again(company: Company, save: Save) -> None:
    waits, approved = (company.plan(ids=(key,)) for key in ("i-1", "i-2"))
    approvals.approve(company.desk, approved.id, actor=OPS, shown=approved.hash, now=company.now)
    copy = restored(company, save)
    found = examine(copy)
    for plan in (waits, approved):
        assert copy.state(plan.id) is PlanState.STALE
        assert copy.events(plan.id)[-1] == "plan.stale"
        assert "restored from an old copy" in str(copy.plan_of(plan.id).outcome)
    assert {one.channel for one in copy.messages("post")} == {"C_OPS", "C_FIN"}
    assert all(one.template == "recovery" for one in copy.messages("post"))
    assert [one["event"] for one in room(copy, approved)] == ["reservation.make", "reservation.release"]
    assert set(recovery.view(copy.desk, found.id).void) == {waits.title}
    assert found.fork["void"] == copy.entries(found.id)[0]["after"]["void"]
    assert set(found.fork["void"]) == {waits.id, approved.id}
    with pytest.raises(Refused):
        approvals.approve(copy.desk, waits.id, actor=OPS, shown=waits.hash, now=copy.now)


def test_nothing_runs_and_no_job_is_taken_but_the_look(company: Company, save: Save) -> None:
    with company.store.writing(company.now) as unit:
        unit.enqueue("sweep", "night")
        unit.enqueue("digest", "week")
    taken = jobs.take(company.store, HOLD, company.now)
    assert taken is not None
    copy = restored(company, save)
    found = examine(copy)
    look = jobs.take(copy.store, HOLD, copy.now)
    assert look is not None
    assert (look.kind, look.key) == ("recovery.reconcile", found.id)
    assert jobs.take(copy.store, HOLD, copy.now) is None
    resume(copy)
    kinds = {job.kind for _ in range(2) if (job := jobs.take(copy.store, HOLD, copy.now))}
    assert kinds == {"sweep", "digest"}


def resume(company: Company) -> None:
    for who in (OPS, FIN):
        recovery.resume(company.desk, actor=who, reason=WHY, now=company.now)


def test_a_plan_made_meanwhile_waits_for_the_two_people(company: Company, save: Save) -> None:
    copy = restored(company, save)
    examine(copy)
    plan = copy.plan()
    approvals.approve(copy.desk, plan.id, actor=OPS, shown=plan.hash, now=copy.now)
    assert runs.ready(copy.store, copy.now) == []
    with copy.store.writing(copy.now) as unit:
        row = unit.get(tables.Plan, plan.id)
        held = dispatch.ask(dispatch.Case(copy.desk, unit, row, plans.load(row), {}))
    assert held == dispatch.Wait("the database was restored, and two people have to resume it")
    resume(copy)
    assert runs.ready(copy.store, copy.now) == [plan.id]


def test_two_different_people_resume_it_and_say_why(company: Company, save: Save) -> None:
    copy = restored(company, save)
    found = examine(copy)

    def say(actor: str, reason: str = WHY) -> tables.Recovery:
        return recovery.resume(copy.desk, actor=actor, reason=reason, now=copy.now)

    with pytest.raises(Refused, match="Say what you looked at"):
        say(OPS, " ")
    with pytest.raises(Refused, match="Only an approver"):
        say(OUT)
    assert say(OPS).state == RecoveryState.WAITING
    with pytest.raises(Refused, match="a second person"):
        say(OPS)
    over = say(FIN)
    assert (over.state, over.first, over.second) == (RecoveryState.RESUMED, OPS, FIN)
    assert copy.events(found.id) == ["recovery.begin", "recovery.agree", "recovery.resume"]
    assert [entry["reason"] for entry in copy.entries(found.id)][1:] == [WHY, WHY]
    assert recovery.why_not(copy.desk) is None
    with pytest.raises(NotFound):
        say(OZ)
    assert recovery.view(copy.desk, found.id).said == [(OPS, WHY), (FIN, WHY)]


def test_a_card_of_another_recovery_resumes_nothing(company: Company, save: Save) -> None:
    copy = restored(company, save)
    found = examine(copy)
    with pytest.raises(NotFound, match="waits no more"):
        recovery.resume(copy.desk, actor=OPS, reason=WHY, now=copy.now, key="recovery-earlier")
    assert recovery.resume(copy.desk, actor=OPS, reason=WHY, now=copy.now, key=found.id).first == OPS


def test_another_machine_knows_a_loss_that_was_resumed(company: Company, save: Save) -> None:
    copy = restored(company, save)
    elsewhere = memory.last_seen(company.home)
    assert elsewhere is not None
    copy.clock.turn(minutes=1)
    examine(copy)
    resume(copy)
    with copy.store.reading() as session:
        assert memory.fork(session, elsewhere) is None


def test_the_epochs_of_the_lost_time_are_not_given_out_again(company: Company, save: Save) -> None:
    backup = save(company)
    with company.store.writing(company.now) as unit:
        unit.add(tables.Worker(name="worker-1", epoch=7, started_at=company.now))
    at_work(company)
    copy = backup.restored(company)
    with copy.store.writing(copy.now) as unit:
        unit.add(tables.Worker(name="worker-1", epoch=2, started_at=copy.now))
    examine(copy)
    with copy.store.reading() as session:
        assert memory.head(session).epoch == 7


def stopped_between(acting: Company, cloud: World, *, sent: bool) -> tuple[Plan, list[str]]:
    """A run of three that a backup caught after its first intent, before or after the call arrived."""
    boxes = [cloud.idle_instance(name, Environment="dev", team="web") for name in ("a", "b", "c")]
    (plan,) = sweeps.sweep(acting.desk, acting.now)
    approvals.approve(acting.desk, plan.id, actor=OPS, shown=plan.hash, now=acting.now)
    begun = runs._begin(acting.desk, plan.id, acting.now)
    assert begun is not None
    book = RunJournal(acting.store, plan.id, card="plan")
    first = book.steps()[0]
    target = next(one for one in plan.targets if one.id == first.target)
    until = acting.now + timedelta(seconds=30)
    book.intend(first, target.to_data(), now=acting.now, send_by=until)
    if sent:
        cloud.ec2.stop_instances(InstanceIds=[first.target])
    return plan, [first.target, *(box for box in boxes if box != first.target)]


@pytest.mark.parametrize("sent", [True, False])
def test_what_was_under_way_is_looked_at_and_never_called(
    acting: Company, cloud: World, save: Save, *, sent: bool
) -> None:
    plan, (first, *rest) = stopped_between(acting, cloud, sent=sent)
    copy = restored(acting, save)
    copy.store.hold = Hold("worker-1", 9)
    found = examine(copy)
    assert recovery.view(copy.desk, found.id).under_way == 1
    recovery.reconcile(copy.desk, copy.now)
    assert copy.state(plan.id) is PlanState.HALTED
    with copy.store.reading() as session:
        steps = {step.target: step for step in plans.steps(session, plan.id)}
    assert steps[first].state is (StepState.DONE if sent else StepState.NEEDS_HUMAN)
    assert {steps[key].state for key in rest} == {StepState.SKIPPED}
    assert all("it is running now" in str(steps[key].detail) for key in rest)
    assert {cloud.state(key) for key in rest} == {"running"}
    assert cloud.state(first) == ("stopped" if sent else "running")
    assert room(copy, plan)[-1]["after"]["targets"] == 1  # the one that may have been touched
    shown = recovery.view(copy.desk, found.id)
    assert [name for name, _ in shown.looks] == ([] if sent else ["a"])
    assert shown.under_way == 0
    assert copy.chain_holds()
    recovery.reconcile(copy.desk, copy.now)  # a repeat of the job finds nothing more
