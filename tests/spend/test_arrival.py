"""What a source is expected to do is learned from what it did."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from spend.arrival import Arrival, Condition, Overdue, Size, filled, learned, overdue, rests, shrunk

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def every(hours: Iterable[int], *, days: bool = True) -> list[Arrival]:
    """A delivery now, and one after each of these hours; each with yesterday's day, or always the same."""
    moments = [NOON]
    for gap in hours:
        moments.append(moments[-1] + gap * HOUR)
    return [Arrival(at, (at if days else NOON).date() - DAY) for at in moments]


def found(arrivals: list[Arrival], after: timedelta) -> dict[Condition, Overdue]:
    """What is wrong so long after the last arrival."""
    return {one.condition: one for one in overdue(arrivals, arrivals[-1].at + after)}


@pytest.mark.parametrize(
    ("last_day", "told", "complete"),
    [
        (date(2026, 5, 31), datetime(2026, 6, 20, tzinfo=UTC), date(2026, 5, 31)),
        (date(2026, 6, 17), datetime(2026, 6, 17, 23, tzinfo=UTC), date(2026, 6, 15)),
        (date(2026, 6, 16), datetime(2026, 6, 17, 1, tzinfo=UTC), date(2026, 6, 15)),
        (date(2026, 6, 15), datetime(2026, 6, 17, 1, tzinfo=UTC), date(2026, 6, 15)),
        (date(2027, 1, 1), datetime(2026, 6, 17, 1, tzinfo=UTC), date(2026, 6, 15)),
    ],
    ids=["a month that is over", "today", "yesterday", "the day before", "a day to come"],
)
def test_a_day_is_complete_two_days_on(last_day: date, told: datetime, complete: date) -> None:
    assert filled(last_day, told) == complete


def test_a_period_rests_when_its_format_says_and_ten_days_on_where_it_says_nothing() -> None:
    assert rests(date(2026, 5, 1), 3) == date(2026, 6, 4)
    assert rests(date(2026, 5, 1), None) == date(2026, 6, 11)


def test_fewer_than_five_gaps_teach_nothing() -> None:
    moments = [NOON + at * DAY for at in range(5)]
    assert learned(moments) is None
    assert learned([*moments, NOON + 5 * DAY]) == 30 * HOUR


def test_the_limit_is_the_gap_that_95_of_100_do_not_exceed_and_six_hours() -> None:
    gaps = [8] * 19 + [100]
    assert learned([one.at for one in every(gaps)]) == 14 * HOUR
    assert learned([one.at for one in every([*gaps[1:], 100])]) == 106 * HOUR


def test_only_the_newest_gaps_count() -> None:
    assert learned([one.at for one in every([100] * 40 + [8] * 60)]) == 14 * HOUR


def test_a_source_is_late_once_it_is_past_what_it_learned() -> None:
    daily = every([24] * 6)
    assert found(daily, 30 * HOUR) == {}
    late = found(daily, 31 * HOUR)[Condition.LATE]
    assert (late.last, late.limit, late.learned) == (daily[-1].at, 30 * HOUR, True)


def test_with_few_deliveries_only_36_hours_count() -> None:
    few = every([24] * 4)
    assert found(few, 36 * HOUR) == {}
    (silent,) = found(few, 36 * HOUR + HOUR).values()
    assert (silent.condition, silent.limit, silent.learned) == (Condition.SILENT, 36 * HOUR, False)


def test_a_source_that_repeats_itself_without_a_new_day_is_silent() -> None:
    stuck = every([8] * 6, days=False)
    assert found(stuck, HOUR)[Condition.SILENT].last == NOON


def test_a_source_that_has_learned_to_be_slow_is_not_silent_between_two_deliveries() -> None:
    weekly = every([7 * 24] * 6)
    assert found(weekly, 7 * DAY) == {}
    assert set(found(weekly, 7 * DAY + 7 * HOUR)) == {Condition.LATE, Condition.SILENT}


def test_nobody_waits_for_the_next_delivery_after_an_archive() -> None:
    old = [Arrival(NOON, date(2025, 12, 31))]
    assert found(old, 99 * DAY) == {}
    assert list(overdue([], NOON)) == []


def test_a_correction_of_the_past_is_no_sign_of_life() -> None:
    daily = every([24] * 6)
    later = [*daily, Arrival(daily[-1].at + 30 * HOUR, date(2026, 3, 31))]
    assert set(found(later, HOUR)) == {Condition.LATE}


BEFORE = Size(1000, {("EUR", "billed_cost"): Decimal(50), ("USD", "billed_cost"): Decimal("100.00")})


@pytest.mark.parametrize(
    ("rows", "euros", "dollars", "less"),
    [
        (1000, "50", "98.00", False),
        (1000, "50", "97.99", True),
        (980, "50", "100", False),
        (979, "50", "200", True),
        (1000, "0", "1000", True),
        (2000, "60", "100", False),
    ],
)
def test_a_bill_has_shrunk_by_more_than_two_percent_of_rows_or_of_one_currency(
    rows: int, euros: str, dollars: str, less: bool
) -> None:
    money = {("EUR", "billed_cost"): Decimal(euros), ("USD", "billed_cost"): Decimal(dollars)}
    assert shrunk(BEFORE, Size(rows, money)) is less


def test_a_currency_that_is_gone_has_shrunk_and_a_credit_that_grew_has_not() -> None:
    assert shrunk(BEFORE, Size(1000, {("USD", "billed_cost"): Decimal(100)}))
    credit = Size(1, {("USD", "billed_cost"): Decimal(-5)})
    assert not shrunk(credit, Size(1, {("USD", "billed_cost"): Decimal(-9)}))
