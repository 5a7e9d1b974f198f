"""Writes the demo's bill: 60 days of FOCUS 1.2, one file for each billing period, byte for byte the same."""

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

from bot.demo.focus import COLUMNS, moment, money, put, row, scaled
from bot.demo.meter import Meter, Service, days_to, midnight
from bot.demo.world import ACCOUNTS, DAYS, PAYER, PAYER_NAME, REGION, World
from spend.period import Period, month_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
#: The account that signs contracts: the savings plan, support and tax are charged to it.
BUYER = "222222222222"
PLAN = f"arn:aws:savingsplans::{BUYER}:savingsplan/7d0c1f6e-2b4a-4f0e-9a53-5d1be2f0c0aa"
#: Ten-billionths of a dollar: the plan's commitment an hour, support a month, a promotional credit.
COMMITMENT, SUPPORT, CREDIT = 48_000_000_000, 15_000_000_000_000, -7_500_000_000_000
#: The credit is booked this many days before the bill's last day.
CREDIT_BACK = 12
#: Swiss VAT, per mille of what is billed in the month.
TAX = 81
_CENT = 10**8


def write(world: World, ids: Mapping[str, str], folder: Path) -> list[Path]:
    """Write the bill and return its files, oldest billing period first.

    Args:
        ids: the cloud's id of each thing by name, as `cloud.populate` returns them.
        folder: made if it is not there.

    Raises:
        KeyError: a thing on the bill has no id.
    """
    folder.mkdir(parents=True, exist_ok=True)
    days = days_to(world.until, DAYS)
    months = sorted({month_of(day) for day in days})
    return [_file(world, ids, folder, month, [day for day in days if day in month]) for month in months]


def _file(world: World, ids: Mapping[str, str], folder: Path, month: Period, days: list[date]) -> Path:
    path = folder / f"focus-1.2-{PAYER}-{month.start:%Y-%m}.csv.gz"
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=4, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
    ):
        out = csv.writer(text, lineterminator="\n")
        out.writerow(COLUMNS)
        page = _Page(world, ids, month, days)
        out.writerows(page.rows())
    return path


