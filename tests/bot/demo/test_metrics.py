"""What the metrics of the demo's machines say."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from bot.demo.inventory import MONTH_END, RELAY, SILENT, STANDBY, YOUNG
from bot.demo.metrics import HISTORY, HOURLY, Point, points
from bot.demo.world import build
from tests.bot.demo.conftest import NOW, UNTIL

WORLD = build(1, UNTIL)
HOUR = timedelta(hours=1)


def of(name: str, metric: str, now: datetime = NOW) -> list[Point]:
    return [point for point in points(WORLD.thing(name), now, 1) if point.metric == metric]


def test_an_idle_machine_has_a_point_each_hour_for_fifteen_days_and_every_six_hours_before() -> None:
    times = [point.at for point in of("checkout-dev-api", "CPUUtilization")]
    gaps = [later - earlier for later, earlier in pairwise(times)]
    hourly = HOURLY // HOUR
    assert set(gaps[:hourly]) == {HOUR}
    assert set(gaps[hourly:]) == {6 * HOUR}
    assert NOW - times[-1] > HISTORY - 6 * HOUR


def test_the_newest_point_is_of_the_last_full_hour() -> None:
    assert of("checkout-dev-api", "NetworkIn")[0].at == NOW.replace(hour=8, minute=0)


def test_nothing_is_measured_before_a_machine_was_started() -> None:
    assert min(point.at for point in of(YOUNG, "CPUUtilization")) >= WORLD.thing(YOUNG).launched_at


def test_a_machine_without_an_agent_has_no_metrics() -> None:
    assert list(points(WORLD.thing(SILENT), NOW, 1)) == []


@pytest.mark.parametrize("name", sorted(WORLD.expected_idle | {STANDBY}))
def test_an_idle_machine_neither_computes_nor_talks(name: str) -> None:
    assert max(point.value for point in of(name, "CPUUtilization")) < 2
    assert max(point.value for point in of(name, "NetworkOut")) < 100_000


def test_a_relay_talks_without_computing() -> None:
    assert max(point.value for point in of(RELAY, "CPUUtilization")) < 3
    assert min(point.value for point in of(RELAY, "NetworkOut")) > 1_000_000_000


@pytest.mark.parametrize("month", range(1, 13))
def test_the_batch_machine_works_at_each_turn_of_the_month_and_never_else(month: int) -> None:
    now = datetime(2027, month, 16, 9, tzinfo=UTC)
    busy = {point.at.date() for point in of(MONTH_END, "CPUUtilization", now) if point.value > 50}
    first = now.date().replace(day=1)
    assert {first, first - timedelta(days=1)} <= busy
    assert all(day.day == 1 or (day + timedelta(days=1)).day == 1 for day in busy)


def test_busy_machines_rest_at_night_and_at_the_weekend() -> None:
    cpu = of("checkout-dev-web", "CPUUtilization")
    night = [point.value for point in cpu if point.at.hour < 6]
    work = [point.value for point in cpu if point.at.weekday() < 5 and 8 <= point.at.hour < 19]
    assert sum(night) / len(night) < sum(work) / len(work)
    assert min(night) >= 20


def test_an_attached_volume_is_read_and_an_orphan_is_not() -> None:
    assert of("checkout-prod-api-1-data", "VolumeReadOps")
    for name in WORLD.expected_orphans:
        assert list(points(WORLD.thing(name), NOW, 1)) == []


def test_only_the_load_balancer_with_targets_has_requests() -> None:
    assert of("search-prod-lb", "RequestCount")
    assert not of("checkout-legacy-lb", "RequestCount")
