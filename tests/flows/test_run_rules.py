"""Consent, dispatch and run on a cloud in memory: what each writes, who is told, how long is waited."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from actions.hours import Freeze
from actions.plan import Plan, PlanState
from flows import approvals, dispatch, proposals, runs, switches
from spend.errors import NotFound, Refused
from spend.finding import FindingState
from storage import blast, ids, plans, tables
from storage.locks import Hold
from storage.work import RecoveryState
from tests.actions.pocket import Pocket
from tests.flows.test_approvals import approve
from tests.flows.test_guarding import ALWAYS
from tests.flows.world import HOLD, OPS, OZ, Company, runbook

P = PlanState
STOP = "stop-idle-dev"
SECOND = timedelta(seconds=1)


@pytest.fixture
def acting(on_sqlite: Company) -> Company:
    """The company with a cloud of its own in memory."""
    on_sqlite.reads(clouds=Pocket(on_sqlite.clock))
    return on_sqlite


def cloud(company: Company) -> Pocket:
    assert isinstance(company.desk.clouds, Pocket)
    return company.desk.clouds


def proposed(company: Company, teams: str = "web web", *, findings: Sequence[tables.Finding] = ()) -> Plan:
    """A plan to stop one box for each of these teams."""
    tags = [{} if team == "-" else {"team": team} for team in teams.split()]
    boxes = [cloud(company).add(f"i-{n}", **one) for n, one in enumerate(tags)]
    book = company.desk.runbooks[STOP]
    kept, struck = proposals.strike(company.desk, book, boxes, company.now)
    return proposals.propose(
        company.desk, book, kept, struck,
        findings=findings, requested_by="bursar", reason="idle", now=company.now,
    )  # fmt: skip


def approved(company: Company, teams: str = "web web", *, findings: Sequence[tables.Finding] = ()) -> Plan:
    return approve(company, proposed(company, teams, findings=findings), OPS)


def ready(company: Company) -> list[str]:
    return runs.ready(company.store, company.now)


def entry(company: Company, plan: Plan, event: str) -> dict[str, Any]:
    """The only entry of this event on the plan, without its place in the log."""
    [one] = [one for one in company.entries(plan.id) if one["event"] == event]
    kept = ("actor", "before", "after", "reason", "plan_hash", "runbook_hash")
    return {key: one[key] for key in kept if one[key] is not None}


def cards_asked(company: Company, plan: Plan) -> int:
    """How often the newest wording of the plan's card was asked for."""
    return sum(one.wanted for one in company.messages("update") if one.surface == f"plan:{plan.id}")


def reserved(company: Company, plan: Plan) -> str:
    with company.store.reading() as session:
        row = blast.of_plan(session, plan.id)
        assert row is not None
        return str(row.state)


def kill(company: Company, *, on: bool) -> None:
    switches.throw(company.desk, on=on, actor=OPS, reason="storm", now=company.now)


def test_a_run_begins_in_the_name_of_its_worker_and_pauses_between_two_waves(acting: Company) -> None:
    acting.with_org(wave_pause=60)
    plan = approved(acting)
    asked = cards_asked(acting, plan)
    assert acting.pass_over(plan.id) == 60
    row = acting.plan_of(plan.id)
    assert (row.state, row.worker, row.epoch, row.waits_for) == (P.RUNNING, HOLD.worker, HOLD.epoch, None)
    assert entry(acting, plan, "run.begin") == {
        "actor": HOLD.worker,
        "after": {"targets": ["i-0", "i-1"]},
        "plan_hash": plan.hash,
        "runbook_hash": plan.runbook_hash,
    }
    assert cards_asked(acting, plan) > asked + 1
    assert ready(acting) == []
    acting.clock.turn(seconds=59)
    assert ready(acting) == []
    acting.clock.turn(seconds=1)
    assert ready(acting) == [plan.id]
    acting.store.hold = Hold("worker-2", 1)
    assert ready(acting) == []


