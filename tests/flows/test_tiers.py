"""What a yes takes: a reason from tier 2 on; in tier 3 two teams, a phrase and a code outside Slack."""

import base64
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from actions.plan import Plan, PlanState, Tier
from flows import approvals, proposals, stepup
from spend.errors import Refused
from storage import plans, tables
from tests.flows.world import ANN, FIN, MARKED, OPS, OZ, Company, runbook
from tests.storage.rows import target

VOLUMES = "reclaim-unattached-volumes"
SECRETS = {person: base64.b32encode(person.encode() * 5).decode() for person in (OPS, OZ, FIN)}


@pytest.fixture
def grave(company: Company) -> Company:
    """The company whose volumes may be deleted in production too, with people who have authenticators."""
    company.with_runbook(runbook(VOLUMES, guards={"production": "allowed"}))
    company.desk = replace(company.desk, authenticators=lambda: SECRETS)
    return company


def deletion(company: Company, key: str = "vol-1") -> Plan:
    """A plan that deletes a volume in production."""
    book = company.desk.runbooks[VOLUMES]
    tags = {"env": "prod", **MARKED}
    found = [target(key, kind="volume", tags=tags, state="available", monthly_cost=Decimal(5))]
    kept, struck = proposals.strike(company.desk, book, found, company.now)
    return proposals.propose(
        company.desk,
        book,
        kept,
        struck,
        findings=[],
        requested_by="bursar",
        reason="nobody reads it",
        now=company.now,
    )


def code(person: str, now: datetime, *, steps: int = 0) -> str:
    """What the person's authenticator shows."""
    return stepup.generator(SECRETS[person]).generate(now.timestamp() + steps * stepup.PERIOD).decode()


def approve(company: Company, plan: Plan, actor: str, **given: str | None) -> PlanState:
    said = {"reason": "I looked", "typed": "delete 1", "code": code(actor, company.now), **given}
    return approvals.approve(
        company.desk, plan.id, actor=actor, shown=plan.hash, now=company.now, **said
    ).state


@pytest.mark.case("V2.3.1")
@pytest.mark.parametrize("reason", [None, "", "   "])
def test_a_deletion_is_approved_and_denied_with_a_reason(company: Company, reason: str | None) -> None:
    plan = company.plan(VOLUMES, ids=("vol-1",))
    with pytest.raises(Refused, match="write one"):
        approvals.approve(company.desk, plan.id, actor=OPS, shown=plan.hash, now=company.now, reason=reason)
    with pytest.raises(Refused, match="write one"):
        approvals.deny(company.desk, plan.id, actor=OPS, shown=plan.hash, reason=reason, now=company.now)
    assert company.votes(plan.id) == []


def test_the_reason_of_an_approval_is_kept_with_the_vote_and_in_the_log(company: Company) -> None:
    plan = company.plan(VOLUMES, ids=("vol-1",))
    approvals.approve(
        company.desk, plan.id, actor=OPS, shown=plan.hash, now=company.now, reason="empty since May"
    )
    with company.store.reading() as session:
        (vote,) = plans.votes(session, plan.id)
    (entry,) = [one for one in company.entries(plan.id) if one["event"] == "approval.approve"]
    assert (vote.reason, entry["reason"]) == ("empty since May", "empty since May")


@pytest.mark.case("V2.3.5", "V8.3.1")
def test_a_deletion_in_production_takes_two_teams_a_phrase_and_a_code_each(grave: Company) -> None:
    plan = deletion(grave)
    assert (plan.tier, plan.quorum) == (Tier.T3, 2)
    with pytest.raises(Refused, match="type: delete 1"):
        approve(grave, plan, OPS, typed="yes")
    with pytest.raises(Refused, match="not the code"):
        approve(grave, plan, OPS, code=None)
    assert approve(grave, plan, OPS) is PlanState.PENDING
    with pytest.raises(Refused, match="somebody of another team"):
        approve(grave, plan, OZ)
    assert approve(grave, plan, FIN) is PlanState.APPROVED
    assert set(grave.votes(plan.id)) == {(OPS, "approve"), (FIN, "approve")}


