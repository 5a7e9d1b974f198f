"""What people answer to a finding, what one person sees at a glance, and the kill switch."""

from decimal import Decimal
from typing import Any

import pytest

from flows import approvals, findings, overview, switches
from spend.errors import Conflict, Refused
from spend.finding import FindingState
from storage import switches as rows
from storage import tables
from tests.flows.world import AMY, ANN, BEN, FIN, OPS, OUT, OZ, Company
from tests.storage.rows import dispute, finding

F = FindingState


def found(company: Company, key: str = "f1", **changes: Any) -> str:
    with company.store.writing(company.now) as unit:
        unit.add(finding(key, **{"team": "web", "found_at": company.now, **changes}))
    return key


def answer(company: Company, verdict: F, actor: str = ANN, key: str = "f1") -> tables.Finding:
    return findings.answer(company.desk, key, verdict=verdict, actor=actor, now=company.now)


@pytest.mark.parametrize("verdict", [F.EXPECTED, F.INVESTIGATING, F.NOT_MINE])
def test_an_owner_answers_and_the_notice_is_drawn_again(company: Company, verdict: F) -> None:
    found(company)
    row = answer(company, verdict)
    assert (row.state, row.answered_by) == (verdict, ANN)
    (entry,) = company.entries("f1")
    assert (entry["event"], entry["actor"], entry["before"], entry["after"]) == (
        "finding.answer", ANN, {"state": "open"}, {"state": str(verdict)},
    )  # fmt: skip
    assert [one.surface for one in company.messages("update")] == ["finding:f1"]


@pytest.mark.parametrize("person", [BEN, FIN, OPS, OUT])
def test_nobody_but_its_owners_answers(company: Company, person: str) -> None:
    found(company)
    with pytest.raises(Refused, match="Only the owners"):
        answer(company, F.EXPECTED, person)
    assert company.events("f1") == []
    assert company.findings()[0].state == F.OPEN


def test_what_has_no_owner_is_answered_by_finance(company: Company) -> None:
    found(company, team=None)
    found(company, "f2", team="a team that was dissolved")
    with pytest.raises(Refused):
        answer(company, F.EXPECTED, ANN)
    assert answer(company, F.EXPECTED, FIN).answered_by == FIN
    assert answer(company, F.EXPECTED, FIN, "f2").answered_by == FIN


def test_finance_hears_of_what_is_not_mine(company: Company) -> None:
    found(company)
    answer(company, F.INVESTIGATING)
    assert company.told("C_FIN") == []
    answer(company, F.NOT_MINE)
    ((template, text),) = company.told("C_FIN")
    assert template == "sentence"
    assert text == f"<@{ANN}> says that this is not theirs: 3 idle instances. Whose is it?"


def test_the_first_answer_holds(company: Company) -> None:
    found(company)
    answer(company, F.EXPECTED)
    for verdict in (F.INVESTIGATING, F.NOT_MINE):
        with pytest.raises(Conflict, match="already expected"):
            answer(company, verdict, AMY)
    assert company.findings()[0].answered_by == ANN


def test_act_asks_a_worker_and_remembers_who_asked(company: Company) -> None:
    found(company, kind="runaway")
    findings.act(company.desk, "f1", actor=ANN, channel="C_WEB", now=company.now)
    (job,) = company.jobs("propose")
    assert job.args == {"finding": "f1", "actor": ANN, "channel": "C_WEB"}
    assert company.events("f1") == ["finding.act"]


def test_act_is_refused_where_no_runbook_fits_or_the_finding_is_closed(company: Company) -> None:
    found(company, kind="untagged")
    with pytest.raises(Refused, match="No runbook acts on this"):
        findings.act(company.desk, "f1", actor=ANN, channel="C_WEB", now=company.now)
    found(company, "f2", kind="idle", state=F.NOT_MINE)
    with pytest.raises(Refused, match="already not mine"):
        findings.act(company.desk, "f2", actor=ANN, channel="C_WEB", now=company.now)
    assert company.jobs("propose") == []


def see(company: Company, actor: str) -> overview.Overview:
    return overview.look(company.desk, actor=actor, now=company.now)