def test_the_end_of_a_run_is_told_in_its_thread_and_to_each_owner(acting: Company) -> None:
    finding = opened(acting)
    plan = approved(acting, "web data web -", findings=(finding,))
    cloud(acting).boxes["i-2"].stop(acting.now - timedelta(minutes=1))  # somebody else: not told as ours
    assert acting.run(plan.id) is P.SUCCEEDED
    row = acting.plan_of(plan.id)
    assert (row.outcome, row.ended_at, row.waits_for) == (None, acting.now, None)
    assert entry(acting, plan, "run.finish") == {
        "actor": HOLD.worker,
        "after": {"outcome": "succeeded", "steps": {f"{plan.id}.{n}": "done" for n in range(4)}},
        "plan_hash": plan.hash,
    }
    told = {
        (one.template, one.subject, one.channel, one.thread, str(one.args)) for one in acting.messages("post")
    }
    assert {one for one in told if one[0] in {"plan_detail", "run_told"}} == {
        ("plan_detail", plan.id, "C_OPS", f"plan:{plan.id}", "None"),
        ("run_told", plan.id, "C_WEB", None, str({"names": ["i-0"], "team": "web"})),
        ("run_told", plan.id, "C_DATA", None, str({"names": ["i-1"], "team": "data"})),
    }
    assert reserved(acting, plan) == "settled"
    with acting.store.reading() as session:
        kept = session.get(tables.Finding, finding.id)
        assert kept is not None
        assert kept.state == FindingState.RESOLVED
    [resolved] = [one for one in acting.entries(finding.id) if one["event"] == "finding.resolve"]
    assert (resolved["actor"], resolved["reason"]) == ("bursar", f"done by {plan.id}")
    assert ready(acting) == []
    assert acting.run(plan.id) is P.SUCCEEDED


def opened(company: Company, state: FindingState = FindingState.OPEN) -> tables.Finding:
    """A finding that a plan may be about."""
    with company.store.writing(company.now) as unit:
        return unit.add(
            tables.Finding(
                id=f"finding-{state}", state=state, kind="idle", fingerprint=str(state), team="web",
                title="idle instances", since=date(2026, 6, 1), amount=Decimal(5), currency="USD",
                details={}, found_at=company.now,
            )
        )  # fmt: skip


def test_only_what_was_done_in_full_resolves_its_findings_and_only_those_that_are_open(
    acting: Company,
) -> None:
    answered = opened(acting, FindingState.EXPECTED)
    assert acting.run(approved(acting, findings=(answered,)).id) is P.SUCCEEDED
    assert "finding.resolve" not in acting.events(answered.id)
    acting.clock.turn(days=2)  # what a run touched is left alone for a day
    finding = opened(acting)
    cloud(acting).words["StopInstances"].append("deny")
    assert acting.run(approved(acting, findings=(finding,)).id) is P.FAILED
    assert "finding.resolve" not in acting.events(finding.id)


def retagged(company: Company) -> str:
    """The next box of a run that pauses, whose team was changed meanwhile."""
    left = next(box for box in cloud(company).boxes.values() if box.stopped is None)
    left.tags["team"] = "data"
    return left.id


def test_what_was_skipped_is_the_outcome_of_a_run_and_what_failed_comes_before_it(acting: Company) -> None:
    acting.with_org(wave_pause=60)
    plan = approved(acting, "web web web")
    acting.pass_over(plan.id)
    skipped = retagged(acting)
    assert acting.run(plan.id) is P.PARTIAL
    assert acting.plan_of(plan.id).outcome == f"{skipped}: its tags changed (team)"
    assert entry(acting, plan, "run.finish")["reason"] == acting.plan_of(plan.id).outcome
    acting.clock.turn(days=2)
    other = approved(acting, "web web web web")
    acting.pass_over(other.id)
    skipped = retagged(acting)
    cloud(acting).words["StopInstances"].append("deny")
    assert acting.run(other.id) is P.FAILED
    outcome = str(acting.plan_of(other.id).outcome)
    assert outcome.endswith("UnauthorizedOperation")
    assert not outcome.startswith(skipped)


