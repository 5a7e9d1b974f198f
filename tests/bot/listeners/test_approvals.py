"""Pressing Approve, Deny, Undo and Cancel."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from slack_bolt import BoltRequest

from actions.plan import Tier
from flows.stepup import generator
from storage import plans, tables
from tests.bot.blocks import samples
from tests.bot.listeners.talking import Office, clock, errors_of
from tests.bot.slack import click, signed


def test_an_approver_approves_with_one_press(office: Office, shown: str) -> None:
    assert office.click("U_OPS", "approval.approve", shown).status == 200
    assert office.row(tables.Plan, "plan-abc").state == "approved"
    assert ("approval.approve", "U_OPS") in office.events()
    assert [message.surface for message in office.messages()] == ["plan:plan-abc"]


@pytest.mark.case("T12", "V16.3.2")
def test_an_outsider_is_refused_with_a_sentence_only_they_see(office: Office, shown: str) -> None:
    assert office.click("U_OUT", "approval.approve", shown).status == 200
    assert office.row(tables.Plan, "plan-abc").state == "pending"
    (said,) = office.messages()
    assert (said.kind, said.channel, said.person) == ("ephemeral", "C_ONCALL", "U_OUT")
    assert said.args["text"].startswith("Only the approvers named on the card")
    assert ("approval.refuse", "U_OUT") in office.events()


def test_a_card_of_another_version_decides_nothing(office: Office) -> None:
    office.click("U_OPS", "approval.approve", "plan-abc:0000000000000000")
    assert office.row(tables.Plan, "plan-abc").state == "pending"
    assert "another version" in office.whispers()[0][1]


def test_a_broken_pointer_is_told_in_words(office: Office) -> None:
    assert office.click("U_OPS", "approval.approve", "plan-abc").status == 200
    assert office.whispers() == [("U_OPS", "This button points at nothing that is known any more.")]


def test_the_same_press_delivered_five_times_counts_once(office: Office) -> None:
    row = office.row(tables.Plan, "plan-two")
    for _ in range(5):
        answer = office.click("U_OPS", "approval.approve", f"plan-two:{row.hash[:16]}", at="1700000000.7")
        assert answer.status == 200
    assert office.events().count(("approval.approve", "U_OPS")) == 1
    assert office.whispers() == []


def test_two_people_at_once_make_one_quorum(office: Office) -> None:
    row = office.row(tables.Plan, "plan-two")
    pointer = f"plan-two:{row.hash[:16]}"
    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(lambda person: office.click(person, "approval.approve", pointer), ["U_OPS", "U_TWO"])
        )
    assert [answer.status for answer in answers] == [200, 200]
    assert office.row(tables.Plan, "plan-two").state == "approved"


def save(office: Office, key: str, **changes: Any) -> str:
    """Another plan that waits; what its buttons carry."""
    now = clock()
    ends = {"approve_by": now + timedelta(hours=4), "execute_by": now + timedelta(hours=6)}
    plan = replace(samples.plan(created_at=now, **ends), id=key, **changes)
    with office.desk.store.writing(now) as unit:
        plans.save(unit, plan)
    return f"{key}:{plan.hash[:16]}"


def test_from_tier_two_on_a_press_asks_for_a_reason_first(office: Office) -> None:
    pointer = save(office, "plan-del", tier=Tier.T2)
    assert office.click("U_OPS", "approval.approve", pointer).status == 200
    (opened,) = office.slack.of("views.open")
    assert "approve.submit" in str(opened["view"])
    assert office.row(tables.Plan, "plan-del").state == "pending"
    refused = errors_of(office.submit("U_OPS", "approve.submit", pointer, {"reason": " "}))
    assert refused["errors"]["reason"].startswith("A plan of tier 2 is decided with a reason")
    assert errors_of(office.submit("U_OPS", "approve.submit", pointer, {"reason": "unused"})) == {}
    assert office.row(tables.Plan, "plan-del").state == "approved"


def test_who_may_not_decide_is_not_even_asked_for_a_reason(office: Office) -> None:
    pointer = save(office, "plan-del", tier=Tier.T2)
    for action in ("approval.approve", "approval.deny"):
        office.click("U_OUT", action, pointer)
    assert office.slack.of("views.open") == []
    assert len(office.whispers()) == 2


@pytest.mark.case("V2.3.5")
def test_a_deletion_in_production_is_approved_with_a_phrase_and_a_code_in_the_modal(office: Office) -> None:
    secrets = {"U_OPS": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}
    office = Office.open(replace(office.desk, authenticators=lambda: secrets), office.slack)
    pointer = save(office, "plan-grave", tier=Tier.T3, quorum=2)
    count = len(samples.plan().targets)
    given = {"reason": "unused", "typed": f"delete {count}", "code": "000000"}
    wrong = errors_of(office.submit("U_OPS", "approve.submit", pointer, given))
    assert wrong["errors"]["code"].startswith("This is not the code")
    assert ("stepup.fail", "U_OPS") in office.events()
    code = generator(secrets["U_OPS"]).generate(int(clock().timestamp())).decode()
    assert errors_of(office.submit("U_OPS", "approve.submit", pointer, {**given, "code": code})) == {}
    assert ("approval.approve", "U_OPS") in office.events()


def test_deny_asks_why_and_keeps_the_answer(office: Office, shown: str) -> None:
    office.click("U_OPS", "approval.deny", shown)
    (opened,) = office.slack.of("views.open")
    assert "deny.submit" in str(opened["view"])
    assert shown in str(opened["view"])
    assert errors_of(office.submit("U_OPS", "deny.submit", shown, {"reason": "month end"})) == {}
    row = office.row(tables.Plan, "plan-abc")
    assert (row.state, row.outcome) == ("denied", "month end")


def test_an_outsiders_denial_is_refused_in_the_modal_and_may_be_tried_again(
    office: Office, shown: str
) -> None:
    for _ in range(2):
        answer = errors_of(office.submit("U_OUT", "deny.submit", shown, {"reason": "no"}))
        assert answer["response_action"] == "errors"
        assert answer["errors"]["reason"].startswith("Only the approvers")
    assert office.row(tables.Plan, "plan-abc").state == "pending"
    assert office.events().count(("deny.refuse", "U_OUT")) == 2


def test_an_approver_cancels_before_it_runs(office: Office, shown: str) -> None:
    office.click("U_OPS", "approval.approve", shown)
    office.click("U_TWO", "approval.cancel", shown)
    assert office.row(tables.Plan, "plan-abc").state == "cancelled"


def test_undo_of_what_never_ran_is_refused_in_words(office: Office, shown: str) -> None:
    office.click("U_OPS", "approval.undo", shown)
    assert office.whispers() == [("U_OPS", "There is nothing to undo: this plan is pending.")]


def test_a_refusal_at_the_home_is_told_in_the_persons_own_conversation(office: Office, shown: str) -> None:
    assert office.click_at_home("U_ANN", "approval.approve", shown).status == 200
    (said,) = office.messages()
    assert (said.kind, said.channel) == ("post", "U_ANN")


def test_a_forged_signature_reaches_no_listener(office: Office) -> None:
    body = click("approval.approve", "plan-abc:x", person="U_OPS")
    answer = office.app.dispatch(BoltRequest(body=body, headers={**signed(body, clock(), "another")}))
    assert answer.status == 401
    assert office.messages() == []
