"""Windows of time: as people write them, over midnight, and over the hours that summer time moves."""

from datetime import UTC, date, datetime

import pytest

from actions import window
from spend.errors import Refused

#: A Monday.
MONDAY = date(2026, 3, 2)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("mon-fri 09:00-17:00 Europe/Berlin", "mon-fri 09:00-17:00 Europe/Berlin"),
        ("  sat,sun   00:00-24:00 UTC ", "sat,sun 00:00-24:00 UTC"),
        ("fri-mon 22:00-04:00 UTC", "mon,fri,sat,sun 22:00-04:00 UTC"),
        ("sun,mon,tue-wed 08:00-09:00 UTC", "mon,tue,wed,sun 08:00-09:00 UTC"),
        ("wed 08:00-09:00 America/New_York", "wed 08:00-09:00 America/New_York"),
        ("mon,tue 08:00-09:00 UTC", "mon,tue 08:00-09:00 UTC"),
        ("mon,tue,wed 08:00-09:00 UTC", "mon-wed 08:00-09:00 UTC"),
    ],
)
def test_a_window_is_read_as_people_write_it_and_spelt_one_way(text: str, spelt: str) -> None:
    found = window.read(text)
    assert str(found) == spelt
    assert window.read(spelt) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Write the window as days, hours and zone"),
        ("always", "Write the window as days, hours and zone"),
        ("mon-fri 9:00-17:00 UTC", "Write the window as days, hours and zone"),
        ("mon-fri 09:00-09:00 UTC", "is no span of a day"),
        ("mon-fri 24:00-08:00 UTC", "is no span of a day"),
        ("mon-fri 09:00-25:00 UTC", "is no span of a day"),
        ("mon-fri 09:60-10:00 UTC", "is no span of a day"),
        ("mon-xyz 09:00-17:00 UTC", "names no days"),
        ("-fri 09:00-17:00 UTC", "names no days"),
        ("mon,, 09:00-17:00 UTC", "names no days"),
        ("mon 09:00-17:00 Mars/Base", "no time zone Mars/Base"),
        ("mon 09:00-17:00 ../etc/passwd", "no time zone"),
    ],
)
def test_what_is_no_window_is_refused_with_the_way_to_write_one(text: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        window.read(text)


def test_a_window_begins_with_its_first_minute_and_is_over_with_its_last() -> None:
    hours = window.read("mon-fri 09:00-17:00 UTC")
    assert not hours.covers(at("2026-03-02 08:59:59"))
    assert hours.covers(at("2026-03-02 09:00"))
    assert hours.covers(at("2026-03-02 16:59:59"))
    assert not hours.covers(at("2026-03-02 17:00"))
    assert not hours.covers(at("2026-03-07 12:00"))  # a Saturday


def test_a_window_until_midnight_has_the_whole_of_its_last_minute() -> None:
    hours = window.read("mon 20:00-24:00 UTC")
    assert hours.covers(at("2026-03-02 23:59:59"))
    assert not hours.covers(at("2026-03-03 00:00"))


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_began() -> None:
    night = window.read("fri 22:00-04:00 UTC")
    assert night.covers(at("2026-03-06 22:00"))  # Friday
    assert night.covers(at("2026-03-07 03:59"))
    assert not night.covers(at("2026-03-07 04:00"))
    assert not night.covers(at("2026-03-06 03:00"))  # Thursday's night is not Friday's


@pytest.mark.case("T30")
def test_a_window_keeps_to_its_zone_when_the_clocks_change() -> None:
    hours = window.read("mon-sun 09:00-10:00 Europe/Berlin")
    assert hours.covers(at("2026-03-28 08:30"))  # the last day of winter time: UTC+1
    assert hours.covers(at("2026-03-29 07:30"))  # the first of summer time: UTC+2
    assert not hours.covers(at("2026-03-29 08:30"))
    gap = window.read("sun 02:00-03:00 Europe/Berlin")
    assert not any(gap.covers(at(f"2026-03-29 {hour:02}:30")) for hour in range(24))  # skipped that night
    twice = [hour for hour in range(24) if gap.covers(at(f"2026-10-25 {hour:02}:30"))]
    assert twice == [0, 1]  # and had twice this night


def test_a_day_ends_with_its_own_midnight() -> None:
    assert window.end_of(MONDAY, "Europe/Berlin") == at("2026-03-02 23:00")
    assert window.midnight_after(at("2026-03-01 23:30"), "Europe/Berlin") == at("2026-03-02 23:00")
    assert window.end_of(date(2026, 3, 29), "Europe/Berlin") == at("2026-03-29 22:00")
