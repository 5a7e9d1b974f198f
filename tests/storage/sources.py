"""A small bill of each dialect, from which the tests of all dialects begin."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tests.storage.lake import bills


@dataclass(frozen=True, slots=True)
class Sample:
    """A bill as a provider writes it.

    Attributes:
        row: one charge of 1.25 (billed and effective) by the names of the file's header.
        needs: the cells without which a bill is refused.
        amount: the cell of the money.
        basis: the cost that it is.
        currency: what has to be said beside the bill, which names none.
    """

    row: Mapping[str, str]
    needs: Sequence[str]
    amount: str
    basis: str = "billed_cost"
    currency: str | None = None
    ending: str = ".csv"

    def text(self, rows: Iterable[Mapping[str, str]], *, without: Sequence[str] = ()) -> str:
        """The file of these rows; what a row does not say is as in the sample."""
        filled = [{**self.row, **row} for row in rows]
        return (bills.table if self.ending == ".csv" else allocations)(filled, without=without)

    def write(self, path: Path, rows: Iterable[Mapping[str, str]], *, without: Sequence[str] = ()) -> Path:
        """Write that file, with the ending it needs."""
        return bills.write(path.with_suffix(self.ending), self.text(rows, without=without))


def allocations(rows: Sequence[Mapping[str, str]], *, without: Sequence[str] = ()) -> str:
    """OpenCost's answer with these allocations: amounts as they are written, one map for each window."""
    maps = []
    for row in rows:
        cells = {name: value for name, value in row.items() if name not in without}
        entry: dict[str, object] = {"properties": {}, "window": {}}
        for name, value in cells.items():
            parent, dot, field = name.rpartition(".")
            cast("dict[str, str]", entry[parent] if dot else entry)[field] = value
        maps.append({"web": entry})
    return json.dumps({"code": 200, "data": maps})


SAMPLES: Mapping[str, Sample] = {
    "focus": Sample(
        row={**bills.ROW, "BilledCost": "1.25", "EffectiveCost": "1.25"},
        needs=(
            "BilledCost",
            "EffectiveCost",
            "BillingCurrency",
            "BillingAccountId",
            "BillingPeriodStart",
            "ChargePeriodStart",
        ),
        amount="BilledCost",
    ),
    "aws-cur": Sample(
        row={
            "bill/PayerAccountId": "1001",
            "bill/BillingPeriodStartDate": "2026-05-01T00:00:00Z",
            "bill/BillingPeriodEndDate": "2026-06-01T00:00:00Z",
            "lineItem/UsageAccountId": "2002",
            "lineItem/LineItemType": "Usage",
            "lineItem/UsageStartDate": "2026-05-03T01:00:00Z",
            "lineItem/UsageEndDate": "2026-05-03T02:00:00Z",
            "lineItem/ProductCode": "AmazonEC2",
            "lineItem/CurrencyCode": "USD",
            "lineItem/UnblendedCost": "1.25",
        },
        needs=(
            "lineItem/UnblendedCost",
            "lineItem/CurrencyCode",
            "bill/PayerAccountId",
            "bill/BillingPeriodStartDate",
            "lineItem/UsageStartDate",
        ),
        amount="lineItem/UnblendedCost",
    ),
    "gcp": Sample(
        row={
            "billing_account_id": "1001",
            "service.description": "Compute Engine",
            "usage_start_time": "2026-05-03T01:00:00",
            "usage_end_time": "2026-05-03 02:00:00 UTC",
            "project.id": "2002",
            "labels": "[]",
            "cost": "1.25",
            "currency": "USD",
            "credits": "[]",
            "invoice.month": "202605",
            "cost_type": "regular",
        },
        needs=("cost", "currency", "billing_account_id", "invoice.month", "usage_start_time"),
        amount="cost",
    ),
    "azure": Sample(
        row={
            "BillingAccountId": "1001",
            "Date": "05/03/2026",
            "MeterCategory": "Virtual Machines",
            "ChargeType": "Usage",
            "CostInBillingCurrency": "1.25",
            "BillingCurrency": "USD",
        },
        needs=("CostInBillingCurrency", "BillingCurrency", "BillingAccountId", "Date"),
        amount="CostInBillingCurrency",
    ),
    "oracle": Sample(
        row={
            "lineItem/tenantId": "1001",
            "lineItem/intervalUsageStart": "2026-05-03T10:00Z",
            "lineItem/intervalUsageEnd": "2026-05-03T11:00:00Z",
            "lineItem/isCorrection": "false",
            "product/service": "COMPUTE",
            "product/compartmentId": "2002",
            "cost/myCost": "1.25",
            "cost/currencyCode": "USD",
            "tags/Owner.team": "web",
            "tags/env": "",
        },
        needs=("cost/myCost", "cost/currencyCode", "lineItem/tenantId", "lineItem/intervalUsageStart"),
        amount="cost/myCost",
    ),
    "opencost": Sample(
        row={
            "properties.cluster": "1001",
            "properties.namespace": "web",
            "window.start": "2026-05-03T00:00:00Z",
            "window.end": "2026-05-04T00:00:00Z",
            "totalCost": "1.25",
        },
        needs=("totalCost",),
        amount="totalCost",
        basis="effective_cost",
        currency="USD",
        ending=".json",
    ),
    "ai-usage": Sample(
        row={
            "start": "2026-05-03",
            "account": "1001",
            "provider": "Models Inc",
            "project": "chat",
            "model": "large-2",
            "use_case": "support",
            "token_type": "input",
            "tokens": "250000",
            "cost": "1.25",
            "currency": "USD",
        },
        needs=("cost", "currency", "account", "start"),
        amount="cost",
    ),
    "ci-minutes": Sample(
        row={
            "start": "2026-05-03T10:00:00Z",
            "end": "2026-05-03T10:10:00Z",
            "account": "1001",
            "repository": "shop",
            "pipeline": "release",
            "runner_type": "linux-4",
            "minutes": "10",
            "cost": "1.25",
            "currency": "USD",
        },
        needs=("cost", "currency", "account", "start"),
        amount="cost",
    ),
}
