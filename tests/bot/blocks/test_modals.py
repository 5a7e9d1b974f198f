"""The modals: skeletons at once, filled later, refusals in words."""

from typing import Any

import pytest
from hypothesis import given, settings

from bot.blocks import modals
from tests.bot.blocks import oracle
from tests.bot.blocks.samples import ORG
from tests.bot.blocks.test_digest import NAMES

CLAIM: dict[str, Any] = {
    "digest": "digest-1",
    "item": 2,
    "account": "platform-dev",
    "service": "Amazon S3",
    "resource": "logs-2",
    "amount": "31.20",
    "currency": "USD",
    "lines": [{"resource": "TimedStorage", "amount": "30"}],
    "also": [{"resource": "logs-7", "amount": "3.10"}, {"resource": "logs-8", "amount": "4"}],
    "error": None,
}
DISPUTE: dict[str, Any] = {
    "digest": "digest-1",
    "item": 0,
    "name": "Amazon EC2 · worker-7",
    "rule": "tag team",
    "currency": "USD",
    "effective": "812.40",
    "lines": [{"resource": "worker-7", "usage_type": "BoxUsage:m5.large", "amount": "812.40"}],
    "teams": ["checkout", "search"],
    "error": None,
}


def test_a_claim_shows_what_it_takes_and_what_the_wide_rule_would_take_too() -> None:
    view = modals.claim(CLAIM)
    oracle.view(view)
    said = oracle.read(view)
    for part in (
        "Nobody owns *Amazon S3 · logs-2* in account platform-dev yet. This week it cost:",
        "• TimedStorage: *$30.00*",
        "• everything else: *$1.20*",
        "In all: *$31.20*",
        "owned by nobody ($7.10)",
        "• logs-8: $4.00",
        "This and 2 other charges of its service",
    ):
        assert part in said
    assert (view["callback_id"], view["private_metadata"]) == ("claim.submit", "digest-1:2")


def test_a_claim_of_the_only_one_asks_nothing_more() -> None:
    view = modals.claim({**CLAIM, "also": []})
    oracle.view(view)
    assert not [block for block in view["blocks"] if block["type"] == "input"]
    assert view["submit"]["text"] == "Claim"


def test_a_dispute_shows_its_lines_and_asks_whose_it_is_and_why() -> None:
    view = modals.dispute(DISPUTE, ORG)
    oracle.view(view)
    said = oracle.read(view)
    assert "• worker-7 · BoxUsage:m5.large: *$812.40*" in said
    assert "It is charged to you by the rule: tag team" in said
    inputs = {block["block_id"]: block for block in view["blocks"] if block["type"] == "input"}
    assert inputs[modals.TEAM]["optional"]
    assert not inputs[modals.REASON].get("optional")
    assert [option["value"] for option in inputs[modals.TEAM]["element"]["options"]] == ["checkout", "search"]


@pytest.mark.parametrize("fill", [modals.claim, lambda args: modals.dispute(args, ORG)])
def test_a_look_up_that_ended_in_a_no_says_it_and_takes_no_submission(fill: Any) -> None:
    view = fill({"error": "Only an owner of <search> can do this; nothing was changed."})
    oracle.view(view)
    assert "Only an owner of <search> can do this" in oracle.read(view)
    assert "submit" not in view


def test_the_skeleton_and_the_small_questions_are_valid_modals() -> None:
    for view in (
        modals.skeleton("Claim a charge"),
        modals.split("dispute-1"),
        modals.pick("digest-1", [(0, "EC2 +$1.00"), (1, "a" * 300)]),
        modals.pick("digest-1", []),
    ):
        oracle.view(view)


@settings(max_examples=40, deadline=None)
@given(NAMES)
def test_any_modal_fits_and_pings_nobody(name: str) -> None:
    lines = [{"resource": name, "usage_type": name, "amount": "1"}] * 50
    args = {**CLAIM, "service": name, "resource": name, "account": name, "lines": lines, "also": lines}
    for view in (
        modals.claim(args),
        modals.dispute({**DISPUTE, "lines": lines, "rule": name, "name": name}, ORG),
        modals.pick("digest-1", [(n, name) for n in range(150)]),
        modals.failed(name, name),
    ):
        oracle.view(view)
        assert not [words for words in oracle.words(view) if "<" in words]
