"""Who stopped my box: the answer, and who may have it."""

from dataclasses import replace

import pytest

from actions.plan import PlanState
from flows import approvals, say, undo, why
from flows.why import Answer
from spend.errors import NotFound
from storage import say as said
from tests.actions.world import World
from tests.flows.test_kept import approved
from tests.flows.test_runs import idle
from tests.flows.world import AMY, ANN, BEN, FIN, OPS, OUT, OZ, Company


def ask(company: Company, resource: str, actor: str | None = None) -> tuple[Answer, ...]:
    return why.why(company.desk, resource, now=company.now, actor=actor)


def test_the_run_the_people_and_the_way_back_are_told(acting: Company, cloud: World) -> None:
    (box,) = idle(cloud, "box-a")
    plan = approved(acting)
    assert acting.run(plan.id) is PlanState.SUCCEEDED
    (answer,) = ask(acting, box)
    assert (answer.resource, answer.name, answer.team, answer.account) == (box, "box-a", "web", "shop-dev")
    (deed,) = answer.done
    assert (deed.run, deed.state, deed.requested_by) == (plan.id, "succeeded", "bursar")
    assert (deed.reason, deed.runbook) == (plan.reason, "stop-idle-dev")
    assert [one.person for one in deed.approved_by] == [OPS]
    assert [(one.action, one.state) for one in deed.changes] == [("aws.stop_instances", "done")]
    assert deed.undo is not None
    assert f"bursar undo {plan.id}" in deed.undo.how
    assert deed.undo.until is not None
    assert (answer.waiting, answer.keeps) == ((), ())


def test_the_run_in_the_tag_of_a_thing_answers_too_and_so_does_its_name(
    acting: Company, cloud: World
) -> None:
    first, second = idle(cloud, "box-a", "box-b")
    plan = approved(acting)
    acting.run(plan.id)
    tag = cloud.tags(first)["bursar:run"]
    assert {answer.resource for answer in ask(acting, tag)} == {first, second}
    assert [answer.resource for answer in ask(acting, " box-b ")] == [second]


def test_an_undo_is_told_with_what_it_took_back(acting: Company, cloud: World) -> None:
    (box,) = idle(cloud, "box-a")
    plan = approved(acting)
    acting.run(plan.id)
    back = undo.undo(acting.desk, plan.id, actor=OZ, now=acting.now)
    acting.run(back.id)
    (answer,) = ask(acting, box)
    newest, oldest = sorted(answer.done, key=lambda deed: deed.undo_of is None)
    assert newest.undo is not None
    assert newest.undo.how == f"this took back what {plan.id} did"
    assert oldest.undo is not None
    assert oldest.undo.how == f"{back.id} takes it back; it is succeeded"
    acting.clock.turn(days=30)


def test_after_its_deadline_the_answer_says_that_it_is_too_late(acting: Company, cloud: World) -> None:
    (box,) = idle(cloud, "box-a")
    acting.run(approved(acting).id)
    acting.clock.turn(days=30)
    ((deed,),) = (answer.done for answer in ask(acting, box))
    assert deed.undo is not None
    assert deed.undo.how.startswith("it could be undone until")


def test_what_waits_and_what_is_kept_is_told_before_anything_is_done(company: Company) -> None:
    plan = company.plan(ids=("i-1", "i-2"))
    with company.store.reading() as session:
        (row,) = said.warnings(session, plan.id)
    say.keep(company.desk, row.id, which="0", until="2026-06-20", reason="a demo", actor=ANN, now=company.now)
    (answer,) = ask(company, "i-1")
    assert [(one.run, one.state, one.undo) for one in answer.waiting] == [(plan.id, "pending", None)]
    assert [(one.said_by, one.reason, one.state) for one in answer.keeps] == [(ANN, "a demo", "held")]
    approvals.cancel(company.desk, plan.id, actor=OPS, now=company.now)
    (answer,) = ask(company, "i-1")
    assert (answer.waiting, len(answer.keeps)) == ((), 1)
    with pytest.raises(NotFound):
        ask(company, "i-2")


@pytest.mark.parametrize("nothing", ["i-404", "", "plan-404", "'; drop table plan; --", "x" * 5000])
def test_of_what_nobody_touched_it_says_so(company: Company, nothing: str) -> None:
    company.plan()
    with pytest.raises(NotFound, match="Bursar knows of nothing that was done to"):
        ask(company, nothing)


@pytest.mark.case("T58", "8.2.2", "8.2.3")
@pytest.mark.parametrize("person", [ANN, AMY, FIN, OPS, OZ])
def test_an_owner_an_approver_and_finance_are_answered(company: Company, person: str) -> None:
    company.plan()
    assert [answer.resource for answer in ask(company, "i-1", person)] == ["i-1"]
    (entry,) = company.entries("i-1")
    assert (entry["event"], entry["actor"], entry["after"]) == ("report.view", person, {"found": 1})


@pytest.mark.case("T58", "8.2.2", "8.2.3")
@pytest.mark.parametrize("word", ["i-1", "box i-1", "PLAN"])
@pytest.mark.parametrize("person", [BEN, OUT, "bursar", ""])
def test_to_anybody_else_a_thing_of_another_team_reads_like_one_that_is_not_there(
    company: Company, person: str, word: str
) -> None:
    plan = company.plan()
    asked = word.replace("PLAN", plan.id)
    with pytest.raises(NotFound) as theirs:
        ask(company, asked, person)
    with pytest.raises(NotFound) as absent:
        ask(company, "i-404", person)
    assert str(theirs.value).replace(asked, "X") == str(absent.value).replace("i-404", "X")


@pytest.mark.case("T58", "8.2.3")
def test_of_a_run_over_two_teams_an_owner_sees_their_own_part(acting: Company, cloud: World) -> None:
    (mine,), (theirs,) = idle(cloud, "box-a"), idle(cloud, "box-b", team="data")
    plan = approved(acting)
    acting.run(plan.id)
    (answer,) = ask(acting, plan.id, ANN)
    assert answer.resource == mine
    assert {change.target for deed in answer.done for change in deed.changes} == {mine}
    assert theirs not in str(answer)
    assert replace(answer, done=()) == replace(ask(acting, mine, ANN)[0], done=())
