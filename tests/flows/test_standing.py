"""A standing approval from its request to its end: who agrees, who ends it, and what everybody is told."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from actions.standing import Selector
from flows import overview
from flows import standing as flow
from flows.desk import Desk
from spend.errors import Conflict, NotFound, Refused
from storage import plans, standing
from tests.flows import standing as ahead
from tests.flows.world import AMY, ANN, BEN, FIN, OPS, ORG, OUT, OZ, RUNBOOKS, Company

DAY = timedelta(days=1)


def expire(company: Company) -> None:
    flow.expire(company.desk, company.now)


@pytest.mark.case("V2.3.5")
def test_two_approvers_put_it_in_force_and_the_log_has_its_whole_story(company: Company) -> None:
    one = ahead.ask(company)
    assert (one.state, one.approvers) == ("pending", (OPS, OZ))
    assert ahead.agree(company, one, OPS, "fine on weekdays").state == "pending"
    assert ahead.agree(company, one, OZ).state == "active"
    assert company.events(one.id) == ["standing.request", "standing.approve", "standing.approve"]
    asked, first, second = company.entries(one.id)
    assert (asked["actor"], asked["after"]["hash"]) == (ANN, one.hash)
    assert (first["reason"], first["after"]["approvals"]) == ("fine on weekdays", [OPS])
    assert (second["after"]["state"], second["after"]["hash"]) == ("active", one.hash)
    assert company.told("C_OPS") == [("standing", one.id)]
    assert company.chain_holds()


def test_a_vote_is_kept_with_the_proof_of_its_right(company: Company) -> None:
    one = ahead.active(company)
    with company.store.reading() as session:
        (vote, _) = standing.votes(session, one.id)
    assert (vote.person, vote.reason) == (OPS, "fine with me")
    assert vote.proof["groups"] == ["platform-oncall"]


@pytest.mark.case("T07", "T08", "T12", "T15", "V2.3.5")
@pytest.mark.parametrize(
    ("actor", "changes", "said"),
    [
        (ANN, {}, "You asked for this standing approval"),
        (OUT, {}, "Only the approvers named on the card"),
        (FIN, {}, "Only the approvers named on the card"),
        (OZ, {"shown": "0" * 16}, "another version"),
        (OZ, {"shown": ""}, "another version"),
        (OZ, {"reason": " "}, "Say why"),
        (OPS, {}, "already counted"),
    ],
)
def test_who_may_not_agree_is_refused_and_nothing_counts(
    company: Company, actor: str, changes: dict[str, str], said: str
) -> None:
    one = ahead.ask(company)
    ahead.agree(company, one, OPS)
    given = {"shown": one.hash[:16], "reason": "fine", **changes}
    with pytest.raises(Refused, match=said):
        flow.approve(company.desk, one.id, actor=actor, now=company.now, **given)
    assert ahead.state(company, one) == "pending"


@pytest.mark.case("V8.3.2")
def test_who_left_the_group_since_it_was_asked_cannot_agree(company: Company) -> None:
    one = ahead.ask(company)
    company.with_org(groups={**ORG.groups, "platform-oncall": frozenset({OPS})})
    with pytest.raises(Refused, match="no approver any more"):
        ahead.agree(company, one, OZ)


@pytest.mark.case("V8.3.2")
def test_an_approval_of_somebody_who_left_does_not_complete_the_quorum(company: Company) -> None:
    company.with_org(groups={**ORG.groups, "platform-oncall": frozenset({OPS, OZ, BEN})})
    one = ahead.ask(company)
    ahead.agree(company, one, OPS)
    company.with_org(groups={**ORG.groups, "platform-oncall": frozenset({OZ, BEN})})
    assert ahead.agree(company, one, OZ).state == "pending"
    assert ahead.agree(company, one, BEN).state == "active"


def test_an_approver_who_asks_needs_two_others(company: Company) -> None:
    with pytest.raises(Refused, match="fewer could say yes"):
        ahead.ask(company, by=OPS)
    company.with_org(groups={**ORG.groups, "platform-oncall": frozenset({OPS, OZ, BEN})})
    one = ahead.ask(company, by=OPS)
    ahead.agree(company, one, OZ)
    assert ahead.agree(company, one, BEN).state == "active"


@pytest.mark.case("T09")
def test_who_wrote_a_runbook_that_never_ran_cannot_agree_to_run_it_unasked(company: Company) -> None:
    company.with_org(groups={**ORG.groups, "platform-oncall": frozenset({OPS, OZ, BEN})})
    company.with_runbook(RUNBOOKS["stop-idle-dev"].model_copy(update={"authors": (OZ,)}))
    one = ahead.ask(company)
    assert one.authors == (OZ,)
    with pytest.raises(Refused, match="You wrote this version"):
        ahead.agree(company, one, OZ)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"runbook": "cap-lambda-concurrency"}, "proposed on request only"),
        ({"window": "whenever"}, "Write the window"),
        ({"amount": "a lot"}, "Write the money"),
        ({"amount": "200 EUR"}, "Write the money in USD"),
        ({"amount": "0 USD"}, "leave room for nothing"),
        ({"targets": 0}, "leave room for nothing"),
        ({"until": date(2026, 6, 16)}, "passed already"),
        ({"until": date(2026, 9, 17)}, "at most 90 days"),
        ({"reason": ""}, "Say why"),
        ({"selector": Selector()}, "an empty selector means nothing"),
        ({"selector": Selector(accounts=("999",))}, "no account 999"),
        ({"selector": Selector(team="nobody")}, "no team nobody"),
    ],
)
def test_terms_that_do_not_hold_are_refused_in_words(
    on_sqlite: Company, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(Refused, match=said):
        ahead.ask(on_sqlite, **changes)
    assert ahead.log(on_sqlite) == []


def test_ninety_days_are_not_too_many(on_sqlite: Company) -> None:
    assert ahead.ask(on_sqlite, until=date(2026, 9, 15)).until.date() == date(2026, 9, 16)


def test_an_unknown_runbook_is_told_with_those_there_are(on_sqlite: Company) -> None:
    with pytest.raises(NotFound, match="stop-idle-dev"):
        ahead.ask(on_sqlite, runbook="stop-the-world")


def test_a_stranger_cannot_even_ask(on_sqlite: Company) -> None:
    with pytest.raises(Refused, match="Only an owner of a team or an approver"):
        ahead.ask(on_sqlite, by=OUT)


def test_an_owner_may_be_among_the_approvers_of_their_own_team(company: Company) -> None:
    shared = RUNBOOKS["stop-idle-dev"]
    approval = shared.approval.model_copy(update={"groups": ("owner",)})
    company.with_runbook(shared.model_copy(update={"approval": approval}))
    one = ahead.ask(company, by=BEN, selector=Selector(team="web"))
    ahead.agree(company, one, ANN)
    assert ahead.agree(company, one, AMY).state == "active"


def test_one_no_ends_it_also_of_who_said_yes(company: Company) -> None:
    one = ahead.ask(company)
    ahead.agree(company, one, OPS)
    flow.deny(
        company.desk, one.id, actor=OPS, shown=one.hash[:16], reason="on second thought", now=company.now
    )
    row = ahead.row_of(company, one.id)
    assert (row.state, row.ended_by, row.reason) == ("denied", OPS, "on second thought")
    assert company.events(one.id)[-1] == "standing.deny"
    with pytest.raises(Conflict, match="already denied"):
        ahead.agree(company, one, OZ)


def test_a_no_without_a_reason_or_a_right_changes_nothing(on_sqlite: Company) -> None:
    one = ahead.ask(on_sqlite)
    for actor, reason in ((OPS, " "), (ANN, "no"), (OUT, "no")):
        with pytest.raises(Refused):
            flow.deny(
                on_sqlite.desk, one.id, actor=actor, shown=one.hash[:16], reason=reason, now=on_sqlite.now
            )
    assert ahead.state(on_sqlite, one) == "pending"


@pytest.mark.parametrize("person", [OPS, OZ, ANN])
def test_an_approver_or_who_asked_ends_it_with_one_click(company: Company, person: str) -> None:
    one = ahead.active(company)
    assert ahead.revoke(company, one, person).state == "revoked"
    assert company.events(one.id)[-1] == "standing.revoke"
    (_, told) = company.told("C_OPS")[-1]
    assert f"<@{person}> revoked the standing approval {one.id}" in told
    with pytest.raises(Conflict):
        ahead.revoke(company, one, person)


def test_who_became_an_approver_later_may_end_it_and_nobody_else(company: Company) -> None:
    one = ahead.active(company)
    with pytest.raises(Refused, match="Only who asked for this, or one of its approvers"):
        ahead.revoke(company, one, BEN)
    company.with_org(groups={**ORG.groups, "platform-oncall": frozenset({BEN})})
    assert ahead.revoke(company, one, BEN).state == "revoked"


def test_who_asked_may_take_the_question_back(on_sqlite: Company) -> None:
    one = ahead.ask(on_sqlite)
    assert ahead.revoke(on_sqlite, one, ANN).state == "revoked"


def test_a_changed_runbook_can_no_longer_be_agreed_to(on_sqlite: Company) -> None:
    one = ahead.ask(on_sqlite)
    on_sqlite.with_runbook(RUNBOOKS["stop-idle-dev"].model_copy(update={"why": "another reason"}))
    with pytest.raises(Refused, match="asked for anew"):
        ahead.agree(on_sqlite, one, OPS)


@pytest.mark.case("T10")
def test_a_question_that_nobody_answers_for_a_day_ends(company: Company) -> None:
    one = ahead.ask(company)
    company.clock.turn(hours=23.9)
    expire(company)
    assert ahead.state(company, one) == "pending"
    company.clock.turn(hours=0.1)
    with pytest.raises(Refused, match="Nobody answered this in time"):
        ahead.agree(company, one, OPS)
    expire(company)
    assert ahead.row_of(company, one.id).reason == "nobody answered in time"
    assert ahead.state(company, one) == "expired"


def test_its_end_is_announced_a_week_before_a_day_before_and_when_it_comes_each_once(
    company: Company,
) -> None:
    one = ahead.active(company)  # until the end of the last of July
    seen = []
    for _ in range(46 * 24 // 6):
        company.clock.turn(hours=6)
        for _ in range(3):
            expire(company)
        told = [text for _, text in company.told("C_OPS")]
        seen.append((company.now, len(told)))
    grew = [at for (at, many), (_, before) in zip(seen[1:], seen, strict=False) if many > before]
    assert [one.until - at + timedelta(seconds=1) for at in grew] == [7 * DAY, 1 * DAY, 0 * DAY]
    assert ahead.state(company, one) == "expired"
    assert [event for event in company.events(one.id) if event == "standing.remind"] == [
        "standing.remind"
    ] * 2
    assert [text[:45] for _, text in company.told("C_OPS")][-1].startswith("The standing approval")


def test_whoever_agrees_to_three_days_is_not_told_that_it_ends_within_seven(company: Company) -> None:
    one = ahead.active(company, until=date(2026, 6, 19))
    expire(company)
    assert "standing.remind" not in company.events(one.id)
    company.clock.turn(hours=48)
    expire(company)
    assert company.entries(one.id)[-1]["after"] == {"days": 1}


def test_the_list_shows_it_to_whom_it_concerns(company: Company) -> None:
    one = ahead.active(company)
    ahead.under(company, one, "i-1")
    company.with_org(teams={"data": ORG.teams["data"]})

    def see(company: Company, actor: str) -> overview.Overview:
        return overview.look(company.desk, actor=actor, now=company.now)

    def seen(actor: str) -> list[str]:
        return [view.one.id for view in see(company, actor).standing]

    assert [seen(person) for person in (ANN, OPS, OZ, FIN, BEN)] == [[one.id]] * 5
    assert seen(OUT) == []
    asks = [person for person in (ANN, OPS, BEN, FIN, OUT) if see(company, person).asks]
    assert asks == [OPS, BEN, FIN]
    (view,) = overview.look(company.desk, actor=OPS, now=company.now).standing
    assert (view.approvals, view.used.targets, view.suspended) == ((OPS, OZ), 1, None)


def test_the_list_says_why_one_is_not_in_force(on_sqlite: Company) -> None:
    ahead.active(on_sqlite)
    on_sqlite.with_runbook(RUNBOOKS["stop-idle-dev"].model_copy(update={"why": "another reason"}))

    def suspended(desk: Desk) -> str | None:
        (view,) = overview.look(desk, actor=OPS, now=on_sqlite.now).standing
        return view.suspended

    assert suspended(on_sqlite.desk) == "its runbook changed after it was asked for"
    gone = replace(on_sqlite.desk, runbooks={})
    assert suspended(gone) == "its runbook is gone"


def test_once_ended_it_is_listed_no_more(on_sqlite: Company) -> None:
    one = ahead.active(on_sqlite)
    ahead.revoke(on_sqlite, one)
    assert overview.look(on_sqlite.desk, actor=OPS, now=on_sqlite.now).standing == ()


def test_no_plan_comes_of_asking(on_sqlite: Company) -> None:
    ahead.active(on_sqlite)
    on_sqlite.clock.turn(hours=1)
    expire(on_sqlite)
    with on_sqlite.store.reading() as session:
        assert plans.find(session) == []
