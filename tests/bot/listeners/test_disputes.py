"""Ruling on a dispute."""

from decimal import Decimal

import pytest

from storage import tables
from tests.bot.listeners.talking import Office, errors_of


def test_finance_rejects_and_everybody_is_told(office: Office) -> None:
    office.click("U_FIN", "dispute.reject", "dispute-1")
    row = office.row(tables.Dispute, "dispute-1")
    assert (row.state, row.ruled_by) == ("rejected", "U_FIN")
    told = [message.channel for message in office.messages() if message.template == "dispute_ruled"]
    assert sorted(map(str, told)) == ["C_CHECKOUT", "C_FINANCE", "C_SEARCH"]


def test_the_opener_cannot_rule_even_from_finance(office: Office) -> None:
    office.click("U_ANN", "dispute.uphold", "dispute-1")
    assert office.row(tables.Dispute, "dispute-1").state == "open"
    assert office.whispers()[0][1].startswith("You opened this dispute")


def test_who_is_not_of_finance_cannot_rule(office: Office) -> None:
    office.click("U_SAM", "dispute.reject", "dispute-1")
    assert office.row(tables.Dispute, "dispute-1").state == "open"


def test_split_asks_for_the_percentage(office: Office) -> None:
    office.click("U_FIN", "dispute.split", "dispute-1")
    (opened,) = office.slack.of("views.open")
    assert "split.submit" in str(opened["view"])


@pytest.mark.parametrize("share", ["0", "100", "NaN", "-1", "ten", "1e1"])
def test_what_is_no_share_is_refused_at_its_input(office: Office, share: str) -> None:
    answer = errors_of(office.submit("U_FIN", "split.submit", "dispute-1", {"share": share}))
    assert "percentage" in answer["errors"]["share"]
    assert office.row(tables.Dispute, "dispute-1").state == "open"


def test_the_opener_withdraws_and_nobody_else(office: Office) -> None:
    office.click("U_FIN", "dispute.withdraw", "dispute-1")
    assert office.row(tables.Dispute, "dispute-1").state == "open"
    office.click("U_ANN", "dispute.withdraw", "dispute-1")
    assert office.row(tables.Dispute, "dispute-1").state == "withdrawn"


@pytest.mark.parametrize("pointer", ["dispute-1:1", "dispute-1:x"])
def test_a_card_that_shows_another_amount_rules_on_nothing(office: Office, pointer: str) -> None:
    office.click("U_FIN", "dispute.reject", pointer)
    assert office.row(tables.Dispute, "dispute-1").state == "open"
    said = office.whispers()[0][1]
    assert ("Look at it again" if pointer.endswith("1") else "points at nothing") in said


def test_a_percentage_is_read_exactly() -> None:
    from bot.listeners.press import Press

    press = Press("U", "split", "d", None, None, {"share": "33.3"}, lambda _view: "V")
    assert press.percent("share") == Decimal("33.3")
