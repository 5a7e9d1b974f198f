"""How long a Keep holds, and who may end it against its keeper's will."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from actions import say
from actions.plan import Plan
from spend.errors import Refused
from tests.actions.world import NOW

TODAY = NOW.date()


def test_a_keep_holds_to_the_midnight_of_its_day_where_its_people_are() -> None:
    assert say.end_of(TODAY, NOW, "UTC") == datetime(2026, 6, 18, tzinfo=UTC)
    assert say.end_of(TODAY, NOW, "Europe/Berlin") == datetime(2026, 6, 17, 22, tzinfo=UTC)
    assert say.end_of(TODAY + say.LONGEST, NOW, "UTC").date() == date(2026, 9, 16)


def test_the_end_of_a_keep_is_told_in_utc() -> None:
    until = say.end_of(TODAY, NOW, "Europe/Berlin")
    assert say.kept_by("U_ANN", until, "load test") == (
        "kept by <@U_ANN> until 2026-06-17 22:00 UTC: load test"
    )


@pytest.mark.parametrize("days", [-1, 91])
def test_a_keep_neither_ended_before_nor_lasts_for_ever(days: int) -> None:
    with pytest.raises(Refused, match=r"^Choose a day between 2026-06-17 and 2026-09-15\.$"):
        say.end_of(TODAY + timedelta(days=days), NOW, "UTC")


def test_today_is_the_day_of_the_people_and_not_of_the_machine() -> None:
    evening = datetime(2026, 6, 17, 23, tzinfo=UTC)  # past midnight in Berlin, and afternoon in New York
    with pytest.raises(Refused, match="between 2026-06-18"):
        say.end_of(TODAY, evening, "Europe/Berlin")
    assert say.end_of(TODAY, evening, "America/New_York") == datetime(2026, 6, 18, 4, tzinfo=UTC)


def override(plan: Plan, **changes: Any) -> None:
    given = {"keeper": "U_KEEP", "actor": "U_ANN", "reason": "it burns money", **changes}
    say.admit_override(plan, given.pop("voted", ["U_BOB"]), **given)


@pytest.mark.case("T48")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"actor": "U_EVE"},
            "Only the approvers named on the card may override a Keep; nothing was changed.",
        ),
        ({"actor": "U_REQ"}, "You asked for this, so somebody else has to override the Keep."),
        ({"keeper": "U_ANN"}, "You keep this yourself: release it in Bursar's Home."),
        (
            {"voted": []},
            "A Keep falls to a second approver: somebody else has to approve this plan first.",
        ),
        (
            {"voted": ["U_ANN", "U_REQ", "U_EVE"]},
            "A Keep falls to a second approver: somebody else has to approve this plan first.",
        ),
        ({"reason": " too short "}, "Say why in at least 10 characters; the owner reads it."),
    ],
)
def test_nobody_ends_a_keep_alone_or_without_a_reason(plan: Plan, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=f"^{re.escape(said)}$"):
        override(plan, **changes)


def test_a_second_approver_ends_a_keep_with_a_reason_of_ten_characters(plan: Plan) -> None:
    override(plan)
    override(plan, reason="0123456789")
