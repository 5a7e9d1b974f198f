"""`/bursar` and the App Home."""

import json

import pytest

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
