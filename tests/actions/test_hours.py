"""Freezes and business hours in named zones, also on the days on which the clocks are turned."""

from datetime import UTC, datetime

import pytest

from actions.hours import BusinessHours, Freeze, Span
from actions.window import Window

BERLIN = "Europe/Berlin"
WEEK = ("mon", "tue", "wed", "thu", "fri")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def span(start: str, end: str) -> Freeze:
    return Freeze("year end", Span(local(start), local(end), BERLIN))


@pytest.mark.case("T30")
def test_a_freeze_from_day_to_day_begins_and_ends_by_the_clock_of_its_zone() -> None:
    freeze = span("2026-12-19 18:00", "2027-01-07")
    assert freeze.against(utc("2026-12-19 16:59:59")) is None
    said = "the freeze year end is on (2026-12-19 18:00 to 2027-01-07 00:00 Europe/Berlin)"
    assert freeze.against(utc("2026-12-19 17:00")) == said
    assert freeze.against(utc("2027-01-06 22:59:59")) == said
    assert freeze.against(utc("2027-01-06 23:00")) is None


@pytest.mark.case("T30")
@pytest.mark.parametrize(
    ("start", "end", "inside", "outside"),
    [
        # 02:30 does not exist on the last Sunday of March: the freeze is the longer of what it can mean.
        ("2026-03-29 02:30", "2026-03-29 12:00", ["00:30", "01:30"], ["00:29"]),
        ("2026-03-28 12:00", "2026-03-29 02:30", ["00:30", "01:29"], ["01:30"]),
        # 02:30 comes twice on the last Sunday of October.
        ("2026-10-25 02:30", "2026-10-25 12:00", ["00:30", "01:30"], ["00:29"]),
        ("2026-10-24 12:00", "2026-10-25 02:30", ["00:30", "01:29"], ["01:30"]),
    ],
)
def test_where_the_clocks_are_turned_a_freeze_is_never_shorter_than_meant(
    start: str, end: str, inside: list[str], outside: list[str]
) -> None:
    freeze = span(start, end)
    turned = "2026-03-29" if "-03-" in start else "2026-10-25"
    assert all(freeze.against(utc(f"{turned} {clock}")) for clock in inside)
    assert not any(freeze.against(utc(f"{turned} {clock}")) for clock in outside)


@pytest.mark.case("T30")
def test_a_weekly_freeze_covers_the_hour_that_comes_twice_twice() -> None:
    freeze = Freeze("night", Window(("sun",), "02:00", "03:00", BERLIN))
    assert [bool(freeze.against(utc(f"2026-10-25 {clock}"))) for clock in ("00:30", "01:30", "02:00")] == [
        True, True, False,
    ]  # fmt: skip
    assert not freeze.against(utc("2026-03-29 01:00"))  # skipped: 02:00 does not exist on that day


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2026-06-17 12:00", "2026-06-17 12:00"),  # a Wednesday, 14:00 in Berlin
        ("2026-06-17 06:59", "2026-06-17 07:00"),
        ("2026-06-17 15:00", "2026-06-18 07:00"),  # 17:00 is the first moment after
        ("2026-06-19 20:00", "2026-06-22 07:00"),  # over the weekend
        ("2026-03-27 18:00", "2026-03-30 07:00"),  # and over the turn of the clocks: 09:00 is 07:00 UTC now
        ("2026-05-13 18:00", "2026-05-15 07:00"),  # Ascension Day between
        ("2026-12-24 18:00", "2026-12-28 08:00"),  # Christmas, then a weekend
    ],
)
@pytest.mark.case("T30")
def test_business_hours_open_on_the_next_working_day(moment: str, opens: str) -> None:
    hours = BusinessHours(Window(WEEK, "09:00", "17:00", BERLIN), "DE")
    assert hours.opens(utc(moment)) == utc(opens)
    assert (hours.against(utc(moment)) is None) is (moment == opens)


def test_outside_business_hours_says_when_they_begin_again() -> None:
    hours = BusinessHours(Window(WEEK, "09:00", "17:00", BERLIN), "DE-BY")
    said = (
        "it is outside business hours (mon-fri 09:00-17:00 Europe/Berlin, not on holidays of DE-BY), "
        "which begin again at 2026-06-18 09:00 CEST"
    )
    assert hours.against(utc("2026-06-17 15:00")) == said
    assert hours.opens(utc("2026-01-06 10:00")) == utc("2026-01-07 08:00")  # Epiphany, in Bavaria alone


def test_what_may_wait_until_they_begin_is_not_refused_now() -> None:
    hours = BusinessHours(Window(WEEK, "09:00", "17:00", BERLIN))
    night = utc("2026-06-17 02:00")
    assert hours.against(night, until=utc("2026-06-17 08:00")) is None
    assert hours.against(night, until=utc("2026-06-17 07:00")) is not None


def test_hours_to_the_end_of_the_day_go_up_to_midnight() -> None:
    hours = BusinessHours(Window(("mon",), "20:00", "24:00", "UTC"))
    assert hours.against(utc("2026-06-15 23:59:59")) is None
    assert hours.against(utc("2026-06-16 00:00")) is not None


def test_a_place_without_a_working_day_never_opens() -> None:
    never = BusinessHours(Window((), "09:00", "17:00", "UTC"))
    assert never.opens(utc("2026-06-15 12:00")) == datetime.max.replace(tzinfo=UTC)


def test_the_day_is_that_of_the_zone_and_not_of_utc() -> None:
    evening = BusinessHours(Window(WEEK, "20:00", "24:00", "America/New_York"))
    assert evening.against(utc("2026-06-17 02:00")) is None  # still Tuesday there