def test_a_person_sees_the_spend_of_the_own_teams_only(billed: Company) -> None:
    (look,) = see(billed, ANN).teams
    (spend,) = look.spend
    assert look.team.name == "web"
    assert spend.currency == "USD"
    assert spend.month_to_date == billed.ledger("web")["USD"][0]
    # Seven days that end with the last complete one, and the seven before.
    assert Decimal(0) < spend.week_before < spend.last_week < spend.month_to_date
    (look,) = see(billed, BEN).teams
    assert [one.currency for one in look.spend] == ["EUR", "USD"]
    euros = look.spend[0]
    assert [euros.month_to_date, euros.last_week, euros.week_before] == [Decimal(64), 28, 28]
    assert see(billed, OUT).teams == ()
    assert see(billed, FIN).teams == ()


def test_before_the_first_bill_there_is_no_figure(company: Company) -> None:
    (look,) = see(company, ANN).teams
    assert (look.spend, look.complete_through) == ((), None)


def test_findings_are_seen_by_their_owners_and_unowned_ones_by_finance(company: Company) -> None:
    found(company, "f1")
    found(company, "f2", team="data")
    found(company, "f3", team=None)
    found(company, "f4", state=F.RESOLVED)

    def seen(actor: str) -> list[str]:
        return [row.id for row in see(company, actor).findings]

    assert seen(ANN) == ["f1"]
    assert seen(BEN) == ["f2"]
    assert seen(FIN) == ["f3"]
    assert seen(OUT) == []


def test_what_waits_for_a_person_is_what_that_person_can_still_decide(company: Company) -> None:
    first = company.plan(ids=("i-1",))
    second = company.plan(ids=("i-2",), by=OPS)
    third = company.plan("reclaim-unattached-volumes", ids=("vol-1",))

    def waiting(actor: str) -> set[str]:
        return {plan.id for plan in see(company, actor).waiting}

    assert waiting(OPS) == {first.id, third.id}
    assert waiting(OZ) == {first.id, second.id, third.id}
    assert waiting(FIN) == {third.id}
    assert waiting(OUT) == set()
    approvals.approve(
        company.desk, third.id, actor=OPS, shown=third.hash, reason="nobody reads it", now=company.now
    )
    assert waiting(OPS) == {first.id}
    assert waiting(FIN) == {third.id}
    company.clock.turn(hours=5)
    assert waiting(OPS) == set()


def test_disputes_are_seen_by_their_team_and_by_finance(company: Company) -> None:
    with company.store.writing(company.now) as unit:
        unit.add(dispute("d1", team="web"))
        unit.add(dispute("d2", team="data"))
        unit.add(dispute("d3", team="web", state="withdrawn"))
    assert [row.id for row in see(company, ANN).disputes] == ["d1"]
    assert [row.id for row in see(company, FIN).disputes] == ["d1", "d2"]
    assert see(company, OUT).disputes == ()


def test_the_home_of_a_person_is_asked_for_once_however_often_it_is_opened(company: Company) -> None:
    for _ in range(3):
        overview.home(company.desk, actor=ANN, now=company.now)
    (home,) = company.messages("home")
    assert (home.person, home.surface, home.wanted) == (ANN, f"home:{ANN}", 3)


@pytest.mark.case("T37")
def test_the_kill_switch_needs_a_reason_and_the_on_call_channel_hears_of_it(company: Company) -> None:
    with pytest.raises(Refused, match="Say why"):
        switches.throw(company.desk, on=True, actor=OPS, reason="  ", now=company.now)
    switches.throw(company.desk, on=True, actor=OPS, reason="storm", now=company.now)
    with company.store.reading() as session:
        assert rows.is_on(session, rows.KILL)
        assert not rows.is_on(session, "another")
    switches.throw(company.desk, on=False, actor=OZ, reason="over", now=company.now)
    with company.store.reading() as session:
        assert not rows.is_on(session, rows.KILL)
    assert [
        (one["event"], one["actor"], one["reason"], one["before"]) for one in company.entries("kill")
    ] == [
        ("switch.on", OPS, "storm", {"on": False}),
        ("switch.off", OZ, "over", {"on": True}),
    ]
    assert [text for _, text in company.told("C_OPS")] == [
        "The kill switch is on: no remediation makes another call. Thrown by <@U_OPS>: storm",
        "The kill switch is off: approved plans run again. Thrown by <@U_OZ>: over",
    ]
