"""The finance thread of a dispute, before and after the ruling."""

from decimal import Decimal

import pytest
from hypothesis import given, settings

from bot.blocks import dispute
from tests.bot.blocks import oracle
from tests.bot.blocks.samples import NOW, ORG
from tests.bot.blocks.samples import dispute as row
from tests.bot.blocks.test_digest import NAMES

TO = {"kind": "split", "share": "33.5", "to": "search"}


def drawn(**changes: object) -> tuple[str, list[dict[str, object]]]:
    text, blocks = dispute.first(row(**changes), ORG)
    oracle.message(text, blocks)
    return oracle.read(blocks), blocks


def test_an_open_dispute_shows_who_what_why_and_the_evidence() -> None:
    said, blocks = drawn()
    for part in (
        "<@U_ANN> disputes *$812.40* of *Checkout*: Amazon EC2 · worker-7\n>This box runs the search index.",
        "*Charged by the rule:* tag team",
        "*They say that it* belongs to Search.",
        "• worker-0: $270.80",
        "the invoice says $900.00 (BilledCost)",
    ):
        assert part in said
    assert [label for label, _ in oracle.buttons(blocks)] == ["Uphold", "Reject", "Split", "Withdraw"]
    assert {value for _, value in oracle.buttons(blocks)} == {"dispute-1"}


def test_a_restated_dispute_says_what_a_ruling_moves_now() -> None:
    now = {"effective": "800", "billed": "880", "entries": {}, "snapshots": [], "number": 2}
    said, blocks = drawn(selection={**row().selection, "now": now})
    assert "disputes *$812.40* of *Checkout*" in said
    assert "*The bill was restated since:* this charge is $800.00 now" in said
    assert {value for _, value in oracle.buttons(blocks)} == {"dispute-1:2"}
    settled, _ = drawn(selection={**row().selection, "now": now}, state="upheld", ruled_by="U_FIN", ruling=TO)
    assert "<@U_FIN> upheld it: $800.00 moves from Checkout to Search." in settled
    told = {"old": {"effective": "812.405", "billed": "880"}, "new": now}
    assert dispute.restated(row(), told) == (
        "The bill was restated, and with it this charge. EffectiveCost: $812.40 → *$800.00*. "
        "A ruling moves what it is now."
    )


def test_lines_that_are_not_shown_are_summed_so_that_the_amount_is_whole() -> None:
    lines = [{"resource": f"r{n}", "amount": "10"} for n in range(15)]
    said, _ = drawn(selection={"lines": lines}, effective=Decimal(150))
    assert "• everything else: $50.00" in said


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("upheld", "*Settled.* <@U_FIN> upheld it: $812.40 moves from Checkout to Search."),
        ("rejected", "*Settled.* <@U_FIN> rejected it: $812.40 stays with Checkout."),
        ("split", "*Settled.* <@U_FIN> split it: 33.5 % of $812.40 moves from Checkout to Search."),
        ("withdrawn", "*Settled.* <@U_FIN> withdrew it: $812.40 stays with Checkout."),
    ],
)
def test_a_ruling_is_told_in_one_sentence_and_takes_the_buttons_away(state: str, said: str) -> None:
    ruled = {"state": state, "ruled_by": "U_FIN", "ruled_at": NOW, "ruling": TO}
    text, blocks = drawn(**ruled)
    assert said in text
    assert not oracle.buttons(blocks)
    told = dispute.told(row(**ruled), ORG)
    assert told.startswith("The dispute of Checkout over Amazon EC2 · worker-7 is settled. <@U_FIN>")


def test_without_a_proposed_team_the_charge_would_belong_to_nobody() -> None:
    said, _ = drawn(proposed_team=None)
    assert "*They say that it* is not theirs." in said
    upheld, _ = drawn(proposed_team=None, state="upheld", ruled_by="U_FIN", ruling={"kind": "uphold"})
    assert "moves from Checkout to nobody." in upheld


@settings(max_examples=40, deadline=None)
@given(NAMES)
def test_any_dispute_fits_and_pings_nobody_but_the_opener(name: str) -> None:
    lines = [{"resource": name, "usage_type": name + "x", "amount": "3"}] * 50
    selection = {"service": name, "resource": name, "account": name, "lines": lines}
    _, blocks = drawn(reason=name * 5, rule=name, team=name, proposed_team=name, selection=selection)
    assert not [words for words in oracle.words(blocks) if "<" in words.replace("<@U_ANN>", "")]
