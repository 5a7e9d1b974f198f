"""A health query: what holds, in which moments, and what counts as an answer."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from actions.errors import Unreadable
from actions.health import HealthQueries, HealthQuery
from tests.actions.world import NOW

LATER = NOW + timedelta(minutes=2)


def queries(*bad: datetime, silent: datetime | None = None) -> tuple[HealthQueries, list[datetime]]:
    """A monitoring that shows 1 in the bad moments, 0 in the others, and none in one."""
    asked: list[datetime] = []

    def value(query: str, at: datetime) -> Decimal:
        assert query == "errors"
        asked.append(at)
        if at == silent:
            raise Unreadable("no series")
        return Decimal(at in bad)

    return HealthQueries({"errors": HealthQuery("errors", "< 0.5")}, value), asked


def test_every_half_minute_is_asked_the_last_one_first_and_both_ends_too() -> None:
    health, asked = queries()
    assert health.against("errors", NOW, LATER) is None
    assert [int((at - NOW).total_seconds()) for at in asked] == [120, 90, 60, 30, 0]


def test_a_bad_moment_in_the_middle_is_found_though_it_is_well_again() -> None:
    bad = NOW + timedelta(seconds=60)
    health, _ = queries(bad)
    assert health.against("errors", NOW, LATER) == (
        "the health query errors was 1 at 12:01:00 UTC, and must be < 0.5"
    )


def test_a_moment_without_an_answer_is_a_bad_one() -> None:
    health, _ = queries(silent=NOW)
    assert health.against("errors", NOW, LATER) == (
        "the health query errors has no answer for 12:00:00 UTC: no series"
    )


def test_a_query_that_nobody_defined_does_not_hold() -> None:
    health, asked = queries()
    assert health.against("latency", NOW, NOW) == "the health query latency is not in the settings"
    assert asked == []


@pytest.mark.parametrize(
    ("holds", "good", "bad"),
    [
        ("< 0.05", "0.0499", "0.05"),
        ("<= 0.05", "0.05", "0.0501"),
        ("> 10", "10.1", "10"),
        (">= 10", "10", "9.9"),
        ("> -1", "0", "-1"),
        ("< 1", "0", "NaN"),
        ("< 1", "0", "-Infinity"),
    ],
)
def test_a_comparison_is_exact_and_what_is_no_number_never_holds(holds: str, good: str, bad: str) -> None:
    query = HealthQuery("q", holds)
    assert query.held_by(Decimal(good))
    assert not query.held_by(Decimal(bad))


@pytest.mark.parametrize("holds", ["", "0.05", "<0.05", "== 1", "< 1 or true", "< ٣", "< 1e3", "< NaN"])
def test_what_is_no_comparison_is_refused(holds: str) -> None:
    with pytest.raises(
        ValueError, match=r'^write what holds as a comparison with a number, such as "< 0\.05" or ">= 1"$'
    ):
        HealthQuery("q", holds)