def test_an_approved_plan_is_ready_from_its_time_on_until_its_execute_by(acting: Company) -> None:
    plan = approved(acting)
    assert ready(acting) == [plan.id]
    start, end = acting.now + timedelta(hours=1), plan.execute_by
    with acting.store.writing(acting.now) as unit:
        unit.change(unit.get(tables.Plan, plan.id), not_before=start, next_wave_at=start + SECOND)
    for moment, due in ((start, []), (start + SECOND, [plan.id]), (end - SECOND, [plan.id]), (end, [])):
        assert runs.ready(acting.store, moment) == due
    kill(acting, on=True)
    assert runs.ready(acting.store, end - SECOND) == []
    kill(acting, on=False)
    with acting.store.writing(acting.now) as unit:
        unit.change(unit.get(tables.Plan, plan.id), not_before=start + SECOND, next_wave_at=start)
    assert runs.ready(acting.store, start) == []
    acting.clock.turn(seconds=(end - acting.now).total_seconds())
    assert acting.run(plan.id) is P.APPROVED  # nor does a worker that looked in time begin it


ENDS: list[tuple[Callable[[Company], object], str]] = [
    (lambda company: company.with_org(act=False), "Bursar is set to observe only"),
    (lambda company: company.with_org(accounts={}), "account 123456789012 is no longer on the allow-list"),
    (
        lambda company: company.with_runbook(runbook(STOP, guards={"max_targets": 3})),
        "its runbook changed after it was proposed",
    ),
    (
        lambda company: company.with_org(groups={"platform-oncall": frozenset({OZ})}),
        "somebody who approved it is no longer an approver",
    ),
    (lambda company: cloud(company).boxes["i-1"].tags.update(team="data"), "i-1: its tags changed (team)"),
]


@pytest.mark.parametrize(("change", "why"), ENDS)
def test_what_ends_a_plan_ends_it_for_good_and_asks_for_a_fresh_one(
    acting: Company, change: Callable[[Company], object], why: str
) -> None:
    plan = approved(acting)
    change(acting)
    asked = cards_asked(acting, plan)
    assert acting.run(plan.id) is P.STALE
    row = acting.plan_of(plan.id)
    assert (row.outcome, row.ended_at, row.waits_for) == (why, acting.now, None)
    assert entry(acting, plan, "plan.stale") == {"actor": "bursar", "reason": why, "plan_hash": plan.hash}
    assert [(job.key, job.args) for job in acting.jobs("replace")] == [(plan.id, {"plan": plan.id})]
    assert reserved(acting, plan) == "released"
    assert cards_asked(acting, plan) == asked + 1
    assert {box.state(acting.now) for box in cloud(acting).boxes.values()} == {"running"}


def restored(company: Company) -> None:
    """A start on a copy of the database, which nobody has resumed."""
    with company.store.writing(company.now) as unit:
        unit.add(
            tables.Recovery(
                id=ids.new("recovery"), state=RecoveryState.WAITING, reason="old", fork={}, at=company.now
            )
        )


WAITS: list[tuple[Callable[[Company], object], str, bool]] = [
    (lambda company: kill(company, on=True), "the kill switch is on", False),
    (restored, "the database was restored, and two people have to resume it", False),
    (
        lambda company: cloud(company).words["DescribeInstances"].extend(["fails"] * 2),
        "i-0 could not be",
        True,
    ),
    (
        lambda company: company.with_org(freezes=(Freeze("year end", ALWAYS),)),
        "the freeze year end is on",
        True,
    ),
]


@pytest.mark.parametrize(("change", "why", "paused"), WAITS)
def test_what_holds_a_plan_back_is_said_once_and_who_was_asked_is_left_in_peace(
    acting: Company, change: Callable[[Company], object], why: str, *, paused: bool
) -> None:
    plan = approved(acting)
    change(acting)
    asked = cards_asked(acting, plan)
    assert acting.run(plan.id) is P.APPROVED
    row = acting.plan_of(plan.id)
    assert str(row.waits_for).startswith(why)
    assert row.next_wave_at == (acting.now + dispatch.ASK_AGAIN if paused else None)
    said = {"actor": "bursar", "reason": row.waits_for, "plan_hash": plan.hash}
    assert cards_asked(acting, plan) == asked + 1
    change(acting)
    asked = cards_asked(acting, plan)
    assert acting.run(plan.id) is P.APPROVED
    assert entry(acting, plan, "plan.wait") == said
    assert cards_asked(acting, plan) == asked
    assert reserved(acting, plan) == "reserved"
    assert ready(acting) == []


