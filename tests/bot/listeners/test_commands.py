"""`/bursar` and the App Home."""

import json

import pytest

from storage import tables
from tests.bot.listeners.talking import Office
from tests.bot.world import until


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("", "/bursar spend"),
        ("help", "/bursar spend"),
        ("nonsense", "/bursar spend"),
        ("spend", "Checkout"),
        (" Findings ", "Amazon EC2 in platform-dev is above what is usual"),
        ("approvals", "Nothing waits for you."),
    ],
)
def test_the_command_answers_this_person_alone(office: Office, word: str, said: str) -> None:
    answer = office.command("U_ANN", word)
    assert answer["response_type"] == "ephemeral"
    assert said in json.dumps(answer["blocks"], ensure_ascii=False)
    assert answer["text"]


def test_an_approver_finds_their_buttons_in_the_answer(office: Office) -> None:
    answer = json.dumps(office.command("U_OPS", "approvals"))
    assert "approval.approve" in answer
    assert "plan-abc:" in answer


def test_an_outsider_sees_no_money(office: Office) -> None:
    for word in ("spend", "findings", "approvals"):
        assert "$" not in json.dumps(office.command("U_OUT", word), ensure_ascii=False)


@pytest.mark.case("T37", "V16.3.3")
def test_the_kill_switch_is_thrown_from_slack_by_an_approver_with_a_reason(office: Office) -> None:
    for who, words in (("U_OUT", "on storm"), ("U_OPS", "on"), ("U_OPS", "now!"), ("U_OPS", "")):
        office.command(who, f"kill-switch {words}".strip())
    assert office.row(tables.Switch, "kill") is None
    told = [text for _, text in office.whispers()]
    assert [text.split()[0] for text in told] == ["Only", "Say", "Say", "Say"]
    assert office.command("U_OPS", "Kill-Switch  ON odd <bills>")["text"] == "The kill switch is on."
    assert office.row(tables.Switch, "kill").on
    office.command("U_TWO", "kill-switch off explained")
    assert not office.row(tables.Switch, "kill").on
    assert office.events() == [
        *[("command.refuse", "U_OUT"), *[("command.refuse", "U_OPS")] * 3],
        *[("switch.on", "U_OPS"), ("switch.off", "U_TWO")],
    ]
    heard = [row.args["text"] for row in office.messages() if row.channel == "C_ONCALL"]
    assert heard == [
        "The kill switch is on: no remediation makes another call. Thrown by <@U_OPS>: odd <bills>",
        "The kill switch is off: approved plans run again. Thrown by <@U_TWO>: explained",
    ]


def test_opening_the_home_queues_it_once_per_event(office: Office) -> None:
    for _ in range(3):
        assert office.home("U_ANN", event="Ev1").status == 200
    office.home("U_SAM")
    until(lambda: len(office.messages()) == 2)  # Slack is answered before the listener runs
    assert {(row.kind, row.person, row.wanted) for row in office.messages()} == {
        ("home", "U_ANN", 1),
        ("home", "U_SAM", 1),
    }


def test_the_messages_tab_draws_no_home(office: Office) -> None:
    office.home("U_ANN", tab="messages")
    office.home("U_SAM")
    until(lambda: len(office.messages()) > 0)
    assert [row.person for row in office.messages()] == ["U_SAM"]
