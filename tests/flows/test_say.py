"""The owner's say: warned before a stop or a delete, answers, Keeps, and who may override one."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from actions import say as rules
from actions.plan import Plan, PlanState
from flows import approvals, overdue, proposals, say
from spend.errors import Conflict, Refused
from storage import say as said
from storage import tables
from tests.flows.world import AMY, ANN, BEN, FIN, OPS, OUT, OZ, Company
from tests.storage.rows import target

WARNED_HOURS = 24


@pytest.fixture
def warned(company: Company) -> Company:
    """A company that gives its owners a day."""
    company.with_org(owner_warning=WARNED_HOURS)
    return company


def plan_on(company: Company, owners: Mapping[str, str | None], name: str = "stop-idle-dev") -> Plan:
    """A plan on these instances, each with the team that its tag names."""
    facts = {"root": "ebs", "lifecycle": "on-demand"}
    found = [
        target(key, tags={"Environment": "dev", **({"team": team} if team else {})}, facts=facts)
        for key, team in owners.items()
    ]
    book = company.desk.runbooks[name]
    kept, struck = proposals.strike(company.desk, book, found, company.now)
    return proposals.propose(
        company.desk, book, kept, struck, findings=[], requested_by="bursar", reason="idle", now=company.now
    )


def approve(company: Company, plan: Plan, actor: str = OPS) -> PlanState:
    return approvals.approve(
        company.desk, plan.id, actor=actor, shown=plan.hash, now=company.now, reason="it is unused"
    ).state


def warnings(company: Company, plan: Plan) -> dict[str, tables.Warned]:
    with company.store.reading() as session:
        return {row.team: row for row in said.warnings(session, plan.id)}


def answers(company: Company, plan: Plan) -> dict[str, str]:
    return {team: row.state for team, row in warnings(company, plan).items()}


def keep(company: Company, plan: Plan, *, team: str = "web", actor: str = ANN, **more: Any) -> tables.Keep:
    """Keep the first thing that a team was warned of, for ten days."""
    usual = {
        "which": "0",
        "until": str(company.now.date() + timedelta(days=10)),
        "reason": "a demo on Friday",
    }
    key = warnings(company, plan)[team].id
    say.keep(company.desk, key, actor=actor, now=company.now, **{**usual, **more})
    with company.store.reading() as session:
        return said.keeps(session, company.now)[-1]


def test_each_team_is_told_once_in_its_own_channel_what_of_theirs_would_stop(warned: Company) -> None:
    plan = plan_on(warned, {"i-1": "web", "i-2": "data", "i-3": "web", "i-4": None})
    rows = warnings(warned, plan)
    assert {team: row.targets for team, row in rows.items()} == {
        "web": ["i-1", "i-3"],
        "data": ["i-2"],
        "": ["i-4"],
    }
    told = {row.channel: row.subject for row in warned.messages("post") if row.template == "warned"}
    assert told == {"C_WEB": rows["web"].id, "C_DATA": rows["data"].id, "C_FIN": rows[""].id}
    assert warned.events(plan.id).count("warning.send") == 3
    assert warned.plan_of(plan.id).not_before == warned.now + timedelta(hours=WARNED_HOURS)
    assert warned.chain_holds()


def test_a_cap_takes_nothing_from_anybody_and_warns_nobody(warned: Company) -> None:
    facts = {"root": "ebs", "lifecycle": "on-demand"}
    one = target("fn-1", kind="function", tags={"team": "web"}, facts=facts)
    book = warned.desk.runbooks["cap-lambda-concurrency"]
    plan = proposals.propose(
        warned.desk, book, [one], [], findings=[], requested_by=BEN, reason="loops", now=warned.now
    )
    assert warnings(warned, plan) == {}
    assert warned.plan_of(plan.id).not_before is None


def test_an_approved_plan_waits_until_the_owners_had_their_time(warned: Company) -> None:
    plan = plan_on(warned, {"i-1": "web"})
    assert approve(warned, plan) is PlanState.APPROVED
    with warned.store.reading() as session:
        row = warned.plan_of(plan.id)
        assert "begins not before" in str(said.waits(session, row, plan, warned.now))
        later = warned.now + timedelta(hours=WARNED_HOURS)
        assert said.waits(session, row, plan, later) is None


def test_the_run_may_still_begin_after_a_long_warning(warned: Company) -> None:
    plan = plan_on(warned, {"i-1": "web"})
    assert plan.not_before is not None
    assert plan.approve_by < plan.not_before < plan.execute_by
    assert plan.execute_by - plan.not_before == timedelta(hours=2)


def test_without_waiting_the_owners_are_told_all_the_same(company: Company) -> None:
    plan = plan_on(company, {"i-1": "web"})
    assert answers(company, plan) == {"web": "open"}
    assert company.plan_of(plan.id).not_before is None


def test_fine_by_every_team_ends_the_waiting_at_once(warned: Company) -> None:
    plan = plan_on(warned, {"i-1": "web", "i-2": "data"})
    rows = warnings(warned, plan)
    say.fine(warned.desk, rows["web"].id, actor=ANN, now=warned.now)
    assert warned.plan_of(plan.id).not_before == plan.not_before
    say.fine(warned.desk, rows["data"].id, actor=BEN, now=warned.now)
    assert warned.plan_of(plan.id).not_before == warned.now
    assert answers(warned, plan) == {"web": "fine", "data": "fine"}
    told = {row.surface for row in warned.messages("update")}
    assert {f"warned:{rows['web'].id}", f"warned:{rows['data'].id}", f"plan:{plan.id}"} <= told


def test_silence_lets_the_time_pass(warned: Company) -> None:
    plan = plan_on(warned, {"i-1": "web"})
    warned.clock.turn(hours=WARNED_HOURS - 1)
    overdue.expire(warned.desk, warned.now)
    assert answers(warned, plan) == {"web": "open"}
    warned.clock.turn(hours=1)
    overdue.expire(warned.desk, warned.now)
    overdue.expire(warned.desk, warned.now)
    assert answers(warned, plan) == {"web": "passed"}
    assert warned.events(plan.id).count("warning.pass") == 1


def test_what_a_team_disowns_is_finances_to_answer(warned: Company) -> None:
    plan = plan_on(warned, {"i-1": "web", "i-2": "data"})
    rows = warnings(warned, plan)
    say.not_mine(warned.desk, rows["web"].id, actor=ANN, now=warned.now)
    finance = warnings(warned, plan)[""]
    assert (finance.state, finance.targets) == ("open", ["i-1"])
    assert ("sentence", "<@U_ANN> says that this is not theirs: box i-1. Whose is it?") in warned.told(
        "C_FIN"
    )
    assert ("warned", finance.id) in warned.told("C_FIN")
    say.fine(warned.desk, rows["data"].id, actor=BEN, now=warned.now)
    assert warned.plan_of(plan.id).not_before == plan.not_before
    say.fine(warned.desk, finance.id, actor=FIN, now=warned.now)
    assert warned.plan_of(plan.id).not_before == warned.now


def test_a_fine_that_was_said_of_less_is_asked_for_again(warned: Company) -> None:
    plan = plan_on(warned, {"i-1": "web", "i-2": None})
    rows = warnings(warned, plan)
    say.fine(warned.desk, rows[""].id, actor=FIN, now=warned.now)
    say.not_mine(warned.desk, rows["web"].id, actor=ANN, now=warned.now)
    finance = warnings(warned, plan)[""]
    assert (finance.state, finance.targets) == ("open", ["i-2", "i-1"])
    with pytest.raises(Refused, match="which is why finance is asked"):
        say.not_mine(warned.desk, finance.id, actor=FIN, now=warned.now)


@pytest.mark.case("8.2.2")
@pytest.mark.parametrize("outsider", [OUT, BEN, OPS, FIN, "bursar", ""])
def test_only_an_owner_has_a_say_in_what_is_theirs(warned: Company, outsider: str) -> None:
    plan = plan_on(warned, {"i-1": "web"})
    key, now = warnings(warned, plan)["web"].id, warned.now
    for refused in (
        lambda: say.fine(warned.desk, key, actor=outsider, now=now),
        lambda: say.not_mine(warned.desk, key, actor=outsider, now=now),
        lambda: say.about(warned.desk, key, actor=outsider, now=now),
        lambda: keep(warned, plan, actor=outsider),
    ):
        with pytest.raises(Refused, match="Only the owners"):
            refused()
    assert answers(warned, plan) == {"web": "open"}
    with warned.store.reading() as session:
        assert said.keeps(session, warned.now) == []


@pytest.mark.case("8.2.3")
def test_an_owner_keeps_only_what_the_warning_names_as_theirs(warned: Company) -> None:
    plan = plan_on(warned, {"i-1": "web", "i-2": "data"})
    for which in ("1", "i-2", "-1", "²", ""):
        with pytest.raises(Refused, match="Choose which"):
            keep(warned, plan, which=which)
    row = keep(warned, plan, which=say.ALL)
    with warned.store.reading() as session:
        assert [one.target for one in said.keeps(session, warned.now)] == ["i-1"]
    assert (row.team, row.said_by, row.plan) == ("web", ANN, plan.id)


def test_a_keep_holds_through_its_day_in_the_peoples_own_zone(warned: Company) -> None:
    warned.with_org(zone="Europe/Berlin")
    plan = plan_on(warned, {"i-1": "web"})
    row = keep(warned, plan, until="2026-06-20")
    assert row.until.isoformat() == "2026-06-20T22:00:00+00:00"


@pytest.mark.parametrize(
    ("until", "sentence"),
    [
        ("yesterday", "Choose the day"),
        ("", "Choose the day"),
        ("2026-06-16", "Choose a day between 2026-06-17 and 2026-09-15"),
        ("2026-09-16", "Choose a day between"),
    ],
)
def test_a_keep_has_a_day_within_90_days(warned: Company, until: str, sentence: str) -> None:
    plan = plan_on(warned, {"i-1": "web"})
    with pytest.raises(Refused, match=sentence):
        keep(warned, plan, until=until)
    assert answers(warned, plan) == {"web": "open"}
    last = keep(warned, plan, until="2026-09-15")
    assert rules.end_of(date(2026, 9, 15), warned.now, "UTC") == last.until


def test_a_keep_needs_a_reason(warned: Company) -> None:
    plan = plan_on(warned, {"i-1": "web"})
    with pytest.raises(Refused, match="Say what you need it for"):
        keep(warned, plan, reason="  ")


def test_what_is_kept_is_left_out_of_later_plans_with_who_and_why(warned: Company) -> None:
    plan = plan_on(warned, {"i-1": "web"})
    keep(warned, plan)
    approvals.cancel(warned.desk, plan.id, actor=OPS, now=warned.now)
    later = plan_on(warned, {"i-1": "web", "i-2": "web"})
    assert [one.id for one in later.targets] == ["i-2"]
    (struck,) = later.struck
    assert struck.reason == "kept by <@U_ANN> until 2026-06-28 00:00 UTC: a demo on Friday"
    warned.clock.turn(days=11)
    approvals.cancel(warned.desk, later.id, actor=OPS, now=warned.now)
    assert [one.id for one in plan_on(warned, {"i-1": "web"}).targets] == ["i-1"]


def test_a_keep_beats_an_approve(warned: Company) -> None:
    plan = plan_on(warned, {"i-1": "web"})
    assert approve(warned, plan) is PlanState.APPROVED
    keep(warned, plan)
    after = warned.now + timedelta(hours=WARNED_HOURS)
    with warned.store.reading() as session:
        row = warned.plan_of(plan.id)
        assert "its owners keep all of it: kept by <@U_ANN>" in str(said.waits(session, row, plan, after))


def test_a_keep_may_come_after_fine_and_after_silence_while_the_plan_can_run(warned: Company) -> None:
    plan = plan_on(warned, {"i-1": "web", "i-2": "data"})
    rows = warnings(warned, plan)
    say.fine(warned.desk, rows["web"].id, actor=AMY, now=warned.now)
    keep(warned, plan)
    warned.clock.turn(hours=WARNED_HOURS)
    say.expire(warned.desk, warned.now)
    keep(warned, plan, team="data", actor=BEN)
    assert answers(warned, plan) == {"web": "kept", "data": "kept"}
    with pytest.raises(Conflict):
        say.fine(warned.desk, rows["web"].id, actor=AMY, now=warned.now)


def test_a_plan_that_is_over_takes_no_answer(warned: Company) -> None:
    plan = plan_on(warned, {"i-1": "web"})
    approvals.cancel(warned.desk, plan.id, actor=OPS, now=warned.now)
    with pytest.raises(Refused, match="already cancelled"):
        keep(warned, plan)


def test_a_second_keep_of_an_owner_takes_the_place_of_the_first(warned: Company) -> None:
    plan = plan_on(warned, {"i-1": "web"})
    first = keep(warned, plan, until="2026-06-20")
    second = keep(warned, plan, until="2026-07-20", actor=AMY)
    with warned.store.reading() as session:
        history = [(row.id, row.state) for row in said.keeps_of(session, "i-1")]
    assert sorted(history) == sorted([(first.id, "ended"), (second.id, "held")])


def test_a_keep_ends_with_its_day_and_the_log_says_so(warned: Company) -> None:
    plan = plan_on(warned, {"i-1": "web"})
    keep(warned, plan, until=str(warned.now.date()))
    warned.clock.turn(days=1)
    overdue.expire(warned.desk, warned.now)
    overdue.expire(warned.desk, warned.now)
    with warned.store.reading() as session:
        assert [row.state for row in said.keeps_of(session, "i-1")] == ["ended"]
    assert warned.events(plan.id).count("keep.end") == 1


def test_an_owner_of_the_same_team_releases_a_keep_and_nobody_else(warned: Company) -> None:
    plan = plan_on(warned, {"i-1": "web"})
    row = keep(warned, plan)
    for outsider in (BEN, OPS, FIN):
        with pytest.raises(Refused, match="Only the owners"):
            say.release(warned.desk, row.id, actor=outsider, now=warned.now)
    say.release(warned.desk, row.id, actor=AMY, now=warned.now)
    with warned.store.reading() as session:
        assert said.keeps(session, warned.now) == []
    assert "keep.release" in warned.events(plan.id)
    with pytest.raises(Conflict):
        say.release(warned.desk, row.id, actor=AMY, now=warned.now)


def override(
    company: Company, plan: Plan, row: tables.Keep, actor: str, reason: str = "it burns money"
) -> None:
    say.override(company.desk, plan.id, row.id, reason=reason, actor=actor, now=company.now)


def test_a_second_approver_overrides_a_keep_with_a_reason_and_the_owner_reads_it(warned: Company) -> None:
    plan = plan_on(warned, {"i-1": "web"})
    approve(warned, plan, OPS)
    row = keep(warned, plan)
    override(warned, plan, row, OZ)
    with warned.store.reading() as session:
        (kept,) = said.keeps_of(session, "i-1")
        assert said.waits(session, warned.plan_of(plan.id), plan, warned.now + timedelta(days=1)) is None
    assert (kept.state, kept.overridden_by, kept.override_reason) == ("overridden", OZ, "it burns money")
    (told,) = [text for template, text in warned.told("C_WEB") if template == "sentence"]
    assert told.startswith("<@U_OZ> overrode the Keep of <@U_ANN> on box i-1 for Stop idle")
    (entry,) = [one for one in warned.entries(plan.id) if one["event"] == "keep.override"]
    assert (entry["actor"], entry["reason"], entry["after"]["approved_by"]) == (OZ, "it burns money", [OPS])
    assert warned.chain_holds()


@pytest.mark.case("2.3.5")
@pytest.mark.parametrize(
    ("actor", "sentence"),
    [
        (OPS, "second approver"),  # whose vote alone was the quorum
        (OUT, "Only the approvers"),
        (ANN, "Only the approvers"),
        (BEN, "Only the approvers"),
    ],
)
def test_nobody_alone_overrides_a_keep(warned: Company, actor: str, sentence: str) -> None:
    plan = plan_on(warned, {"i-1": "web"})
    approve(warned, plan, OPS)
    row = keep(warned, plan)
    with pytest.raises(Refused, match=sentence):
        override(warned, plan, row, actor)
    with warned.store.reading() as session:
        assert [one.id for one in said.keeps(session, warned.now)] == [row.id]


def test_before_anybody_approved_there_is_no_second_approver(warned: Company) -> None:
    plan = plan_on(warned, {"i-1": "web"})
    row = keep(warned, plan)
    with pytest.raises(Refused, match="second approver"):
        override(warned, plan, row, OZ)
    approve(warned, plan, OPS)
    with pytest.raises(Refused, match="at least 10 characters"):
        override(warned, plan, row, OZ, "because")
    override(warned, plan, row, OZ)


def test_who_asked_or_who_keeps_overrides_nothing(warned: Company) -> None:
    warned.with_org(
        groups={**warned.desk.org.groups, "platform-oncall": frozenset({OPS, OZ, ANN})},
    )
    plan = plan_on(warned, {"i-1": "web"})
    approve(warned, plan, OPS)
    row = keep(warned, plan)
    with pytest.raises(Refused, match="You keep this yourself"):
        override(warned, plan, row, ANN)


def test_a_keep_of_another_plan_is_not_to_be_overridden_from_this_card(warned: Company) -> None:
    plan, other = plan_on(warned, {"i-1": "web"}), plan_on(warned, {"i-2": "web"})
    approve(warned, other, OPS)
    row = keep(warned, plan)
    with pytest.raises(Refused, match="does not need that"):
        override(warned, other, row, OZ)


def test_the_card_offers_the_keeps_that_stand_in_its_way_to_its_approvers(warned: Company) -> None:
    plan = plan_on(warned, {"i-1": "web", "i-2": "web"})
    with pytest.raises(Refused, match="Nobody keeps"):
        say.in_the_way(warned.desk, plan.id, actor=OPS, now=warned.now)
    row = keep(warned, plan)
    found = say.in_the_way(warned.desk, plan.id, actor=OPS, now=warned.now)
    assert [one.id for one in found] == [row.id]
    with pytest.raises(Refused, match="Only the approvers"):
        say.in_the_way(warned.desk, plan.id, actor=OUT, now=warned.now)