def test_while_the_kill_switch_is_on_nobody_asks_for_more_than_that(acting: Company) -> None:
    def told(plan: Plan) -> str | None:
        with acting.store.reading() as session:
            return dispatch.waits_for(session, acting.plan_of(plan.id))

    acting.with_org(wave_pause=60)
    plan = approved(acting)
    assert told(plan) is None
    acting.with_org(freezes=(Freeze("year end", ALWAYS),))
    acting.run(plan.id)
    assert str(told(plan)).startswith("the freeze year end is on")
    kill(acting, on=True)
    assert told(plan) == "the kill switch is on"
    kill(acting, on=False)
    acting.with_org(freezes=())
    assert acting.pass_over(plan.id) == 60
    kill(acting, on=True)
    assert told(plan) is None  # it runs, and is halted: it waits for nothing


def test_who_is_about_to_decide_is_given_the_plan_or_told_why_not(acting: Company) -> None:
    def considered(plan: str, actor: str, *, yes: bool = True) -> Plan:
        return approvals.consider(
            acting.desk, plan, actor=actor, shown=deletion.hash[:12], now=acting.now, yes=yes
        )

    deletion = acting.plan("reclaim-unattached-volumes", ids=("vol-1",))
    assert considered(deletion.id, OPS) == deletion
    with pytest.raises(NotFound, match=r"^There is no plan plan-x\.$"):
        considered("plan-x", OPS)
    approve(acting, deletion, OPS)
    with pytest.raises(Refused, match="already counted"):
        considered(deletion.id, OPS)
    assert considered(deletion.id, OPS, yes=False).id == deletion.id
    acting.with_org(groups={"platform-oncall": frozenset({OPS})})
    with pytest.raises(Refused, match=r"^You cannot decide this: you are no approver any more\. Nothing was"):
        considered(deletion.id, OZ)


def test_each_end_of_a_plan_is_written_whole_and_gives_its_room_back(acting: Company) -> None:
    denied = acting.plan(ids=("i-1",))
    asked = cards_asked(acting, denied)
    approvals.deny(acting.desk, denied.id, actor=OZ, shown=denied.hash, reason="in use", now=acting.now)
    assert entry(acting, denied, "approval.deny") == {
        "actor": OZ, "reason": "in use", "plan_hash": denied.hash,
    }  # fmt: skip
    with acting.store.reading() as session:
        [vote] = plans.votes(session, denied.id)
        assert (vote.person, vote.reason, vote.proof is None) == (OZ, "in use", False)
    assert cards_asked(acting, denied) == asked + 1
    cancelled = approve(acting, acting.plan(ids=("i-2",)), OPS)
    asked = cards_asked(acting, cancelled)
    approvals.cancel(acting.desk, cancelled.id, actor=OPS, now=acting.now)
    assert entry(acting, cancelled, "approval.cancel") == {"actor": OPS, "plan_hash": cancelled.hash}
    assert acting.plan_of(cancelled.id).ended_at == acting.now
    assert (reserved(acting, cancelled), cards_asked(acting, cancelled)) == ("released", asked + 1)
    pending, late = acting.plan(ids=("i-3",)), approve(acting, acting.plan(ids=("i-4",)), OPS)
    acting.clock.turn(seconds=(late.execute_by - acting.now).total_seconds())
    asked = cards_asked(acting, late)
    assert approvals.expire(acting.desk, acting.now) == 2
    for plan, clock in ((pending, "approve-by"), (late, "execute-by")):
        assert entry(acting, plan, "approval.expire") == {"actor": "bursar", "after": {"clock": clock}}
    assert (reserved(acting, late), cards_asked(acting, late)) == ("released", asked + 1)
