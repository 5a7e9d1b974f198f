"""Who may say yes to a plan, how many must, until when, and what a no does."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from actions.plan import Plan, PlanState
from flows import approvals
from spend.errors import Conflict, Refused
from storage import plans, tables
from storage.store import Store
from tests.databases import Database
from tests.flows.world import ANN, BEN, FIN, HOUR, OPS, OUT, OZ, Company

VOLUMES = "reclaim-unattached-volumes"


def approve(company: Company, plan: Plan, actor: str, shown: str | None = None) -> Plan:
    return approvals.approve(
        company.desk,
        plan.id,
        actor=actor,
        shown=plan.hash[:12] if shown is None else shown,
        now=company.now,
        reason="it is unused",
    )


def priced(company: Company) -> Plan:
    """A plan that deletes: two people have to agree."""
    plan = company.plan(VOLUMES, ids=("vol-1",))
    assert plan.quorum == 2
    return plan


def test_one_approver_is_enough_for_what_can_be_taken_back(company: Company) -> None:
    plan = company.plan()
    assert approve(company, plan, OPS).state is PlanState.APPROVED
    assert company.votes(plan.id) == [(OPS, "approve")]
    (entry,) = [one for one in company.entries(plan.id) if one["event"] == "approval.approve"]
    assert (entry["actor"], entry["plan_hash"], entry["runbook_hash"]) == (OPS, plan.hash, plan.runbook_hash)
    assert entry["after"] == {"approvals": [OPS], "needed": 1, "state": "approved"}
    assert f"plan:{plan.id}" in [row.surface for row in company.messages("update")]
    assert company.chain_holds()


@pytest.mark.case("T07", "V2.3.5")
def test_a_delete_waits_for_a_second_person(company: Company) -> None:
    plan = priced(company)
    assert approve(company, plan, OPS).state is PlanState.PENDING
    with pytest.raises(Refused, match="already counted; a second person"):
        approve(company, plan, OPS)
    assert company.votes(plan.id) == [(OPS, "approve")]
    company.clock.turn(minutes=1)
    assert approve(company, plan, FIN).state is PlanState.APPROVED
    assert company.votes(plan.id) == [(OPS, "approve"), (FIN, "approve")]
    assert company.events(plan.id).count("approval.approve") == 2


@pytest.mark.case("T08")
def test_who_asked_for_a_plan_never_approves_it(company: Company) -> None:
    plan = company.plan(by=OPS)
    with pytest.raises(Refused, match="somebody else has to approve"):
        approve(company, plan, OPS)
    assert company.votes(plan.id) == []
    assert approve(company, plan, OZ).state is PlanState.APPROVED


@pytest.mark.case("T12", "V8.3.1")
@pytest.mark.parametrize("person", [OUT, ANN, FIN, "bursar", ""])
def test_an_outsider_neither_approves_nor_denies(company: Company, person: str) -> None:
    plan = company.plan(by=ANN if person != ANN else BEN)
    with pytest.raises(Refused):
        approve(company, plan, person)
    with pytest.raises(Refused):
        approvals.deny(
            company.desk, plan.id, actor=person, shown=plan.hash[:12], reason=None, now=company.now
        )
    assert company.state(plan.id) is PlanState.PENDING
    assert company.votes(plan.id) == []
    assert not [event for event in company.events(plan.id) if event.startswith("approval")]


@pytest.mark.case("T15")
def test_a_click_on_an_older_card_is_refused(company: Company) -> None:
    plan = company.plan()
    for shown in ("0" * 12, ""):
        with pytest.raises(Refused, match="another version"):
            approve(company, plan, OPS, shown)
    assert company.votes(plan.id) == []


@pytest.mark.case("T10")
def test_a_vote_after_the_deadline_counts_nothing_and_the_clock_ends_the_plan(company: Company) -> None:
    plan = company.plan()
    company.clock.turn(hours=4)
    with pytest.raises(Refused, match="expired"):
        approve(company, plan, OPS)
    assert approvals.expire(company.desk, company.now) == 1
    row = company.plan_of(plan.id)
    assert (row.state, row.outcome, row.ended_at) == ("expired", "its approve-by passed", company.now)
    assert company.events(plan.id)[-1] == "approval.expire"
    assert approvals.expire(company.desk, company.now) == 0
    with pytest.raises(Conflict, match="already expired"):
        approve(company, plan, OPS)


@pytest.mark.case("T11")
def test_an_approved_plan_expires_when_nobody_could_run_it_in_time(company: Company) -> None:
    plan = company.plan()
    approve(company, plan, OPS)
    company.clock.turn(hours=5)
    assert approvals.expire(company.desk, company.now) == 0
    company.clock.turn(hours=1)
    assert approvals.expire(company.desk, company.now) == 1
    assert company.plan_of(plan.id).outcome == "its execute-by passed"


class Watched(Store):
    """A store that tells when its first look is over."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.looked = threading.Event()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """As any store's."""
        with super().reading() as session:
            yield session
        self.looked.set()


def test_a_plan_approved_while_the_clock_was_looking_is_not_expired(
    company: Company, database: Database
) -> None:
    plan = company.plan()
    approve_at, expire_at = company.now + 4 * HOUR - timedelta(seconds=1), company.now + 4 * HOUR
    clock = Company(Watched(database.url), company.home)
    ended: list[int] = []
    ticking = threading.Thread(target=lambda: ended.append(approvals.expire(clock.desk, expire_at)))
    with company.store.writing(approve_at) as unit:
        row = unit.get(tables.Plan, plan.id, lock=True)
        plans.vote(unit, plan.id, OPS, "approve")
        unit.move(row, PlanState.APPROVED)
        ticking.start()
        assert isinstance(clock.store, Watched)
        assert clock.store.looked.wait(10)
    ticking.join(20)
    assert ended == [0]
    assert company.state(plan.id) is PlanState.APPROVED
    clock.store.close()


