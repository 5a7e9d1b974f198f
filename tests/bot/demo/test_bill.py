"""The demo's bill as an importer reads it."""

import csv
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import fmean, median, pstdev

import pytest

from bot.demo.bill import write
from bot.demo.focus import COLUMNS
from bot.demo.world import ACCOUNTS, TEAMS, Kind, Trouble, World, build
from spend.money import total
from tests.bot.demo.conftest import UNTIL

Row = dict[str, str]
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Bill:
    """A written bill and what it was written from."""

    world: World
    ids: dict[str, str]
    files: list[Path]
    rows: list[Row]


def ids_of(world: World) -> dict[str, str]:
    return {thing.name: f"{thing.kind}-{n:08x}" for n, thing in enumerate(world.things)}


def make(seed: int, folder: Path, until: date = UNTIL) -> Bill:
    world = build(seed, until)
    ids = ids_of(world)
    files = write(world, ids, folder)
    rows: list[Row] = []
    for path in files:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
            rows += csv.DictReader(text)
    return Bill(world, ids, files, rows)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Bill:
    """The bill of seed 0, in which nothing goes wrong."""
    return make(0, tmp_path_factory.mktemp("calm"))


def cost(rows: Iterable[Row], column: str = "EffectiveCost") -> Decimal:
    return total(Decimal(row[column]) for row in rows)


def usage(bill: Bill, *, team: str | None = None) -> list[Row]:
    rows = [row for row in bill.rows if row["ChargeCategory"] == "Usage"]
    return rows if team is None else [row for row in rows if tags(row).get("team") == team]


def tags(row: Row) -> dict[str, str]:
    found: dict[str, str] = json.loads(row["Tags"] or "{}")
    return found


def daily(rows: Iterable[Row], column: str = "EffectiveCost") -> dict[date, Decimal]:
    days: defaultdict[date, Decimal] = defaultdict(Decimal)
    for row in rows:
        days[date.fromisoformat(row["ChargePeriodStart"][:10])] += Decimal(row[column])
    return days


def test_the_same_seed_day_and_ids_give_the_same_bytes(calm: Bill, tmp_path: Path) -> None:
    again = write(build(0, UNTIL), calm.ids, tmp_path)
    assert [path.name for path in again] == [path.name for path in calm.files]
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in calm.files]


def test_the_bill_has_about_a_hundred_thousand_rows(calm: Bill) -> None:
    assert 95_000 <= len(calm.rows) <= 105_000


@pytest.mark.parametrize(("until", "months"), [(date(2026, 10, 30), 2), (date(2026, 3, 1), 3)])
def test_there_is_one_file_for_each_billing_period(until: date, months: int, tmp_path: Path) -> None:
    world = build(0, until)
    files = write(world, ids_of(world), tmp_path)
    assert len(files) == months
    assert files == sorted(files)


def test_each_row_lies_in_the_billing_period_of_its_file(calm: Bill) -> None:
    for row in calm.rows:
        assert row["BillingPeriodStart"] <= row["ChargePeriodStart"] < row["ChargePeriodEnd"]
        assert row["ChargePeriodEnd"] <= row["BillingPeriodEnd"]


def test_the_bill_covers_sixty_days_up_to_yesterday_without_a_gap(calm: Bill) -> None:
    days = sorted(daily(usage(calm)))
    assert days == [UNTIL - DAY * back for back in reversed(range(60))]


