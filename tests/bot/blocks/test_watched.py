"""What people read of a source that is late, silent or shrunk, and when it is over."""

from datetime import timedelta

import pytest

from bot.blocks import watched
from storage import tables
from tests.bot.blocks import oracle, samples


def read(row: tables.Watched) -> tuple[str, str]:
    text, blocks = watched.draw(row)
    oracle.message(text, blocks)
    return text, oracle.read(blocks)


def test_a_late_source_says_what_is_usual_and_what_to_look_at() -> None:
    text, said = read(samples.watched())
    assert text == "aws-prod is late"
    assert "*The last delivery* came <!date^" in said
    assert "Usually the next one is there within 30 hours. The newest day is 14 Nov." in said
    assert "Look at the export at the provider" in said
    assert "`bursar deliveries --source aws-prod`" in said


@pytest.mark.parametrize(
    ("learned", "limit", "expected"),
    [(False, 36, "within 36 hours."), (True, 174, "within 8 days, as usual for this source.")],
)
def test_a_silent_source_says_its_newest_day(learned: bool, limit: int, expected: str) -> None:
    details = {"limit": limit * 3600, "learned": learned, "day": "2026-11-14"}
    text, said = read(samples.watched("silent", details=details))
    assert text == "aws-prod is silent"
    assert "*The newest day*, 14 Nov, came" in said
    assert f"A new day is expected {expected}" in said


def test_a_bill_that_became_less_shows_old_and_new_by_currency() -> None:
    text, said = read(samples.watched("shrunk"))
    assert text == "aws-prod has become less"
    assert "*Account 1001, November 2026*" in said
    for line in (
        "• rows: 5,000 → 4,500 (−10 %)",
        "• BilledCost: €1,000.00 → €0.00 (−100 %)",
        "• EffectiveCost: €1,200.50 → €0.00 (−100 %)",
        "• BilledCost: $1,000.00 → $900.00 (−10 %)",
        "• EffectiveCost: $1,200.50 → $1,210.00 (+1 %)",
    ):
        assert line in said
    assert "It was imported all the same. More than 2 % less" in said


@pytest.mark.parametrize("condition", ["late", "silent", "shrunk"])
def test_what_is_over_says_so_and_asks_for_nothing(condition: str) -> None:
    text, said = read(samples.watched(condition, ended_at=samples.NOW + timedelta(hours=1)))
    assert text == "aws-prod is back to normal"
    assert "*Back to normal* since" in said
    assert "Look at the export" not in said
    assert "all the same" not in said


def test_no_account_and_no_source_can_ping_a_channel() -> None:
    row = samples.watched("shrunk", source=samples.PING)
    row.details = {**row.details, "account": samples.PING}
    text, blocks = watched.draw(row)
    assert not [word for word in [text, *oracle.words(blocks)] if "<!channel>" in word or "<@U_BOSS>" in word]