def test_one_no_ends_a_plan_whoever_said_yes_before(company: Company) -> None:
    plan = priced(company)
    approve(company, plan, OPS)
    company.clock.turn(minutes=1)
    found = approvals.deny(
        company.desk, plan.id, actor=FIN, shown=plan.hash, reason="still in use", now=company.now
    )
    assert found.state is PlanState.DENIED
    row = company.plan_of(plan.id)
    assert (row.outcome, row.ended_at) == ("still in use", company.now)
    assert company.votes(plan.id) == [(OPS, "approve"), (FIN, "deny")]
    (entry,) = [one for one in company.entries(plan.id) if one["event"] == "approval.deny"]
    assert (entry["actor"], entry["reason"], entry["plan_hash"]) == (FIN, "still in use", plan.hash)
    with pytest.raises(Conflict, match="already denied"):
        approve(company, plan, OZ)


def test_a_plan_is_cancelled_by_who_asked_or_by_an_approver_and_by_nobody_else(company: Company) -> None:
    plan = company.plan(by=ANN)
    with pytest.raises(Refused, match="Only who asked"):
        approvals.cancel(company.desk, plan.id, actor=OUT, now=company.now)
    assert approvals.cancel(company.desk, plan.id, actor=ANN, now=company.now).state is PlanState.CANCELLED
    other = company.plan(ids=("i-2",))
    approve(company, other, OPS)
    assert approvals.cancel(company.desk, other.id, actor=OZ, now=company.now).state is PlanState.CANCELLED
    with pytest.raises(Conflict, match="already cancelled"):
        approvals.cancel(company.desk, other.id, actor=OZ, now=company.now)
    assert company.events(other.id)[-1] == "approval.cancel"


def together(*votes: threading.Thread) -> None:
    for thread in votes:
        thread.start()
    for thread in votes:
        thread.join(30)


def voting(
    url: str, company: Company, plan: Plan, people: tuple[str, str]
) -> tuple[list[Store], list[PlanState], list[Refused]]:
    """Two people approve at the same instant, each through a process's own store."""
    stores = [Store(url), Store(url)]
    start, after, refused = threading.Barrier(2), list[PlanState](), list[Refused]()

    def vote(store: Store, person: str) -> None:
        desk = Company(store, company.home).desk
        start.wait(10)
        try:
            found = approvals.approve(
                desk, plan.id, actor=person, shown=plan.hash, now=company.now, reason="it is unused"
            )
        except Refused as refusal:
            refused.append(refusal)
        else:
            after.append(found.state)

    together(*(threading.Thread(target=vote, args=pair) for pair in zip(stores, people, strict=True)))
    return stores, after, refused


def test_two_approvers_at_the_same_instant_are_both_counted_and_the_plan_moves_once(
    company: Company, database: Database
) -> None:
    for number in range(5):
        plan = company.plan(VOLUMES, ids=(f"vol-{number}",))
        stores, after, refused = voting(database.url, company, plan, (OPS, FIN))
        assert not refused
        assert sorted(after) == [PlanState.APPROVED, PlanState.PENDING]
        assert {person for person, _ in company.votes(plan.id)} == {OPS, FIN}
        told = [one["after"] for one in company.entries(plan.id) if one["event"] == "approval.approve"]
        assert [one["state"] for one in told] == ["pending", "approved"]
        assert told[1]["approvals"] == sorted([OPS, FIN])
        for store in stores:
            store.close()
    assert company.chain_holds()


@pytest.mark.case("T06")
def test_of_two_who_are_each_enough_the_second_is_told_that_it_is_decided(
    company: Company, database: Database
) -> None:
    plan = company.plan()
    stores, after, refused = voting(database.url, company, plan, (OPS, OZ))
    assert after == [PlanState.APPROVED]
    assert [str(one) for one in refused] == ["This plan is already approved; your click changed nothing."]
    assert len(company.votes(plan.id)) == 1
    assert company.events(plan.id).count("approval.approve") == 1
    for store in stores:
        store.close()


@pytest.mark.case("T05")
def test_a_double_click_is_one_vote_and_a_sentence(company: Company, database: Database) -> None:
    plan = priced(company)
    stores, after, refused = voting(database.url, company, plan, (OPS, OPS))
    assert after == [PlanState.PENDING]
    assert [str(one) for one in refused] == [
        "Your approval is already counted; a second person has to approve too."
    ]
    assert company.votes(plan.id) == [(OPS, "approve")]
    for store in stores:
        store.close()


def test_who_said_yes_may_still_say_no(company: Company) -> None:
    plan = priced(company)
    approve(company, plan, OPS)
    found = approvals.deny(
        company.desk, plan.id, actor=OPS, shown=plan.hash, reason="I looked again", now=company.now
    )
    assert found.state is PlanState.DENIED
    assert company.votes(plan.id) == [(OPS, "deny")]
    told = [one for one in company.events(plan.id) if one.startswith("approval")]
    assert told == ["approval.approve", "approval.deny"]


def test_a_second_plan_for_the_same_thing_is_not_made(company: Company) -> None:
    company.plan()
    with pytest.raises(Refused, match="Nothing was found to act on"):
        company.plan()
    assert len([one for one in company.messages("post") if one.template == "plan"]) == 1
    approvals.cancel(company.desk, _only(company), actor=OPS, now=company.now)
    company.plan()


def _only(company: Company) -> str:
    with company.store.reading() as session:
        (row,) = plans.find(session, states=plans.LIVE)
        return row.id
