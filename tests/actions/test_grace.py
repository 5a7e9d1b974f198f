"""Two-phase reclaim: the days of grace between the mark and the deletion."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions import grace
from actions.base import RECLAIM_TAG
from actions.hours import is_holiday
from runbooks.schema import Grace
from tests.storage.rows import target

USUAL = Grace()
FRIDAY = date(2026, 12, 18)


def marked(day: str | None) -> str | None:
    volume = target("vol-1", tags={} if day is None else {RECLAIM_TAG: day})
    return grace.against(volume, USUAL, date(2026, 6, 17), owned=True, place=None)


@pytest.mark.parametrize("day", [None, "", "withdrawn", "soon", "2026-13-01", "20260101x"])
def test_what_carries_no_day_is_not_marked(day: str | None) -> None:
    assert marked(day) == "it is not marked for deletion yet"


def test_before_its_time_the_first_day_of_deleting_is_named() -> None:
    assert marked("2026-06-15") == "it is marked since 2026-06-15 and may be deleted from 2026-06-24 on"
    assert marked("2026-06-08") is None
    assert marked("2026-06-09") == "it is marked since 2026-06-09 and may be deleted from 2026-06-18 on"


def test_the_holidays_of_its_people_put_the_first_day_off() -> None:
    volume = target("vol-1", tags={RECLAIM_TAG: FRIDAY.isoformat()})
    said = "it is marked since 2026-12-18 and may be deleted from 2026-12-30 on"
    assert grace.against(volume, USUAL, date(2026, 12, 29), owned=True, place="DE") == said
    assert grace.against(volume, USUAL, date(2026, 12, 29), owned=True, place=None) is None


def test_a_mark_in_the_future_shortens_nothing() -> None:
    assert marked("2027-01-01") is not None


@pytest.mark.parametrize(
    ("place", "over"),
    [
        (None, date(2026, 12, 29)),  # two week-ends
        ("DE", date(2026, 12, 30)),  # and Christmas Day, a Friday
        ("US", date(2026, 12, 30)),
        ("DE-BY", date(2026, 12, 30)),
    ],
)
def test_week_ends_and_public_holidays_are_no_business_days(place: str | None, over: date) -> None:
    assert grace.over_on(FRIDAY, USUAL, owned=True, place=place) == over


def test_without_an_owner_the_longer_time_counts_in_days() -> None:
    assert grace.over_on(FRIDAY, USUAL, owned=False, place="DE") == date(2027, 1, 1)


@given(
    st.dates(date(2020, 1, 1), date(2040, 1, 1)),
    st.integers(1, 60),
    st.sampled_from([None, "DE", "US"]),
)
def test_as_many_business_days_lie_between_as_the_runbook_says(
    day: date, days: int, place: str | None
) -> None:
    over = grace.over_on(day, Grace(business_days=days), owned=True, place=place)
    between = [day + timedelta(days=n) for n in range(1, (over - day).days + 1)]
    assert sum(one.weekday() < 5 and not is_holiday(place, one) for one in between) == days
    assert over.weekday() < 5
