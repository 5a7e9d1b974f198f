"""The modals of a decision: what each tier asks for before a yes or a no counts."""

from dataclasses import replace
from typing import Any

import pytest

from actions.plan import Plan, Tier
from bot.blocks import consent, modals, plan
from tests.bot.blocks import oracle, samples

TWO: Plan = samples.plan(tier=Tier.T2)
THREE: Plan = samples.plan(tier=Tier.T3)


def inputs(view: dict[str, Any]) -> dict[str, Any]:
    return {block["block_id"]: block for block in view["blocks"] if block["type"] == "input"}


@pytest.mark.parametrize("one", [TWO, THREE])
def test_a_yes_names_what_would_be_done_and_asks_for_a_reason(one: Plan) -> None:
    view = consent.approve(one)
    oracle.view(view)
    assert one.title in oracle.read(view)
    assert not inputs(view)[modals.REASON].get("optional")
    assert (view["callback_id"], view["private_metadata"]) == ("approve.submit", plan.pointer(one))


def test_a_yes_to_a_deletion_in_production_asks_for_a_phrase_and_a_code_as_well() -> None:
    asked = inputs(consent.approve(THREE))
    assert list(asked) == [modals.REASON, consent.TYPED, consent.CODE]
    assert asked[consent.TYPED]["label"]["text"] == f"Type: delete {len(THREE.targets)}"
    assert list(inputs(consent.approve(TWO))) == [modals.REASON]


@pytest.mark.parametrize(("tier", "optional"), [(Tier.T1, True), (Tier.T2, False), (Tier.T3, False)])
def test_a_no_needs_a_reason_from_tier_two_on(tier: Tier, optional: bool) -> None:
    view = consent.deny(samples.plan(tier=tier))
    oracle.view(view)
    assert inputs(view)[modals.REASON].get("optional", False) is optional
    assert view["callback_id"] == "deny.submit"


def test_what_a_person_wrote_pings_nobody() -> None:
    hostile = replace(TWO, title="<!channel> & <@U_X>", reason="<!here>")
    view = consent.approve(hostile)
    oracle.view(view)
    assert "<!" not in str(view)