def test_what_focus_asks_for_is_never_null(calm: Bill) -> None:
    assert tuple(calm.rows[0]) == COLUMNS
    needed = (
        *("BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "BillingCurrency", "BillingAccountId"),
        *("ChargeCategory", "ChargeDescription", "ChargeFrequency", "InvoiceIssuerName", "ProviderName"),
        *("PublisherName", "ServiceCategory", "ServiceName", "SubAccountId", "SubAccountName", "SkuMeter"),
    )
    for row in calm.rows:
        assert all(row[column] for column in needed)
        assert row["BillingCurrency"] == "USD"


def test_money_has_ten_places_and_is_price_times_quantity(calm: Bill) -> None:
    for row in calm.rows:
        assert len(row["BilledCost"].partition(".")[2]) == 10
        if row["ListUnitPrice"]:
            assert Decimal(row["ListUnitPrice"]) * Decimal(row["PricingQuantity"]) == Decimal(row["ListCost"])


def test_every_id_on_the_bill_that_stands_for_a_thing_is_the_clouds(calm: Bill) -> None:
    billed = {row["ResourceId"] for row in calm.rows}
    for thing in calm.world.things:
        free = thing.stopped or thing.kind is Kind.GROUP
        assert (calm.ids[thing.name] in billed) != free


def test_a_thing_has_the_same_tags_on_the_bill_as_in_the_cloud(calm: Bill) -> None:
    names = {real: name for name, real in calm.ids.items()}
    for row in calm.rows:
        if row["ResourceId"] in names:
            assert tags(row) == calm.world.thing(names[row["ResourceId"]]).tags


def test_idle_machines_and_orphans_cost_on_the_bill_what_the_world_says(calm: Bill) -> None:
    last = f"{UNTIL}T"
    for name in calm.world.expected_idle | calm.world.expected_orphans:
        mine = [row for row in calm.rows if row["ResourceId"] == calm.ids[name]]
        day = cost(row for row in mine if row["ChargePeriodStart"].startswith(last))
        assert day / 24 * 730 == calm.world.thing(name).monthly_cost


def test_a_month_costs_between_forty_and_sixty_thousand_dollars(calm: Bill) -> None:
    october = [row for row in calm.rows if row["BillingPeriodStart"].startswith("2026-10")]
    assert 40_000 < cost(october) < 60_000
    assert 40_000 < cost(october, "BilledCost") < 60_000


def test_the_categories_add_up_to_the_bill(calm: Bill) -> None:
    by_category = {
        name: cost([row for row in calm.rows if row["ChargeCategory"] == name], "BilledCost")
        for name in ("Usage", "Purchase", "Credit", "Tax")
    }
    assert total(by_category.values()) == cost(calm.rows, "BilledCost")
    assert by_category["Credit"] == -750
    assert by_category["Purchase"] == 60 * 24 * Decimal("4.8") + 2 * 1500
    assert by_category["Usage"] > 60_000


def test_each_month_has_one_tax_line_of_eight_point_one_per_cent(calm: Bill) -> None:
    for path in calm.files:
        month = path.name.removesuffix(".csv.gz")[-7:]
        mine = [row for row in calm.rows if row["BillingPeriodStart"].startswith(month)]
        tax = [row for row in mine if row["ChargeCategory"] == "Tax"]
        rest = cost([row for row in mine if row["ChargeCategory"] != "Tax"], "BilledCost")
        assert len(tax) == 1
        assert abs(Decimal(tax[0]["BilledCost"]) - rest * Decimal("0.081")) <= Decimal("0.005")


def test_the_support_fee_comes_on_the_first_of_each_month(calm: Bill) -> None:
    fees = [row for row in calm.rows if row["ServiceName"].startswith("AWS Support")]
    assert [row["ChargePeriodStart"][:10] for row in fees] == ["2026-10-01", "2026-11-01"]
    assert {row["BilledCost"] for row in fees} == {"1500.0000000000"}


def test_what_the_savings_plan_charged_is_what_was_used_plus_what_was_not(calm: Bill) -> None:
    plan = [row for row in calm.rows if row["CommitmentDiscountId"]]
    bought = [row for row in plan if row["ChargeCategory"] == "Purchase"]
    used = [row for row in plan if row["CommitmentDiscountStatus"] == "Used"]
    unused = [row for row in plan if row["CommitmentDiscountStatus"] == "Unused"]
    assert cost(bought, "BilledCost") == cost(used) + cost(unused)
    assert cost(bought) == 0
    assert cost(used, "BilledCost") == cost(unused, "BilledCost") == 0
    assert 0 < cost(unused) < cost(used) < cost(used, "ListCost")


def test_about_a_dozen_services_are_on_the_bill(calm: Bill) -> None:
    services = {row["ServiceName"] for row in usage(calm)}
    assert len(services) == 12
    assert not services & {"Amazon Bedrock", "Amazon Textract"}


def test_untagged_charges_of_several_services_wait_for_an_owner_in_two_accounts_and_more(calm: Bill) -> None:
    unowned = [row for row in usage(calm) if not row["Tags"] and not row["CommitmentDiscountId"]]
    assert {row["ServiceName"] for row in unowned} == {
        "Amazon Simple Storage Service",
        "AWS Data Transfer",
        "Amazon Virtual Private Cloud",
        "Amazon CloudWatch",
    }
    assert {row["SubAccountId"] for row in unowned} == set(ACCOUNTS)


def test_the_shared_cluster_is_tagged_as_shared_and_belongs_to_no_team(calm: Bill) -> None:
    shared = [row for row in usage(calm) if tags(row).get("shared") == "true"]
    assert {row["ServiceName"] for row in shared} == {
        "Amazon Elastic Kubernetes Service",
        "Amazon Elastic Compute Cloud",
    }
    assert not any("team" in tags(row) for row in shared)
    assert cost(shared) > 3000


def by_series(rows: Iterable[Row]) -> dict[tuple[str, str, str], list[Row]]:
    series: defaultdict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        series[row["SubAccountId"], row["ServiceName"], tags(row).get("team", "")].append(row)
    return series


def steady(days: dict[date, Decimal]) -> bool:
    """Each day lies within 15 % or 15 dollars of the median of its weekday; a day without a charge is 0."""
    every = [UNTIL - DAY * back for back in range(60)]
    for weekday in range(7):
        amounts = [float(days.get(day, Decimal(0))) for day in every if day.weekday() == weekday]
        middle = median(amounts)
        if any(abs(amount - middle) > max(15.0, 0.15 * middle) for amount in amounts):
            return False
    return True


def test_seed_zero_is_calm_in_every_series(calm: Bill) -> None:
    for series, rows in by_series(usage(calm)).items():
        assert steady(daily(rows)), series


def test_weekends_are_cheaper_than_weekdays(calm: Bill) -> None:
    lambdas = daily(row for row in usage(calm) if row["ServiceName"] == "AWS Lambda")
    week = [float(amount) for day, amount in lambdas.items() if day.weekday() < 5]
    weekend = [float(amount) for day, amount in lambdas.items() if day.weekday() >= 5]
    assert 0.6 < fmean(weekend) / fmean(week) < 0.8
    assert pstdev(week) / fmean(week) < 0.06


@pytest.fixture(scope="module")
def seed_of() -> Callable[[Trouble], int]:
    """The first seed of a kind of trouble."""

    def find(kind: Trouble) -> int:
        for seed in range(1, 31):
            anomaly = build(seed, UNTIL).anomaly
            if anomaly is not None and anomaly.kind is kind:
                return seed
        raise AssertionError(kind)

    return find


def ordinary(bill: Bill) -> dict[date, Decimal]:
    """What the anomaly's team would have used each day without it, at list price."""
    world, anomaly = bill.world, bill.world.anomaly
    assert anomaly is not None
    meters = [
        replace(meter, surge=())
        for meter in world.meters
        if meter.tags.get("team") == anomaly.team and (meter.surge or meter.usage != anomaly.usage)
    ]
    days = [UNTIL - DAY * back for back in range(60)]
    return {day: Decimal(sum(meter.cost(world.seed, day) for meter in meters)).scaleb(-10) for day in days}


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[] if kind is Trouble.EGRESS_RAMP else pytest.mark.slow, id=kind)
        for kind in Trouble
    ],
)
def test_the_bill_shows_the_planted_anomaly_where_and_when_the_world_says_and_nothing_else(
    kind: Trouble, seed_of: Callable[[Trouble], int], tmp_path: Path
) -> None:
    bill = make(seed_of(kind), tmp_path)
    anomaly = bill.world.anomaly
    assert anomaly is not None
    assert 95_000 <= len(bill.rows) <= 105_000
    loud = {key for key, rows in by_series(usage(bill)).items() if not steady(daily(rows))}
    assert (anomaly.account, anomaly.service, anomaly.team) in loud
    assert {(account, team) for account, _, team in loud} == {(anomaly.account, anomaly.team)}
    mine, calm = daily(usage(bill, team=anomaly.team), "ListCost"), ordinary(bill)
    grown = {day for day, amount in mine.items() if amount != calm[day]}
    assert grown == {anomaly.start + DAY * n for n in range(anomaly.days)}
    assert total(mine.values()) - total(calm.values()) == anomaly.excess


def test_both_teams_pay_for_something_every_day(calm: Bill) -> None:
    for team in TEAMS:
        assert len(daily(usage(calm, team=team))) == 60


def test_no_two_meters_write_the_same_line(calm: Bill) -> None:
    keys = Counter(meter.key for meter in calm.world.meters)
    assert max(keys.values()) == 1
