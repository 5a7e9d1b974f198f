"""The arithmetic on bills that nobody here made: tags as they are, and one anomaly that was planted."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from spend.allocation import evaluate, tag_rule
from spend.anomaly import AnomalyKind, detect
from spend.charge import Charge, focus, parse_tags, snake
from spend.forecast import forecast
from spend.money import total
from spend.period import month_of
from tests.spend.samples import charge

BILLS = Path(__file__).parents[2].parent / "shared" / "data" / "billing"

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(
        not BILLS.exists(), reason="the shared folder of real bills is not beside the project"
    ),
]

#: Which lines of a cost and usage report are usage.
USAGE = {"Usage", "DiscountedUsage", "SavingsPlanCoveredUsage"}


def rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def sample() -> Iterator[Charge]:
    """The official FOCUS 1.0 sample, as charges."""
    for row in rows(BILLS / "real/focus-1.0/focus_sample.csv.gz"):
        value = {snake(name): None if text == "NULL" else text for name, text in row.items()}
        yield charge(
            day=date.fromisoformat(row["ChargePeriodStart"][:10]),
            service_name=value["service_name"],
            charge_category=row["ChargeCategory"],
            tags=parse_tags(value["tags"]),
            billed_cost=Decimal(row["BilledCost"]),
        )


def deliveries() -> Iterator[dict[str, str]]:
    """The lines of the newest delivery of each month (the largest one of October is the last)."""
    folder = BILLS / "synthetic/aws-cur/cur/spend-cur"
    for month in sorted(folder.glob("2026*")):
        sizes = {
            delivery: sum(file.stat().st_size for file in delivery.glob("*.csv.gz"))
            for delivery in month.iterdir()
            if delivery.is_dir()
        }
        for file in sorted(max(sizes, key=lambda one: sizes[one]).glob("*.csv.gz")):
            yield from rows(file)


@pytest.fixture(scope="module")
def by_team() -> dict[str, dict[date, Decimal]]:
    """Daily usage by team, from the cost and usage reports."""
    book = tag_rule("tag", ["team"], ["web", "data-platform", "payments"])
    sums: dict[str, dict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in deliveries():
        if row["lineItem/LineItemType"] in USAGE:
            tags = {"team": row.get("resourceTags/user:team") or None}
            team = evaluate([book], charge(tags=tags)).team or "nobody"
            day = date.fromisoformat(row["lineItem/UsageStartDate"][:10])
            sums[team][day] += Decimal(row["lineItem/UnblendedCost"])
    return sums


def test_every_column_of_the_official_sample_survives_the_way_through_snake_case() -> None:
    columns = next(rows(BILLS / "real/focus-1.0/focus_sample.csv.gz")).keys()
    assert [focus(snake(name)) for name in columns] == list(columns)


def test_allocating_the_official_sample_loses_nothing() -> None:
    charges = list(sample())
    rule = tag_rule("tag", ["business_unit", "org"], ["PeoriaData"], {"trey": "search"})
    sums: dict[str | None, Decimal] = defaultdict(Decimal)
    for it in charges:
        sums[evaluate([rule], it).team] += it.billed_cost
    assert total(sums.values()) == Decimal("20.52022672899")
    assert sums.keys() == {None, "PeoriaData", "search"}


def test_what_was_planted_and_a_day_left_out_are_found_and_nothing_else(
    by_team: dict[str, dict[date, Decimal]],
) -> None:
    through = max(day for days in by_team.values() for day in days)
    found = {
        (team, incident.kind, incident.start.isoformat(), incident.last.isoformat())
        for team, days in by_team.items()
        for incident in detect(list(days.items()), complete_through=through)
    }
    assert found == {
        ("data-platform", AnomalyKind.SPIKE, "2026-10-14", "2026-10-15"),
        ("data-platform", AnomalyKind.MISSING, "2026-09-30", "2026-09-30"),  # the generator wrote no such day
        ("payments", AnomalyKind.MISSING, "2026-09-30", "2026-09-30"),
    }


def test_october_is_forecast_on_the_tenth(by_team: dict[str, dict[date, Decimal]]) -> None:
    october = month_of(date(2026, 10, 1))
    days = by_team["web"]
    actual = total(amount for day, amount in days.items() if day in october)
    got = forecast(list(days.items()), october, date(2026, 10, 10))
    assert abs(got.expected / actual - 1) < Decimal("0.1")
