"""What one line of usage counts."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from bot.demo.focus import COLUMNS, moment, money, put, row, scaled
from bot.demo.meter import Meter, Service, days_to, midnight
from bot.demo.world import build
from tests.bot.demo.conftest import UNTIL

FRIDAY = date(2026, 11, 20)
SUNDAY = date(2026, 11, 22)
BY_USE = Meter("1", Service.S3, "Requests", "requests", "1K requests", 5_400, 9_000_000, resource="bucket")
BY_HOUR = replace(BY_USE, steady=True, units=10_000)


def test_a_steady_meter_counts_the_same_every_hour() -> None:
    assert BY_HOUR.periods(1, FRIDAY) == [(hour, 10_000) for hour in range(24)]
    assert BY_HOUR.cost(1, FRIDAY) == 24 * 10_000 * 5_400


def test_a_daily_meter_has_one_period() -> None:
    assert replace(BY_HOUR, hourly=False).periods(1, FRIDAY) == [(0, 10_000)]
    assert len(replace(BY_USE, hourly=False).periods(1, FRIDAY)) == 1


def test_nothing_is_counted_before_the_first_hour() -> None:
    since = datetime(2026, 11, 20, 21, tzinfo=UTC)
    young = replace(BY_HOUR, since=since)
    assert young.periods(1, FRIDAY - timedelta(days=1)) == []
    assert [hour for hour, _ in young.periods(1, FRIDAY)] == [21, 22, 23]
    assert len(young.periods(1, SUNDAY)) == 24


def test_use_follows_the_week_and_the_hour_of_the_day() -> None:
    assert BY_USE.cost(1, SUNDAY) < BY_USE.cost(1, FRIDAY) * 8 // 10
    hours = dict(BY_USE.periods(1, FRIDAY))
    assert hours[3] < hours[15]


def test_noise_depends_on_the_seed_and_the_day_alone() -> None:
    assert BY_USE.cost(1, FRIDAY) == BY_USE.cost(1, FRIDAY)
    assert BY_USE.cost(1, FRIDAY) != BY_USE.cost(2, FRIDAY)


def test_a_surge_multiplies_its_own_days_only() -> None:
    surging = replace(BY_USE, surge=((FRIDAY, 7000),))
    assert surging.cost(1, FRIDAY) / BY_USE.cost(1, FRIDAY) == pytest.approx(7, rel=0.001)
    assert surging.cost(1, SUNDAY) == BY_USE.cost(1, SUNDAY)


def test_the_daily_noise_is_about_three_per_cent() -> None:
    fridays = [FRIDAY - timedelta(days=7 * n) for n in range(200)]
    costs = [BY_USE.cost(1, day) for day in fridays]
    mean = sum(costs) / len(costs)
    spread = (sum((each - mean) ** 2 for each in costs) / len(costs)) ** 0.5
    assert 0.025 < spread / mean < 0.035


def test_days_end_with_the_given_one() -> None:
    assert days_to(FRIDAY, 3) == [date(2026, 11, 18), date(2026, 11, 19), FRIDAY]
    assert midnight(FRIDAY) == datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "places", "text"),
    [(12345, 2, "123.45"), (-5, 2, "-0.05"), (0, 10, "0.0000000000"), (7, 4, "0.0007")],
)
def test_integers_are_spelled_as_decimals(number: int, places: int, text: str) -> None:
    assert scaled(number, places) == text
    assert Decimal(text) == Decimal(number).scaleb(-places)


def test_money_has_ten_places_and_time_is_utc() -> None:
    assert money(48_000_000_000) == "4.8000000000"
    assert moment(midnight(FRIDAY)) == "2026-11-20T00:00:00Z"


def test_a_row_has_every_column_and_what_is_not_named_is_null() -> None:
    cells = row({"Tags": "{}"})
    changed = put(cells, {"ServiceName": "Tax"})
    assert len(cells) == len(COLUMNS)
    assert [cell for cell in cells if cell] == ["{}"]
    assert dict(zip(COLUMNS, changed, strict=True))["ServiceName"] == "Tax"
    assert "Tax" not in cells


def test_meters_of_things_name_a_thing_and_all_others_a_resource() -> None:
    world = build(1, UNTIL)
    names = {thing.name for thing in world.things}
    for meter in world.meters:
        assert (meter.thing in names) != bool(meter.resource)
