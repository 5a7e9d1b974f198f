"""What the detector sees in the demo's bill."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pytest

from bot.demo.meter import days_to
from bot.demo.world import DAYS, World, build
from spend.anomaly import Incident, detect
from tests.bot.demo.conftest import UNTIL

#: Last days of a bill at different places of the week and the month.
ENDS = [UNTIL, date(2026, 2, 1), date(2026, 6, 30), date(2026, 9, 14), date(2027, 1, 3)]


def incidents(world: World) -> dict[tuple[str, str, str], list[Incident]]:
    """What is found in each series of account, service and team."""
    days = days_to(world.until, DAYS)
    series: defaultdict[tuple[str, str, str], defaultdict[date, Decimal]] = defaultdict(
        lambda: defaultdict(Decimal)
    )
    for meter in world.meters:
        for day in days:
            if meter.periods(world.seed, day):
                key = meter.account, meter.service.value[0], meter.tags.get("team", "")
                series[key][day] += Decimal(meter.cost(world.seed, day)).scaleb(-10)
    found = {
        key: detect(sorted(amounts.items()), complete_through=world.until, known_from=days[0])
        for key, amounts in series.items()
    }
    return {key: every for key, every in found.items() if every}


@pytest.mark.parametrize("until", ENDS)
def test_seed_zero_gives_no_notice(until: date) -> None:
    assert incidents(build(0, until)) == {}


@pytest.mark.parametrize("seed", range(1, 11))
def test_a_seed_gives_notice_of_its_anomaly_and_of_nothing_else(seed: int) -> None:
    world = build(seed, ENDS[seed % len(ENDS)])
    anomaly = world.anomaly
    assert anomaly is not None
    found = incidents(world)
    assert set(found) == {(anomaly.account, service, anomaly.team) for service in anomaly.services}
    assert anomaly.service in anomaly.services
    assert all(len(every) == 1 for every in found.values())
    assert {every[0].start for every in found.values()} == {anomaly.start}
    assert {every[0].last for every in found.values()} == {anomaly.last}
    excess = sum((every[0].excess for every in found.values()), Decimal(0))
    assert abs(excess - anomaly.excess) < anomaly.excess / 10


def test_an_anomaly_lasts_from_its_start_to_its_last_day() -> None:
    anomaly = build(1, UNTIL).anomaly
    assert anomaly is not None
    assert anomaly.last == anomaly.start + timedelta(days=anomaly.days - 1)
