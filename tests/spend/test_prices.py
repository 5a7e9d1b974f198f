"""Unit prices: what a bill's last days teach of a thing, of its sort, or by a meter alone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from spend.prices import Metered, Price, Thing, learn

DAY = date(2026, 6, 15)
BOX = Thing("i-1", "a", "eu", "instance", "m5.large", 1, "web")
DISK = Thing("vol-1", "a", "eu", "volume", "gp3", 20, "web")


def row(effective: str, **what: Any) -> Metered:
    usual: dict[str, Any] = {
        "day": DAY,
        "account": "a",
        "region": "eu",
        "resource": "i-1",
        "meter": "EUC1-BoxUsage:m5.large",
        "currency": "USD",
        "quantity": None,
        "measure": None,
        "hours": 24,
    }
    return Metered(effective=Decimal(effective), **{**usual, **what})


def hourly(bill: Sequence[Metered], thing: Thing = BOX, *others: Thing) -> Price | None:
    return learn(bill, [thing, *others]).of(thing)


def price(hourly: str, by: str, currency: str = "USD") -> Price:
    return Price(currency, Decimal(hourly), by)


@pytest.mark.parametrize(
    ("bill", "expected"),
    [
        ([row("2.4")], "0.1"),
        ([row("2.4"), row("4.8", day=date(2026, 6, 14))], "0.15"),
        ([row("0.1", hours=1)], "0.1"),
        # It ran for eight hours of that day, which its meter counts.
        ([row("0.8", quantity=Decimal(8), measure="Hrs")], "0.1"),
        # Two parts of the same hours, of which one is covered by a plan; and traffic, which counts no hours.
        (
            [
                row("0.3", quantity=Decimal(4), measure="Hours"),
                row("0.1", quantity=Decimal(4), measure="Hours"),
                row("0.4", meter="DataTransfer-Out-Bytes", quantity=Decimal(9), measure="GB"),
            ],
            "0.1",
        ),
        # A second meter of the same hours does not make them more.
        (
            [
                row("0.6", quantity=Decimal(8), measure="Hrs"),
                row("0.2", meter="EBSOptimized:m5.large", quantity=Decimal(8), measure="Hrs"),
            ],
            "0.1",
        ),
        ([row("0")], "0"),
    ],
    ids=["day", "days", "hour", "counted", "parts", "meters", "free"],
)
def test_a_thing_costs_an_hour_what_it_cost_in_its_hours(bill: list[Metered], expected: str) -> None:
    assert hourly(bill) == price(expected, "resource")


def test_a_volume_has_its_price_by_the_gigabyte() -> None:
    bill = [row("4.8", resource="vol-1", meter="EBS:VolumeUsage.gp3", quantity=Decimal(1), measure="GB-Mo")]
    assert hourly(bill, DISK) == price("0.01", "resource")
    larger = replace(DISK, id="vol-2", size=50)
    assert learn(bill, [DISK, larger]).of(larger) == price("0.01", "kind")


def test_what_the_bill_does_not_know_yet_costs_what_its_sort_does_in_its_account_or_else_in_its_region() -> (
    None
):
    mine, theirs = replace(BOX, id="i-2"), replace(BOX, id="i-3", account="b")
    bill = [row("2.4"), row("7.2", resource="i-3", account="b")]
    prices = learn(bill, [BOX, mine, theirs])
    assert prices.of(mine) == price("0.1", "kind")
    assert prices.of(replace(mine, account="c")) == price("0.2", "kind")
    assert prices.of(replace(mine, region="us")) is None
    assert prices.of(replace(mine, unit="m5.large spot")) is None


@pytest.mark.parametrize(
    ("meter", "measure", "thing", "expected"),
    [
        ("EUC1-BoxUsage:m5.large", "Hrs", BOX, "0.1"),
        ("BoxUsage:m5.large", "Hours", BOX, "0.1"),
        ("SpotUsage:m5.large", "Hrs", replace(BOX, unit="m5.large spot"), "0.1"),
        # June has 720 hours: 48 GB-months are 34,560 gigabyte-hours.
        ("EUC1-EBS:VolumeUsage.gp3", "GB-Mo", DISK, "0.00013888888888888889"),
        ("EBS:VolumeUsage", "GB-Mo", replace(DISK, unit="standard"), "0.00013888888888888889"),
        ("EUC1-BoxUsage:m5.xlarge", "Hrs", BOX, None),
        ("EUC1-BoxUsage:m5.large", "Requests", BOX, None),
        ("EUC1-EBS:SnapshotUsage", "GB-Mo", DISK, None),
    ],
)
def test_a_bill_without_resources_teaches_by_its_meters(
    meter: str, measure: str, thing: Thing, expected: str | None
) -> None:
    bill = [row("4.8", resource=None, meter=meter, measure=measure, quantity=Decimal(48))]
    assert hourly(bill, thing) == (expected and price(expected, "meter"))


def test_a_price_is_in_the_currency_with_most_of_the_money() -> None:
    assert hourly([row("2.4"), row("24", currency="EUR")]) == price("1", "resource", "EUR")