def test_a_code_is_good_for_once_and_for_a_step_on_either_side(grave: Company) -> None:
    first, second, third = (deletion(grave, f"vol-{number}") for number in range(3))
    late = code(OPS, grave.now, steps=-1)
    assert approve(grave, first, OPS, code=late) is PlanState.PENDING
    with pytest.raises(Refused, match="used already"):
        approve(grave, second, OPS, code=late)
    assert approve(grave, second, OPS) is PlanState.PENDING
    assert approve(grave, third, OPS, code=code(OPS, grave.now, steps=1)) is PlanState.PENDING
    with grave.store.reading() as session:
        assert session.query(tables.UsedCode).count() == 3


@pytest.mark.parametrize("steps", [-2, 2])
def test_a_code_of_another_time_is_wrong(grave: Company, steps: int) -> None:
    plan = deletion(grave)
    with pytest.raises(Refused, match="not the code"):
        approve(grave, plan, OPS, code=code(OPS, grave.now, steps=steps))


@pytest.mark.parametrize("given", ["", "12345", "1234567", "１２３４５６", "abcdef"])
def test_what_is_no_code_is_wrong(grave: Company, given: str) -> None:
    assert stepup.matching(SECRETS[OPS], given, grave.now) is None


@pytest.mark.case("V16.3.3")
def test_after_five_wrong_codes_even_the_right_one_waits_a_quarter_of_an_hour(grave: Company) -> None:
    plan = deletion(grave)
    wrong = code(FIN, grave.now)
    for _ in range(5):
        with pytest.raises(Refused, match="not the code"):
            approve(grave, plan, OPS, code=wrong)
    with pytest.raises(Refused, match="Too many wrong codes"):
        approve(grave, plan, OPS)
    assert grave.events(OPS) == ["stepup.fail"] * 6
    assert approve(grave, plan, FIN) is PlanState.PENDING
    grave.clock.turn(minutes=15, seconds=1)
    assert approve(grave, plan, OPS) is PlanState.APPROVED


def test_who_has_no_authenticator_is_told_how_to_get_one(grave: Company) -> None:
    plan = deletion(grave)
    only = {person: secret for person, secret in SECRETS.items() if person != OPS}
    grave.desk = replace(grave.desk, authenticators=lambda: only)
    with pytest.raises(Refused, match=f"bursar stepup enrol {OPS}"):
        approve(grave, plan, OPS)


def test_without_authenticators_a_deletion_in_production_is_not_even_proposed(grave: Company) -> None:
    grave.desk = replace(grave.desk, authenticators=dict)
    with pytest.raises(Refused, match="each with an authenticator"):
        deletion(grave)
    with grave.store.reading() as session:
        assert plans.find(session) == []


@pytest.mark.case("T09")
def test_the_author_of_a_new_runbook_does_not_approve_its_first_run(company: Company) -> None:
    company.with_org(people={ANN: "Ann Example", OPS: "Olga Ops"})
    company.with_runbook(company.desk.runbooks[VOLUMES].model_copy(update={"authors": ("olga ops",)}))
    plan = company.plan(VOLUMES, ids=("vol-1",))
    assert plan.authors == {OPS}
    with pytest.raises(Refused, match="You wrote this version of the runbook"):
        approve_two(company, plan, OPS)
    approve_two(company, plan, OZ)
    approve_two(company, plan, FIN)
    with company.store.writing(company.now) as unit:
        unit.move(unit.get(tables.Plan, plan.id), PlanState.RUNNING)
    assert company.plan(VOLUMES, ids=("vol-2",)).authors == frozenset()


def approve_two(company: Company, plan: Plan, actor: str) -> None:
    approvals.approve(company.desk, plan.id, actor=actor, shown=plan.hash, now=company.now, reason="I looked")


def test_each_plan_carries_the_hash_of_the_policy_it_was_frozen_under(company: Company) -> None:
    before = company.plan()
    company.with_org(dollar_limit=Decimal(5))
    after = company.plan(ids=("i-2",))
    assert before.policy
    assert before.policy != after.policy