class _Page:
    """The rows of one billing period, and the sum that its tax is worked out from."""

    def __init__(self, world: World, ids: Mapping[str, str], month: Period, days: list[date]) -> None:
        self.world, self.month, self.days = world, month, days
        self.billed = 0
        self.base = {
            "BillingAccountId": PAYER,
            "BillingAccountName": PAYER_NAME,
            "BillingAccountType": "Management Account",
            "BillingCurrency": "USD",
            "BillingPeriodStart": moment(midnight(month.start)),
            "BillingPeriodEnd": moment(midnight(month.end)),
            # An invoice has its number once the month is over.
            "InvoiceId": "" if world.until < month.end - DAY else f"LT-{month.start:%Y%m}",
            "InvoiceIssuerName": "Amazon Web Services EMEA SARL",
            "PricingCurrency": "USD",
            "ProviderName": "AWS",
            "PublisherName": "AWS",
            "SubAccountType": "Linked Account",
        }
        self.lines = [(meter, row(self.base | _fixed(meter, ids))) for meter in world.meters]

    def rows(self) -> Iterator[list[str]]:
        for day in self.days:
            yield from self._usage(day)
            yield from self._plan(day)
            yield from self._events(day)
        yield self._tax()

    def _usage(self, day: date) -> Iterator[list[str]]:
        start = midnight(day)
        for meter, fixed in self.lines:
            length, known = (HOUR if meter.hourly else DAY), -1
            cells = fixed
            for hour, units in meter.periods(self.world.seed, day):
                if units != known:
                    cells, known = put(fixed, _amounts(meter, units)), units
                begin = start + hour * HOUR
                yield put(cells, _span(begin, begin + length))
                self.billed += 0 if meter.covered is not None else units * meter.price

    def _plan(self, day: date) -> Iterator[list[str]]:
        """What the savings plan costs that day, and what of it nobody used, hour by hour."""
        start = midnight(day)
        bought = {
            "BilledCost": money(24 * COMMITMENT),
            "ListCost": money(24 * COMMITMENT),
            "ContractedCost": money(24 * COMMITMENT),
            "EffectiveCost": money(0),
            "PricingCurrencyEffectiveCost": money(0),
            "ChargeCategory": "Purchase",
            "ChargeFrequency": "Recurring",
            "ChargeDescription": "Compute Savings Plan, 1 year, no upfront: hourly commitment",
            "CommitmentDiscountQuantity": scaled(24 * COMMITMENT, 10),
            "PricingQuantity": scaled(240_000, 4),
            "PricingUnit": "Hours",
        }
        plan = self._charge(Service.PLAN, "ComputeSP:1yrNoUpfront") | _commitment()
        plan |= {"ResourceId": PLAN, "ResourceName": PLAN.rpartition("/")[2], "ResourceType": "Savings Plan"}
        self.billed += 24 * COMMITMENT
        yield row(plan | bought | _span(start, start + DAY))
        left = COMMITMENT - sum(m.covered * 10_000 for m, _ in self.lines if m.covered is not None)
        unused = {
            **_one_cost(left),
            "BilledCost": money(0),
            "ListCost": money(0),
            "ContractedCost": money(0),
            "ChargeCategory": "Usage",
            "ChargeFrequency": "Usage-Based",
            "ChargeDescription": "Compute Savings Plan commitment that nothing used",
            "CommitmentDiscountQuantity": scaled(left, 10),
            "CommitmentDiscountStatus": "Unused",
            "PricingCategory": "Committed",
        }
        cells = row(plan | unused)
        for hour in range(24):
            yield put(cells, _span(start + hour * HOUR, start + (hour + 1) * HOUR))

    def _events(self, day: date) -> Iterator[list[str]]:
        """The fee of the first of the month, and the one credit."""
        span = _span(midnight(day), midnight(day) + DAY)
        if day == self.month.start:
            fee = {"ChargeCategory": "Purchase", "ChargeFrequency": "Recurring"}
            fee["ChargeDescription"] = "AWS Business Support, monthly fee"
            self.billed += SUPPORT
            yield row(self._charge(Service.SUPPORT, "SupportFee") | _one_cost(SUPPORT) | fee | span)
        if day == self.world.until - CREDIT_BACK * DAY:
            credit = {"ChargeCategory": "Credit", "ChargeFrequency": "One-Time"}
            credit["ChargeDescription"] = "Migration programme credit"
            self.billed += CREDIT
            yield row(self._charge(Service.EC2, "Credit") | _one_cost(CREDIT) | credit | span)

    def _tax(self) -> list[str]:
        """VAT on what this file bills, rounded to cents half up as an invoice is."""
        due = (self.billed * TAX // 1000 + _CENT // 2) // _CENT * _CENT
        words = {"ChargeCategory": "Tax", "ChargeFrequency": "One-Time", "ChargeDescription": "VAT 8.1 %"}
        span = _span(midnight(self.days[0]), midnight(self.month.end))
        return row(self._charge(Service.TAX, "Tax") | _one_cost(due) | words | span)

    def _charge(self, service: Service, usage: str) -> dict[str, str]:
        return self.base | _service(service) | _account(BUYER) | {"SkuMeter": usage}


def _fixed(meter: Meter, ids: Mapping[str, str]) -> dict[str, str]:
    """What is the same on every line of a meter."""
    resource = meter.resource if meter.thing is None else ids[meter.thing]
    sku = hashlib.sha256(meter.usage.encode()).hexdigest()[:16].upper()
    price = scaled(meter.price, 6)
    cells = {
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-Based",
        "ChargeDescription": meter.description,
        "ConsumedUnit": meter.unit,
        "PricingUnit": meter.unit,
        "PricingCategory": "Standard",
        "ListUnitPrice": price,
        "ContractedUnitPrice": price,
        "PricingCurrencyListUnitPrice": price,
        "PricingCurrencyContractedUnitPrice": price,
        "RegionId": REGION,
        "RegionName": "Europe (Frankfurt)",
        "ResourceId": resource or "",
        "ResourceName": meter.tags.get("Name") or (resource or "").rpartition(":")[2].rpartition("/")[2],
        "ResourceType": meter.resource_type or "",
        "SkuId": sku,
        "SkuMeter": meter.usage,
        "SkuPriceId": f"{sku}.{REGION}",
        "Tags": json.dumps(meter.tags, sort_keys=True, separators=(",", ":")) if meter.tags else "",
    }
    if meter.covered is not None:
        used = {"CommitmentDiscountStatus": "Used", "PricingCategory": "Committed"}
        used["CommitmentDiscountQuantity"] = money(meter.covered * meter.units)
        cells |= _commitment() | used
    return cells | _service(meter.service) | _account(meter.account)


def _amounts(meter: Meter, units: int) -> dict[str, str]:
    """The amounts of a line. The plan paid for covered usage: nothing billed, the plan's rate effective."""
    listed, quantity = money(units * meter.price), scaled(units, 4)
    effective = listed if meter.covered is None else money(units * meter.covered)
    return {
        "ListCost": listed,
        "ContractedCost": listed,
        "BilledCost": listed if meter.covered is None else money(0),
        "EffectiveCost": effective,
        "PricingCurrencyEffectiveCost": effective,
        "PricingQuantity": quantity,
        "ConsumedQuantity": quantity,
    }


def _one_cost(amount: int) -> dict[str, str]:
    names = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "PricingCurrencyEffectiveCost")
    return dict.fromkeys(names, money(amount))


def _commitment() -> dict[str, str]:
    return {
        "CommitmentDiscountCategory": "Spend",
        "CommitmentDiscountId": PLAN,
        "CommitmentDiscountName": "Compute Savings Plan 2026",
        "CommitmentDiscountType": "Compute Savings Plans",
        "CommitmentDiscountUnit": "USD",
    }


def _service(service: Service) -> dict[str, str]:
    name, category, subcategory = service.value
    return {"ServiceName": name, "ServiceCategory": category, "ServiceSubcategory": subcategory}


def _account(account: str) -> dict[str, str]:
    return {"SubAccountId": account, "SubAccountName": ACCOUNTS[account]}


def _span(start: datetime, end: datetime) -> dict[str, str]:
    return {"ChargePeriodStart": moment(start), "ChargePeriodEnd": moment(end)}
