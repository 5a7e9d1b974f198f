"""Spans of days: half-open, in order, Monday to Monday."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spend.period import DAY, Period, month_of, week_of

days = st.dates(date(2000, 1, 1), date(2100, 1, 1))


@given(days)
def test_every_day_lies_in_its_week_and_its_month(day: date) -> None:
    for span in (week_of(day), month_of(day)):
        assert day in span
        assert span.end not in span
        assert day in list(span.days())


@given(days)
def test_a_week_begins_on_monday_and_has_seven_days(day: date) -> None:
    week = week_of(day)
    assert (week.start.weekday(), len(week)) == (0, 7)
    assert week.before() == week_of(week.start - DAY)


@given(days)
def test_a_month_ends_where_the_next_one_begins(day: date) -> None:
    month = month_of(day)
    assert month.start.day == month.end.day == 1
    assert month_of(month.end - DAY) == month


def test_the_month_of_a_leap_day_has_29_days() -> None:
    assert len(month_of(date(2028, 2, 29))) == 29


@pytest.mark.parametrize("end", [date(2026, 9, 1), date(2026, 8, 31)])
def test_a_period_that_ends_before_it_begins_is_refused(end: date) -> None:
    with pytest.raises(ValueError, match="must end after it starts"):
        Period(date(2026, 9, 1), end)
