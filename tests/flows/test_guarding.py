"""The guards over a whole plan's life: refused when it is proposed, held back when it would begin."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from actions.blast import Caps
from actions.clouds import AccountAccess, AwsClouds
from actions.hours import BusinessHours, Freeze
from actions.moment import Budget, NotNow
from actions.plan import Plan, PlanState
from actions.readers.asking import Address
from actions.readers.incidents import Incidents
from actions.readers.prometheus import Prometheus
from actions.window import DAYS, Window
from bot.blocks import plan as plan_card
from bot.blocks.templates import card
from flows import approvals, guarding, runs, sweeps, undo
from spend.errors import Refused
from storage import blast, incidents
from storage.incidents import Word
from tests.actions.sources import Source, serving
from tests.actions.world import ACCOUNT, NOW, World
from tests.flows.conftest import CREDENTIALS
from tests.flows.world import OPS, ORG, OZ, RUNBOOKS, Company, runbook

STOP = "stop-idle-dev"
ALWAYS = Window(DAYS, "00:00", "24:00", "UTC")
DOWN = Word("7", "checkout is down", "pager", open=True)


@pytest.fixture
def source() -> Iterator[Source]:
    with serving() as served:
        yield served


def approve(company: Company, plan: Plan, actor: str = OPS) -> Plan:
    return approvals.approve(company.desk, plan.id, actor=actor, shown=plan.hash, now=company.now)


def swept(company: Company) -> Plan:
    (plan,) = sweeps.sweep(company.desk, company.now)
    return plan


def idle(cloud: World, *names: str) -> list[str]:
    return [cloud.idle_instance(name, Environment="dev", team="web") for name in names]


def taken(company: Company) -> int:
    with company.store.reading() as session:
        return blast.total(blast.of_day(session, ORG.caps.day(company.now))).targets


def waits(company: Company, plan: Plan) -> str | None:
    return company.plan_of(plan.id).waits_for


def shown(company: Company, plan: Plan) -> str:
    _, blocks = plan_card.draw(card(company.desk, plan.id, company.now))
    return str(blocks)


@pytest.mark.case("T30")
def test_in_a_freeze_nothing_is_proposed(company: Company) -> None:
    company.with_org(freezes=(Freeze("year end", ALWAYS),))
    with pytest.raises(NotNow, match=r"^Nothing is proposed now: the freeze year end is on \("):
        company.plan()


@pytest.mark.case("T30")
def test_a_plan_that_was_approved_before_a_freeze_waits_until_it_is_over(
    acting: Company, cloud: World
) -> None:
    (box,) = idle(cloud, "box")
    plan = swept(acting)
    approve(acting, plan)
    acting.with_org(freezes=(Freeze("lunch", Window(DAYS, "12:00", "13:00", "UTC")),))
    assert acting.run(plan.id) is PlanState.APPROVED
    assert waits(acting, plan) == "the freeze lunch is on (mon-sun 12:00-13:00 UTC)"
    assert "It waits: the freeze lunch is on (mon-sun 12:00-13:00 UTC)." in shown(acting, plan)
    assert cloud.state(box) == "running"
    acting.clock.turn(seconds=3600)
    assert acting.run(plan.id) is PlanState.SUCCEEDED
    assert cloud.state(box) == "stopped"


@pytest.mark.case("T30")
def test_a_runbook_for_business_hours_may_be_proposed_at_night_and_waits_for_the_morning(
    acting: Company, cloud: World
) -> None:
    idle(cloud, "box")
    acting.with_runbook(runbook(STOP, guards={"hours": "business"}))
    afternoon = Window(DAYS, "14:00", "16:00", "UTC")
    acting.with_org(business_hours=BusinessHours(afternoon))
    plan = swept(acting)
    approve(acting, plan)
    assert acting.run(plan.id) is PlanState.APPROVED
    assert "outside business hours" in str(waits(acting, plan))
    acting.clock.turn(seconds=2 * 3600)
    assert acting.run(plan.id) is PlanState.SUCCEEDED


@pytest.mark.case("T30")
def test_a_plan_that_would_expire_before_business_hours_begin_is_refused(company: Company) -> None:
    company.with_runbook(runbook(STOP, guards={"hours": "business"}))
    company.with_org(business_hours=BusinessHours(Window(("mon",), "09:00", "17:00", "UTC")))
    with pytest.raises(NotNow, match="which begin again at 2026-06-22 09:00 UTC"):
        company.plan()


@pytest.mark.case("T32")
def test_while_an_incident_is_open_nothing_is_proposed_and_what_is_approved_waits(company: Company) -> None:
    plan = company.plan()
    guarding.told(company.desk, DOWN, company.now)
    assert company.told("C_OPS")[-1][1] == (
        "pager says that an incident is open: checkout is down. "
        "No run begins, and none begins a further wave, until it is closed."
    )
    with pytest.raises(
        NotNow, match=r"an incident is open: checkout is down \(pager, since 2026-06-17 12:00"
    ):
        company.plan(ids=["i-2"])
    seen = guarding.look(company.desk, RUNBOOKS[STOP], company.now)
    assert [one.title for one in seen.incidents] == ["checkout is down"]
    approve(company, plan)
    guarding.told(company.desk, replace(DOWN, open=False), company.now)
    guarding.told(company.desk, replace(DOWN, open=False), company.now)
    assert [text for _, text in company.told("C_OPS") if "is closed: " in text] == [
        "pager says that an incident is closed: checkout is down. Approved plans begin, and runs go on."
    ]
    company.plan(ids=["i-2"])


@pytest.mark.case("T32")
def test_an_open_alert_of_the_api_holds_a_plan_back_and_so_does_its_silence(
    acting: Company, cloud: World, source: Source
) -> None:
    (box,) = idle(cloud, "box")
    source.says([])
    acting.reads(incidents=Incidents(Address(source.url), title="name"))
    plan = swept(acting)
    approve(acting, plan)
    source.says([{"name": "Down"}])
    assert acting.run(plan.id) is PlanState.APPROVED
    host = source.url.removeprefix("http://")
    assert waits(acting, plan) == f"an incident is open: Down ({host})"
    source.says([], status=500)
    acting.clock.turn(seconds=400)
    assert acting.run(plan.id) is PlanState.APPROVED
    assert waits(acting, plan) == (
        f"nobody can tell whether an incident is open: {host} answered with status 500; "
        f"the last answer of {host} is over 5m old"
    )
    source.says([])
    acting.clock.turn(seconds=60)
    assert acting.run(plan.id) is PlanState.SUCCEEDED
    assert cloud.state(box) == "stopped"


@pytest.mark.case("T32", "V16.5.3")
def test_a_webhook_that_has_to_tell_and_does_not_holds_everything_back(company: Company) -> None:
    company.with_org(incidents_told_within=timedelta(hours=1))
    with pytest.raises(NotNow, match="the webhook has never given an answer"):
        company.plan()
    guarding.told(company.desk, replace(DOWN, open=False), company.now)
    company.plan()
    company.clock.turn(seconds=3601)
    with pytest.raises(NotNow, match="the last answer of the webhook is over 1h old"):
        company.plan(ids=["i-2"])


@pytest.mark.case("T31")
def test_too_small_an_error_budget_refuses_and_says_so_to_the_on_call_channel(
    acting: Company, cloud: World, source: Source
) -> None:
    idle(cloud, "box")
    acting.with_runbook(runbook(STOP, guards={"error_budget": "shop"}))
    acting.with_org(error_budgets={"shop": Budget("shop", "left", Decimal("0.2"))})
    acting.reads(prometheus=Prometheus(Address(source.url)))
    says_left(source, "0.1")
    assert sweeps.sweep(acting.desk, acting.now) == []
    said = "Nothing is proposed now: the error budget shop has 10% left of at least 20%."
    assert [entry["reason"] for entry in acting.entries(STOP) if entry["event"] == "plan.refuse"] == [said]
    assert [text for _, text in acting.told("C_OPS")] == [f"{STOP}: {said}"]
    says_left(source, "0.5")
    plan = swept(acting)
    approve(acting, plan)
    assert acting.run(plan.id) is PlanState.SUCCEEDED


def says_left(source: Source, value: str) -> None:
    result = [{"metric": {}, "value": [NOW.timestamp(), value]}]
    source.says({"status": "success", "data": {"resultType": "vector", "result": result}})


def test_a_budget_that_the_settings_do_not_have_is_no_budget(company: Company) -> None:
    company.with_runbook(runbook(STOP, guards={"error_budget": "shop", "hours": "business"}))
    assert guarding.missing(company.desk.org, company.desk.runbooks) == [
        f"Runbook {STOP} asks for the error budget shop; add it to error_budgets.",
        f"Runbook {STOP} asks for business hours; add business_hours to the settings.",
    ]
    company.with_org(business_hours=BusinessHours(ALWAYS))
    with pytest.raises(NotNow, match="the settings have no error budget shop or no Prometheus"):
        company.plan()


@pytest.mark.case("T34", "V2.3.2")
def test_the_approval_that_would_overrun_the_day_is_refused_and_the_plan_stays_pending(
    company: Company,
) -> None:
    company.with_org(caps=Caps(targets_per_day=3, percent_of_fleet=100))
    first, second = company.plan(ids=["i-1", "i-2"]), company.plan(ids=["i-3", "i-4"])
    assert "Takes 2 of the 3 targets and $60.20 of the $5,000.00 a month" in shown(company, second)
    approve(company, first)
    said = "it has 2 targets, and 1 of the 3 a day are left"
    with pytest.raises(
        Refused, match=f"Today has no room for this plan: {said}; the next day's room opens at"
    ):
        approve(company, second)
    assert (company.state(second.id), company.votes(second.id), taken(company)) == (PlanState.PENDING, [], 2)
    assert f"*No room today:* {said}." in shown(company, second)
    approvals.cancel(company.desk, first.id, actor=OPS, now=company.now)
    assert taken(company) == 0
    assert approve(company, second).state is PlanState.APPROVED


@pytest.mark.case("T33", "T34")
@pytest.mark.parametrize(
    ("caps", "said"),
    [
        ({"targets_per_day": 1}, "it has 2 targets, and 1 of the 1 a day are left"),
        ({"amount_per_day": Decimal(60)}, "its targets cost 60.20 USD a month"),
        ({"currency": "EUR"}, "costs USD, which has no equivalent in EUR"),
        ({"percent_of_fleet": 99}, "This process cannot ask the clouds"),
    ],
)
def test_what_no_day_has_room_for_is_refused_at_once_and_never_cut(
    company: Company, caps: dict[str, Any], said: str
) -> None:
    company.with_org(caps=replace(ORG.caps, **caps))
    with pytest.raises(Refused, match=said):
        company.plan(ids=["i-1", "i-2"])


@pytest.mark.case("T34")
def test_a_plan_that_takes_too_large_a_share_of_its_counted_fleet_is_refused(
    acting: Company, cloud: World
) -> None:
    idle(cloud, "box-a", "box-b")
    cloud.instance("busy", Environment="dev")
    other = cloud.instance("elsewhere", Environment="staging")
    acting.with_org(caps=replace(ORG.caps, percent_of_fleet=60))
    assert sweeps.sweep(acting.desk, acting.now) == []
    (refusal,) = [entry for entry in acting.entries(STOP) if entry["event"] == "plan.refuse"]
    assert refusal["reason"] == (
        f"This is more than any day allows: it has 2 of the 3 in instances/{ACCOUNT}/dev, "
        "and 1 of the 1 a day (60 %) are left. Narrow it down."
    )
    cloud.tag(other, Environment="dev")
    plan = swept(acting)
    assert plan.fleets == {f"instances/{ACCOUNT}/dev": 4}
    assert approve(acting, plan).state is PlanState.APPROVED


@pytest.mark.case("T34", "V16.5.3")
def test_a_fleet_that_cannot_be_listed_in_full_refuses(
    on_sqlite: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    on_sqlite.reads(clouds=AwsClouds({ACCOUNT: AccountAccess()}))
    on_sqlite.with_org(caps=replace(ORG.caps, percent_of_fleet=50))
    with pytest.raises(
        Refused, match=f"Nobody can tell how large the fleet is: account {ACCOUNT} could not be"
    ):
        on_sqlite.plan()


def test_a_run_gives_back_the_room_of_what_it_did_not_touch_and_its_undo_takes_none(
    acting: Company, cloud: World
) -> None:
    _, second = idle(cloud, "box-a", "box-b")
    plan = swept(acting)
    approve(acting, plan)
    assert taken(acting) == 2
    cloud.ec2.stop_instances(InstanceIds=[second])
    acting.run(plan.id)
    assert taken(acting) == 1
    back = undo.undo(acting.desk, plan.id, actor=OZ, now=acting.now)
    acting.with_org(freezes=(Freeze("storm", ALWAYS),))
    guarding.told(acting.desk, DOWN, acting.now)
    assert acting.run(back.id) is PlanState.SUCCEEDED  # what gives back waits for no freeze and no incident
    assert taken(acting) == 1


def test_a_plan_that_waited_past_midnight_counts_on_its_day_or_waits_for_room(
    acting: Company, cloud: World
) -> None:
    idle(cloud, "box-a", "box-b")
    acting.clock.turn(seconds=11 * 3600)
    plan = swept(acting)
    approve(acting, plan)
    acting.with_org(freezes=(Freeze("night", Window(DAYS, "22:00", "24:00", "UTC")),))
    acting.run(plan.id)
    acting.clock.turn(seconds=2 * 3600)
    acting.with_org(caps=replace(ORG.caps, targets_per_day=1))
    assert acting.run(plan.id) is PlanState.APPROVED
    assert "it has 2 targets, and 1 of the 1 a day are left" in str(waits(acting, plan))
    assert runs.ready(acting.store, acting.now) == []  # all others were asked before: not at each tick
    acting.with_org(caps=ORG.caps)
    assert acting.run(plan.id) is PlanState.SUCCEEDED
    assert taken(acting) == 2


def test_an_expired_approval_gives_its_room_back(company: Company) -> None:
    plan = company.plan()
    approve(company, plan)
    company.clock.turn(seconds=6 * 3600 + 48 * 3600)
    approvals.expire(company.desk, company.now)
    assert company.state(plan.id) is PlanState.EXPIRED
    with company.store.reading() as session:
        row = blast.of_plan(session, plan.id)
        assert row is not None
        assert row.state == "released"


def test_what_the_webhook_heard_is_a_reading_too(company: Company) -> None:
    guarding.told(company.desk, DOWN, company.now)
    with company.store.reading() as session:
        assert incidents.last_heard(session, incidents.WEBHOOK) == company.now
