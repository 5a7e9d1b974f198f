"""What begins in the middle of a run holds its further waves: asked before each, as long as it lasts."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from actions.hours import Freeze
from actions.moment import Budget
from actions.plan import Plan, PlanState
from actions.readers.asking import Address
from actions.readers.incidents import Incidents
from actions.readers.prometheus import Prometheus
from flows import guarding, switches, undo
from tests.actions.sources import Source, serving
from tests.actions.world import World
from tests.flows.test_guarding import ALWAYS, DOWN, STOP, says_left, shown
from tests.flows.test_pauses import THEIRS, approved, ready, stopped, taken_over
from tests.flows.world import OPS, OZ, Company, runbook

P = PlanState


@pytest.fixture
def source() -> Iterator[Source]:
    with serving() as served:
        yield served


@pytest.fixture
def on_sqlite(on_sqlite: Company, cloud: World) -> Company:
    """The company with its cloud, where the kind of database does not matter."""
    on_sqlite.reads(clouds=cloud.clouds)
    on_sqlite.with_org(wave_pause=60)
    return on_sqlite


def told(company: Company, plan: Plan) -> list[tuple[str, str | None]]:
    """What the audit log says of the run as a whole, and why."""
    entries = company.entries(plan.id)
    return [(one["event"], one["reason"]) for one in entries if one["event"].startswith("run.")]


@pytest.mark.case("T32")
def test_an_incident_that_opens_between_two_waves_holds_the_run_until_it_is_closed(
    acting: Company, cloud: World
) -> None:
    acting.with_org(wave_pause=60)
    plan = approved(acting, cloud)
    acting.pass_over(plan.id)
    guarding.told(acting.desk, DOWN, acting.now)
    why = "an incident is open: checkout is down (pager, since 2026-06-17 12:00 UTC)"
    acting.clock.turn(seconds=60)
    assert acting.pass_over(plan.id) == 30
    assert (acting.state(plan.id), stopped(cloud, plan), ready(acting)) == (P.RUNNING, 1, [])
    assert acting.plan_of(plan.id).waits_for == why
    assert f"*Held:* {why}. It goes on once that is over, or ends at <!date^" in shown(acting, plan)
    taken_over(acting, plan, THEIRS)
    acting.store.hold = THEIRS
    acting.clock.turn(seconds=30)
    assert ready(acting) == [plan.id]
    assert acting.pass_over(plan.id) == 30
    guarding.told(acting.desk, replace(DOWN, open=False), acting.now)
    acting.clock.turn(seconds=30)
    assert acting.run(plan.id) is P.SUCCEEDED
    assert stopped(cloud, plan) == 4
    assert told(acting, plan) == [
        ("run.begin", None), ("run.wait", why), ("run.resume", None), ("run.finish", None),
    ]  # fmt: skip
    assert acting.chain_holds()


def frozen(company: Company, _source: Source, on: bool) -> None:
    company.with_org(freezes=(Freeze("storm", ALWAYS),) if on else ())


def spent(company: Company, source: Source, on: bool) -> None:
    company.with_runbook(runbook(STOP, guards={"error_budget": "shop"}))
    company.with_org(error_budgets={"shop": Budget("shop", "left", Decimal("0.2"))})
    company.reads(prometheus=Prometheus(Address(source.url)))
    says_left(source, "0.1" if on else "0.5")


def silent(company: Company, source: Source, on: bool) -> None:
    company.reads(incidents=Incidents(Address(source.url), title="name"))
    source.says([], status=500 if on else 200)


def without_its_runbook(company: Company, _source: Source, on: bool) -> None:
    company.reads(runbooks={} if on else {STOP: runbook(STOP)})


@pytest.mark.case("T30", "T31", "T32", "V16.5.3")
@pytest.mark.parametrize(
    ("begins", "why"),
    [
        (frozen, "the freeze storm is on"),
        (spent, "the error budget shop has 10% left of at least 20%"),
        (silent, "nobody can tell whether an incident is open"),
        (without_its_runbook, "its runbook is gone"),
    ],
)
def test_so_does_all_else_that_speaks_against_the_moment(
    on_sqlite: Company,
    cloud: World,
    source: Source,
    begins: Callable[[Company, Source, bool], None],
    why: str,
) -> None:
    begins(on_sqlite, source, False)
    plan = approved(on_sqlite, cloud, 2)
    on_sqlite.clock.turn(seconds=on_sqlite.pass_over(plan.id))
    begins(on_sqlite, source, True)
    assert on_sqlite.pass_over(plan.id) == 30
    assert stopped(cloud, plan) == 1
    assert str(on_sqlite.plan_of(plan.id).waits_for).startswith(why)
    begins(on_sqlite, source, False)
    assert on_sqlite.run(plan.id) is P.SUCCEEDED


def held(company: Company, cloud: World) -> Plan:
    """A run of four that a freeze holds after its second wave."""
    plan = approved(company, cloud)
    for _ in range(2):
        company.clock.turn(seconds=company.pass_over(plan.id))
    company.with_org(freezes=(Freeze("storm", ALWAYS),))
    assert company.pass_over(plan.id) == 30
    assert stopped(cloud, plan) == 3
    return plan


def test_what_is_held_past_its_execute_by_ends_there_and_its_undo_is_held_by_nothing(
    on_sqlite: Company, cloud: World
) -> None:
    plan = held(on_sqlite, cloud)
    on_sqlite.clock.turn(seconds=(plan.execute_by - on_sqlite.now).total_seconds())
    assert on_sqlite.run(plan.id) is P.HALTED
    row = on_sqlite.plan_of(plan.id)
    why = "the freeze storm is on (mon-sun 00:00-24:00 UTC)"
    assert (row.outcome, row.waits_for) == (f"it was held back until its time was over: {why}", None)
    assert told(on_sqlite, plan)[1:] == [("run.wait", why), ("run.finish", row.outcome)]
    back = undo.undo(on_sqlite.desk, plan.id, actor=OZ, now=on_sqlite.now)
    assert on_sqlite.run(back.id) is P.SUCCEEDED  # three targets in two waves, in the freeze
    assert stopped(cloud, plan) == 0


def test_the_kill_switch_ends_what_is_held_at_once(on_sqlite: Company, cloud: World) -> None:
    plan = held(on_sqlite, cloud)
    assert ready(on_sqlite) == []
    switches.throw(on_sqlite.desk, on=True, actor=OPS, reason="storm", now=on_sqlite.now)
    assert ready(on_sqlite) == [plan.id]
    assert on_sqlite.run(plan.id) is P.HALTED
    assert stopped(cloud, plan) == 3
