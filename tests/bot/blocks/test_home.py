"""The App Home and the answers of `/bursar`."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.blocks import home
from flows.estimating import Told
from flows.org import Team
from flows.overview import Overview, TeamLook
from spend.estimate import Accuracy, Coverage, Estimated
from tests.bot.blocks import oracle
from tests.bot.blocks.samples import NOW, ORG, finding, overview, plan

NOTHING = Overview((), (), (), ())


def test_the_home_shows_spend_approvals_findings_disputes_and_help() -> None:
    page = home.page(overview(), ORG, NOW)
    oracle.view(page)
    said = oracle.read(page)
    for part in (
        "*Checkout* · complete through 15 Nov",
        "*$21,310.40* this month so far; $9,214.77 in the last 7 days (+$624.53, 7 %)",
        "*Stop idle development instances* · 7 targets · saves about $408.80 a month",
        "*Amazon EC2 in platform-dev is above what is usual*: $812.40, since 12 Nov · Checkout",
        "Checkout disputes $812.40, opened by <@U_ANN>",
        "`/bursar help`",
    ):
        assert part in said
    assert [label for label, _ in oracle.buttons(page["blocks"])] == ["Approve", "Deny", "Ask for one…"]


def test_a_newcomer_without_a_team_is_told_the_way() -> None:
    page = home.page(NOTHING, ORG, NOW)
    oracle.view(page)
    said = oracle.read(page)
    assert "You own no team." in said
    assert "Nothing waits for you." in said
    assert "Nothing is open." in said
    assert oracle.buttons(page["blocks"]) == []


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("spend", "$21,310.40"),
        ("findings", "$812.40"),
        ("approvals", "Approve"),
        ("help", "/bursar spend"),
        ("", "/bursar spend"),
        ("<!channel>", "/bursar spend"),
    ],
)
def test_each_word_of_the_command_is_answered_and_an_unknown_one_with_help(word: str, said: str) -> None:
    text, blocks = home.answer(word, overview(), ORG)
    oracle.message(text, blocks)
    assert said in oracle.read(blocks)


def test_a_team_before_its_first_bill_is_told_so() -> None:
    look = TeamLook(Team("new", "New <team>", "C1", frozenset()), (), None)
    _, blocks = home.answer("spend", overview(teams=(look,)), ORG)
    assert "*New <team>*: no charges yet." in oracle.read(blocks)


def test_what_the_bill_has_not_told_yet_is_one_line_and_called_an_estimate() -> None:
    (look,) = overview().teams
    through, today = NOW.date() - timedelta(days=2), NOW.date()
    since = Told(
        through,
        (Estimated(today, "111", "checkout", "USD", Decimal("812.4"), {"kind": 9}),),
        (Coverage(today, "111", 21, 24, {}),),
        (Accuracy("USD", 7, 4),),
    )
    _, blocks = home.answer("spend", overview(teams=(replace(look, since=since),)), ORG)
    assert (
        "Since 15 Nov: about $812.40 (lately within 4 %), an estimate from what is running with 21 of 24 "
        "hourly looks; the bill has not told yet"
    ) in oracle.read(blocks)
    for nothing in (None, replace(since, days=())):
        _, blocks = home.answer("spend", overview(teams=(replace(look, since=nothing),)), ORG)
        assert "estimate" not in oracle.read(blocks)


def test_a_busy_person_gets_the_costliest_and_a_count_of_the_rest() -> None:
    many = overview(
        waiting=(plan(),) * 40,
        findings=tuple(finding(id=f"f{n}", amount=Decimal(n)) for n in range(40)),
    )
    page = home.page(many, ORG, NOW)
    oracle.view(page)
    said = oracle.read(page)
    assert said.count("… and 32 more") == 2
    assert "$39.00" in said
    assert "$3.00, since" not in said


def test_an_undo_waits_without_a_saving() -> None:
    undo = replace(plan(), undo_of="plan-1")
    _, blocks = home.answer("approvals", overview(waiting=(undo,)), ORG)
    assert "saves about" not in oracle.read(blocks)
