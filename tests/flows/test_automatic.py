"""What begins without asking, under a standing approval: exactly what it covers, and an account of it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from threading import Barrier

import pytest

from actions.approval import Unknown
from actions.plan import Plan, PlanState
from actions.standing import Selector, Standing
from actions.step import StepState
from flows import approvals, automatic, dispatch, sweeps, undo
from spend.errors import Refused
from storage import blast, plans, tables
from tests.actions.world import World
from tests.databases import Database
from tests.flows import standing as ahead
from tests.flows.test_sweeps import bill, idle, sweep
from tests.flows.world import HOLD, OPS, ORG, OZ, RUNBOOKS, Company

CHANGED = RUNBOOKS["stop-idle-dev"].model_copy(update={"why": "another reason"})


def asked(company: Company, plan: Plan) -> dispatch.Wait | dispatch.End | None:
    """What is answered to an approved plan that would begin now."""
    seen = dispatch.look(company.desk, plan.id, company.now)
    with company.store.writing(company.now) as unit:
        row = unit.get(tables.Plan, plan.id)
        return dispatch.ask(dispatch.Case(company.desk, unit, row, plans.load(row), seen))


@pytest.mark.case("V2.3.5")
def test_a_sweep_stops_what_is_idle_by_itself_and_accounts_for_it(acting: Company, cloud: World) -> None:
    one = ahead.active(acting)
    boxes = [idle(cloud, "box-a"), idle(cloud, "box-b")]
    bill(acting, *boxes)
    (plan,) = sweep(acting)
    assert (plan.state, plan.standing) == (PlanState.APPROVED, one.id)
    assert acting.run(plan.id) is PlanState.SUCCEEDED
    assert [cloud.state(box) for box in boxes] == ["stopped", "stopped"]
    story = acting.events(plan.id)
    assert story.index("approval.standing") < story.index("run.begin") < story.index("step.intent")
    (approval,) = [entry for entry in acting.entries(plan.id) if entry["event"] == "approval.standing"]
    assert approval["after"] == {"standing": one.id, "standing_hash": one.hash, "approvals": [OPS, OZ]}
    account = acting.entries(one.id)[-1]
    assert (account["event"], account["plan_hash"]) == ("standing.account", plan.hash)
    took = {"targets": 2, "amount": "121.66"}
    allowed = {"targets": 2, "amount": "200", "currency": "USD"}
    assert account["after"] == {
        "plan": plan.id, "took": took, "day": took, "allowed": allowed, "hash": one.hash,
    }  # fmt: skip
    assert {row.state for row in acting.findings()} == {"resolved"}

    undone = undo.undo(acting.desk, plan.id, actor=OPS, now=acting.now)
    assert undone.standing is None
    assert acting.run(undone.id) is PlanState.SUCCEEDED
    assert [cloud.state(box) for box in boxes] == ["running", "running"]


def test_people_are_asked_about_what_it_does_not_cover(acting: Company, cloud: World) -> None:
    one = ahead.active(acting, selector=Selector(team="web"))
    mine = [idle(cloud, "box-a"), idle(cloud, "box-b"), idle(cloud, "box-c")]
    other = idle(cloud, "box-d", team="data")
    bill(acting, *mine, other)
    automatic_one, rest = sweep(acting)
    assert [target.id for target in automatic_one.targets] == mine[:2]
    assert (automatic_one.state, automatic_one.standing) == (PlanState.APPROVED, one.id)
    assert {target.id for target in rest.targets} == {mine[2], other}
    assert (rest.state, rest.standing) == (PlanState.PENDING, None)
    # A team's finding goes with the plan that is decided last.
    assert {row.details["plan"] for row in acting.findings()} == {rest.id}
    assert sweep(acting) == []


def test_without_one_in_force_nothing_acts_by_itself(acting: Company, cloud: World) -> None:
    ahead.ask(acting)  # asked for, and not agreed to
    revoked = ahead.active(acting)
    ahead.revoke(acting, revoked)
    ahead.active(acting, window="mon-sun 13:00-14:00 UTC")
    bill(acting, idle(cloud, "box"))
    (plan,) = sweep(acting)
    assert (plan.state, plan.standing) == (PlanState.PENDING, None)
    assert "approval.standing" not in ahead.log(acting)


def test_a_changed_runbook_suspends_it(acting: Company, cloud: World) -> None:
    ahead.active(acting)
    acting.with_runbook(CHANGED)
    bill(acting, idle(cloud, "box"))
    (plan,) = sweep(acting)
    assert (plan.state, plan.standing) == (PlanState.PENDING, None)


@pytest.mark.case("T33")
def test_what_is_too_much_for_the_runbook_is_not_cut_to_fit(acting: Company, cloud: World) -> None:
    ahead.active(acting, targets=1)
    few = RUNBOOKS["stop-idle-dev"].guards.model_copy(update={"max_targets": 2})
    acting.with_runbook(RUNBOOKS["stop-idle-dev"].model_copy(update={"guards": few}))
    one = ahead.active(acting, targets=1)
    bill(acting, *(idle(cloud, f"box-{n}") for n in range(3)))
    assert sweep(acting) == []
    assert ahead.used(acting, one) == (0, Decimal(0))


def test_where_the_days_caps_leave_no_room_people_are_asked(acting: Company, cloud: World) -> None:
    ahead.active(acting)
    acting.with_org(caps=replace(ORG.caps, targets_per_day=2))
    earlier = acting.plan(ids=("i-1",))
    approvals.approve(acting.desk, earlier.id, actor=OPS, shown=earlier.hash, now=acting.now)
    bill(acting, *(idle(cloud, f"box-{n}") for n in range(2)))
    (plan,) = sweep(acting)
    assert (plan.state, len(plan.targets)) == (PlanState.PENDING, 2)
    assert any("no room" in entry["reason"] for entry in acting.entries("stop-idle-dev"))


def test_a_plan_under_it_is_approved_in_the_transaction_that_proposes_it(company: Company) -> None:
    one = ahead.active(company)
    plan = ahead.under(company, one, "i-1", "i-2")
    assert company.state(plan.id) is PlanState.APPROVED
    assert company.plan_of(plan.id).standing == one.id
    assert company.votes(plan.id) == []
    assert ahead.used(company, one) == (2, Decimal(120))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (ahead.revoke, "it is revoked"),
        (lambda company, _one: company.clock.turn(days=60), "its last day has passed"),
        (lambda company, _one: company.clock.turn(hours=12), "outside its window"),
        (lambda company, one: ahead.under(company, one, "i-7"), "does not cover all of this"),
        (
            lambda company, _one: company.with_org(groups={"platform-oncall": frozenset({OPS, "U_NEW"})}),
            "no approver now",
        ),
    ],
)
def test_what_ended_since_somebody_looked_approves_nothing(
    company: Company, spoil: Callable[[Company, Standing], object], said: str
) -> None:
    one = ahead.active(company, window="mon-sun 06:00-18:00 UTC")
    spoil(company, one)
    before = ahead.log(company)
    with pytest.raises(Refused, match=said):
        ahead.under(company, one, "i-1", "i-2")
    assert ahead.log(company) == before


@pytest.mark.parametrize(
    "boxes",
    [
        [ahead.box("i-1", tags={"Environment": "sandbox"})],
        [ahead.box("i-1", monthly_cost=None)],
        [ahead.box("i-1", monthly_cost=Decimal(10), currency="CHF")],
        [ahead.box("i-1", monthly_cost=Decimal("200.01"))],
        [ahead.box("i-1"), ahead.box("i-2"), ahead.box("i-3")],
    ],
)
def test_a_plan_with_one_target_that_is_not_covered_is_refused_whole(company: Company, boxes: list) -> None:  # type: ignore[type-arg]  # targets
    one = ahead.active(company)
    with pytest.raises(Refused, match=r"does not cover all of this today|no equivalent"):
        ahead.under(company, one, boxes=boxes)
    assert ahead.used(company, one) == (0, Decimal(0))


def test_an_amount_in_another_currency_counts_by_its_equivalent(company: Company) -> None:
    company.with_org(caps=replace(ORG.caps, equivalents={"EUR": Decimal("1.10")}))
    one = ahead.active(company)
    ahead.under(company, one, boxes=[ahead.box("i-1", monthly_cost=Decimal(100), currency="EUR")])
    assert ahead.used(company, one) == (1, Decimal(110))


@pytest.mark.case("T34", "V2.3.2")
def test_its_bounds_are_for_the_whole_day_and_the_next_day_has_its_own(company: Company) -> None:
    one = ahead.active(company)
    ahead.under(company, one, "i-1")
    assert automatic.covered(company.desk, one, [ahead.box("i-2"), ahead.box("i-3")], company.now) == (
        ahead.box("i-2"),
    )
    ahead.under(company, one, "i-2")
    with pytest.raises(Refused):
        ahead.under(company, one, "i-3")
    company.clock.turn(days=1)
    ahead.under(company, one, "i-3")
    assert ahead.used(company, one) == (1, Decimal(60))


def test_a_plan_that_never_ran_gives_its_room_back(company: Company) -> None:
    one = ahead.active(company)
    plan = ahead.under(company, one, "i-1", "i-2")
    company.with_org(act=False)
    company.run(plan.id)
    with company.store.writing(company.now) as unit:
        blast.release(unit, plan.id)
    assert ahead.used(company, one) == (0, Decimal(0))


@pytest.mark.case("V8.3.2")
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (ahead.revoke, "it is revoked"),
        (lambda company, _one: company.with_runbook(CHANGED), "its runbook changed"),
        (
            lambda company, _one: company.with_org(groups={"platform-oncall": frozenset({OPS, "U_NEW"})}),
            "no approver now",
        ),
        (lambda company, _one: company.clock.turn(hours=2), "its last day has passed"),
    ],
)
def test_a_plan_under_it_goes_stale_when_it_ends_before_the_run_begins(
    company: Company, spoil: Callable[[Company, Standing], object], said: str
) -> None:
    company.clock.turn(hours=11)
    one = ahead.active(company, until=company.now.date())
    plan = ahead.under(company, one, "i-1")
    assert asked(company, plan) is None
    spoil(company, one)
    no = asked(company, plan)
    assert isinstance(no, dispatch.End)
    assert said in no.reason


def test_a_plan_under_it_waits_outside_its_window_and_for_the_room_of_the_day(company: Company) -> None:
    one = ahead.active(company, window="mon-sun 00:00-13:00 UTC")
    plan = ahead.under(company, one, "i-1", "i-2")
    company.clock.turn(hours=1)
    assert asked(company, plan) == dispatch.Wait("its standing approval is for mon-sun 00:00-13:00 UTC")
    company.clock.turn(hours=12)  # in the window again, on the next day, of which another plan took a part
    ahead.under(company, one, "i-3")
    assert asked(company, plan) == dispatch.Wait("its standing approval has no more room today")


class Silent:
    """A Slack that does not answer."""

    def members(self, group: str) -> frozenset[str] | Unknown:
        return Unknown(f"Slack did not answer for {group}")

    def barred(self, _person: str) -> str | Unknown | None:
        return Unknown("Slack did not answer")


def test_while_nobody_can_tell_who_may_approve_a_plan_under_it_waits_and_none_is_made(
    company: Company,
) -> None:
    one = ahead.active(company)
    plan = ahead.under(company, one, "i-1")
    company.desk = replace(company.desk, directory=Silent())
    assert asked(company, plan) == dispatch.Wait("Slack did not answer", dispatch.ASK_AGAIN)
    assert automatic.in_force(company.desk, company.desk.runbooks[one.runbook], company.now) == []


def test_the_older_of_two_is_used_first(company: Company) -> None:
    first = ahead.active(company, targets=1)
    company.clock.turn(seconds=1)
    second = ahead.active(company)
    runbook = company.desk.runbooks["stop-idle-dev"]
    assert [one.id for one in automatic.in_force(company.desk, runbook, company.now)] == [first.id, second.id]


def account(company: Company, plan: Plan) -> None:
    with company.store.writing(company.now) as unit:
        automatic.account(company.desk, unit, plan, plans.steps(unit.session, plan.id))


def test_an_overrun_is_found_from_the_steps_and_ends_it(company: Company) -> None:
    one = ahead.active(company)
    first = ahead.under(company, one, "i-1", "i-2")
    ahead.done(company, first)
    account(company, first)
    assert ahead.state(company, one) == "active"
    with company.store.writing(company.now) as unit:  # a fault: room that was used is given back
        blast.release(unit, first.id)
    second = ahead.under(company, one, "i-3")
    ahead.done(company, second)
    account(company, second)
    row = ahead.row_of(company, one.id)
    assert (row.state, row.ended_by) == ("revoked", "bursar")
    entries = company.entries(one.id)
    assert [entry["event"] for entry in entries[-2:]] == ["standing.account", "standing.revoke"]
    assert entries[-2]["after"]["day"] == {"targets": 3, "amount": "180"}
    assert "took more than it allows" in company.told("C_OPS")[-1][1]


def test_a_run_that_touched_what_it_does_not_select_ends_it(company: Company) -> None:
    one = ahead.active(company)
    plan = ahead.under(company, one, "i-1")
    ahead.done(company, plan)
    account(company, replace(plan, targets=(ahead.box("i-1", tags={"Environment": "test"}),)))
    assert ahead.state(company, one) == "revoked"
    assert "touched what it does not select" in company.told("C_OPS")[-1][1]


def test_a_run_that_ends_after_it_was_revoked_is_accounted_for_all_the_same(company: Company) -> None:
    one = ahead.active(company)
    plan = ahead.under(company, one, "i-1")
    ahead.done(company, plan)
    ahead.revoke(company, one)
    account(company, plan)
    assert company.events(one.id)[-1] == "standing.account"


def test_what_nobody_knows_the_outcome_of_counts_as_taken(company: Company) -> None:
    one = ahead.active(company)
    plan = ahead.under(company, one, "i-1", "i-2")
    steps = ahead.done(company, plan)
    unsent = [replace(steps[1], state=state) for state in (StepState.FAILED, StepState.SKIPPED)]
    doubtful = [replace(steps[0], state=StepState.UNKNOWN), *unsent]
    with company.store.writing(company.now) as unit:
        automatic.account(company.desk, unit, plan, doubtful)
    assert company.entries(one.id)[-1]["after"]["took"] == {"targets": 1, "amount": "60"}


def test_an_ordinary_run_is_held_against_no_bounds(company: Company) -> None:
    plan = company.plan()
    account(company, plan)
    assert "standing.account" not in ahead.log(company)


@pytest.mark.case("V15.4.2")
def test_two_workers_that_propose_at_once_stay_inside_the_bounds(
    postgresql: Database, tmp_path: Path
) -> None:
    first, second = (Company(postgresql.store(), tmp_path / f"home-{n}") for n in range(2))
    for round_ in range(10):
        one = ahead.active(first, targets=3, amount="10000 USD")
        second.clock.turn(seconds=1)
        start = Barrier(2)

        def propose(
            who: Company, part: int, *, one: Standing = one, start: Barrier = start, n: int = round_
        ) -> bool:
            start.wait()
            try:
                ahead.under(who, one, *(f"i-{n}-{part}-{box}" for box in range(2)))
            except Refused:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            made = list(pool.map(propose, (first, second), (0, 1)))
        assert sorted(made) == [False, True]
        assert ahead.used(first, one) == (2, Decimal(120))
    for company in (first, second):
        company.store.close()


@pytest.mark.case("V15.4.2", "V8.3.2")
def test_a_revoke_and_a_proposal_at_once_leave_nothing_that_would_begin(
    postgresql: Database, tmp_path: Path
) -> None:
    first, second = (Company(postgresql.store(), tmp_path / f"home-{n}") for n in range(2))
    second.store.hold = replace(HOLD, worker="worker-2")
    for n in range(10):
        one = ahead.active(first)
        second.clock.turn(seconds=1)
        with ThreadPoolExecutor(2) as pool:
            made = pool.submit(_tried, first, one, f"i-{n}")
            pool.submit(ahead.revoke, second, one).result()
        assert ahead.state(first, one) == "revoked"
        if (plan := made.result()) is not None:
            assert isinstance(asked(first, plan), dispatch.End)
    for company in (first, second):
        company.store.close()


def _tried(company: Company, one: Standing, key: str) -> Plan | None:
    try:
        return ahead.under(company, one, key)
    except Refused:
        return None


def test_a_sweep_that_finds_nothing_uses_nothing(on_sqlite: Company, cloud: World) -> None:
    one = ahead.active(on_sqlite)
    on_sqlite.desk = replace(on_sqlite.desk, clouds=cloud.clouds)
    assert sweeps.sweep(on_sqlite.desk, on_sqlite.now + timedelta(hours=1)) == []
    assert ahead.used(on_sqlite, one) == (0, Decimal(0))
