"""The notice of a finding: what, how much, since when, why, and what people said."""

from decimal import Decimal

import pytest
from hypothesis import given, settings

from bot.blocks import finding
from tests.bot.blocks import oracle
from tests.bot.blocks.samples import ORG
from tests.bot.blocks.samples import finding as row
from tests.bot.blocks.test_digest import NAMES, value_of

IDLE = {
    "kind": "idle",
    "title": "7 idle instances",
    "amount": Decimal("408.80"),
    "details": {
        "runbook": "stop-idle-dev",
        "plan": None,
        "resources": [
            {
                "id": f"i-{n}",
                "name": f"dev-{n}",
                "account": "1",
                "monthly_cost": "40.88",
                "why": "CPU below 2 %",
            }
            for n in range(10)
        ],
    },
}


def drawn(**changes: object) -> tuple[str, list[dict[str, object]]]:
    text, blocks = finding.notice(row(**changes), ORG)
    oracle.message(text, blocks)
    return oracle.read(blocks), blocks


def test_an_anomaly_says_what_how_much_above_and_since_when() -> None:
    said, _ = drawn()
    for part in (
        "Amazon EC2 in platform-dev is above what is usual",
        "*$812.40 above expected* (+310 %), since 12 Nov, counted through 15 Nov.",
        "It cost $1,074.10; usual would have been $261.70.",
        "Amazon EC2 · account platform-dev · team Checkout",
    ):
        assert part in said


def test_the_lines_and_the_rest_add_up_to_the_excess_as_displayed() -> None:
    said, _ = drawn()
    lines = [line for line in said.split("\n") if line.startswith("• ")]
    assert lines[-1] == "• everything else: *+$12.07*"
    assert sum(value_of(line.rsplit("*", 2)[1]) for line in lines) == Decimal("812.40")


def test_idle_things_are_listed_with_their_cost_and_the_evidence() -> None:
    said, _ = drawn(**IDLE)
    assert "*$408.80 a month* could be saved. Seen since 12 Nov." in said
    assert "• *dev-0* · $40.88 a month\n    CPU below 2 %" in said
    assert "… and 2 more" in said


@pytest.mark.parametrize(
    ("state", "labels", "said"),
    [
        ("open", ["Expected", "Investigating", "Not mine", "Act"], ""),
        ("investigating", ["Expected", "Not mine", "Act"], "<@U_ANN> is looking into it."),
        ("expected", [], "<@U_ANN> says that this is expected. Closed."),
        ("not_mine", [], "<@U_ANN> says that this is not theirs."),
        ("resolved", [], "Settled: nothing is left to do here."),
    ],
)
def test_the_notice_follows_what_people_pressed(state: str, labels: list[str], said: str) -> None:
    text, blocks = drawn(state=state, answered_by=None if state == "open" else "U_ANN")
    assert [label for label, _ in oracle.buttons(blocks)] == labels
    assert {value for _, value in oracle.buttons(blocks)} <= {"finding-1"}
    assert said in text


def test_a_finding_with_a_plan_is_acted_on_at_its_card_only() -> None:
    details = {**IDLE["details"], "plan": "plan-1"}  # type: ignore[dict-item]  # it is a mapping
    said, blocks = drawn(**{**IDLE, "details": details})
    assert "Act" not in [label for label, _ in oracle.buttons(blocks)]
    assert "A remediation is proposed; its approvers decide it on its card." in said


def test_what_no_team_owns_says_so() -> None:
    said, _ = drawn(team=None)
    assert "no team owns it yet" in said


@settings(max_examples=40, deadline=None)
@given(NAMES)
def test_any_notice_fits_and_pings_nobody(name: str) -> None:
    resources = [{"id": name, "name": name, "monthly_cost": "1", "why": name}] * 40
    lines = [{"where": {"service": name, "resource": name}, "delta": "1"}] * 9
    for kind, lists in (("anomaly", {"lines": lines}), ("orphan", {"resources": resources})):
        details = {"account": name, "service": name, **lists}
        _, blocks = drawn(kind=kind, title=name, details=details, team=name)
        assert not [words for words in oracle.words(blocks) if "<" in words]
