"""After each wave its health queries hold for their minutes; where they do not, grade A is taken back."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from actions.health import HealthQuery
from actions.plan import Plan, PlanState
from actions.readers.asking import Address
from actions.readers.prometheus import Prometheus
from flows import approvals, health, runs, sweeps, switches, undo
from spend.errors import Refused
from storage import plans
from tests.actions.sources import Source, serving
from tests.actions.world import NOW, World
from tests.flows.world import OPS, OZ, Company, runbook

STOP, P = "stop-idle-dev", PlanState
QUERIES = {"shop-errors": HealthQuery("sum(errors) / sum(requests)", "< 0.05")}


@pytest.fixture
def monitoring() -> Iterator[Source]:
    """A Prometheus as far as one number goes."""
    with serving() as source:
        yield source


@pytest.fixture
def company(acting: Company, monitoring: Source) -> Company:
    """The company with a runbook that asks for health for three minutes after each wave."""
    acting.with_runbook(runbook(STOP, verify={"health": ("shop-errors",), "minutes": timedelta(minutes=3)}))
    acting.with_org(health=QUERIES)
    acting.desk = replace(acting.desk, prometheus=Prometheus(Address(monitoring.url)))
    tells(monitoring, "0.01")
    return acting


def tells(monitoring: Source, errors: str) -> None:
    middle = (NOW + timedelta(minutes=3)).timestamp()
    monitoring.says({"status": "success", "data": {"resultType": "scalar", "result": [middle, errors]}})


def approved(company: Company, cloud: World, count: int = 3) -> Plan:
    for number in range(count):
        cloud.idle_instance(f"box-{number}", Environment="dev", team="web")
    (plan,) = sweeps.sweep(company.desk, company.now)
    return approvals.approve(company.desk, plan.id, actor=OPS, shown=plan.hash, now=company.now)


def undos(company: Company, plan: Plan) -> list[str]:
    with company.store.reading() as session:
        return [row.id for row in plans.find(session, undo_of=plan.id)]


def running(cloud: World, plan: Plan) -> list[str]:
    return [cloud.state(target.id) for target in plan.targets]


@pytest.mark.case("T27")
def test_a_canary_that_makes_the_service_ill_ends_the_run_and_is_started_again(
    company: Company, cloud: World, monitoring: Source
) -> None:
    plan = approved(company, cloud)
    company.pass_over(plan.id)
    assert running(cloud, plan) == ["stopped", "running", "running"]
    tells(monitoring, "0.2")
    assert company.run(plan.id) is P.FAILED
    outcome = str(company.plan_of(plan.id).outcome)
    assert outcome.startswith("the health query shop-errors was 0.2 at 12:00:00 UTC, and must be < 0.05")
    (back,) = undos(company, plan)
    assert company.state(back) is P.RUNNING  # begun in the transaction in which the run ended
    assert runs.ready(company.store, company.now) == [back]
    assert company.run(back) is P.SUCCEEDED
    assert running(cloud, plan) == ["running", "running", "running"]
    assert company.chain_holds()


@pytest.mark.case("T27")
def test_the_undo_that_nobody_pressed_stands_on_the_approval_of_its_run(
    company: Company, cloud: World, monitoring: Source
) -> None:
    plan = approved(company, cloud)
    company.pass_over(plan.id)
    tells(monitoring, "0.2")
    company.run(plan.id)
    (back,) = undos(company, plan)
    assert company.events(back) == ["plan.propose", "approval.auto_undo", "run.begin"]
    consent = company.entries(back)[1]
    assert consent["after"] == {"run": plan.id, "approvals": [OPS], "standing": None}
    assert consent["reason"].startswith("the health query shop-errors")
    assert company.entries(plan.id)[-1]["after"] == {"undo": back}
    with pytest.raises(Refused, match="undone already, or is being undone"):
        undo.undo(company.desk, plan.id, actor=OZ, now=company.now)
    card = next(one for one in company.messages("post") if one.subject == back)
    assert (card.channel, card.thread) == ("C_OPS", f"plan:{plan.id}")


def test_health_is_asked_for_its_minutes_after_each_wave_and_the_last_one_too(
    company: Company, cloud: World, monitoring: Source
) -> None:
    plan = approved(company, cloud)
    monitoring.asked.clear()
    assert company.run(plan.id) is P.SUCCEEDED
    assert company.now == NOW + timedelta(minutes=6)
    assert len(monitoring.asked) > 2 * 6


@pytest.mark.parametrize("answer", ["nothing", "no data", "NaN"])
def test_no_data_is_a_failure(company: Company, cloud: World, monitoring: Source, answer: str) -> None:
    plan = approved(company, cloud)
    company.pass_over(plan.id)
    if answer == "nothing":
        monitoring.says({}, 500)
    elif answer == "NaN":
        tells(monitoring, "NaN")
    else:
        monitoring.says({"status": "success", "data": {"resultType": "vector", "result": []}})
    assert company.run(plan.id) is P.FAILED
    assert "has no answer for" in str(company.plan_of(plan.id).outcome)
    assert len(undos(company, plan)) == 1


def test_what_was_missed_while_no_worker_lived_is_asked_afterwards(
    company: Company, cloud: World, monitoring: Source
) -> None:
    """The monitoring remembers: a bad minute in the middle is found, though nobody looked then."""
    plan = approved(company, cloud)
    company.pass_over(plan.id)
    monitoring.asked.clear()
    company.clock.turn(seconds=180)
    company.pass_over(plan.id)
    assert len(monitoring.asked) >= 7  # each half minute of the three


def test_an_ill_service_is_waited_for_and_nothing_is_blamed_for_it(
    company: Company, cloud: World, monitoring: Source
) -> None:
    plan = approved(company, cloud)
    tells(monitoring, "0.2")
    assert company.run(plan.id) is P.APPROVED
    assert "the health query shop-errors was 0.2" in str(company.plan_of(plan.id).waits_for)
    assert running(cloud, plan) == ["running", "running", "running"]
    assert runs.ready(company.store, company.now) == []  # the monitoring is not asked at each tick
    company.clock.turn(seconds=30)
    assert runs.ready(company.store, company.now) == [plan.id]
    tells(monitoring, "0.01")
    assert company.run(plan.id) is P.SUCCEEDED


def test_the_kill_switch_stops_the_undo_too(company: Company, cloud: World, monitoring: Source) -> None:
    plan = approved(company, cloud)
    company.pass_over(plan.id)
    tells(monitoring, "0.2")
    company.run(plan.id)
    (back,) = undos(company, plan)
    switches.throw(company.desk, on=True, actor=OPS, reason="storm", now=company.now)
    assert company.run(back) is P.HALTED
    assert running(cloud, plan) == ["stopped", "running", "running"]


def test_without_a_monitoring_a_plan_that_asks_for_health_does_not_begin(
    company: Company, cloud: World
) -> None:
    plan = approved(company, cloud)
    company.desk = replace(company.desk, prometheus=None)
    assert company.run(plan.id) is P.APPROVED
    assert company.plan_of(plan.id).waits_for == "its health queries need a Prometheus in the settings"


def test_a_health_query_that_the_settings_do_not_have_is_said_at_the_start(company: Company) -> None:
    assert health.missing(company.desk.org, company.desk.runbooks) == []
    assert health.missing(replace(company.desk.org, health={}), company.desk.runbooks) == [
        "Runbook stop-idle-dev asks for the health query shop-errors; add it to health_queries."
    ]
