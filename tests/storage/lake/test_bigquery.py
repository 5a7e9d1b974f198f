"""Google's exports in BigQuery: whole bills, digit by digit, and only those that have news."""

import csv
import gzip
import json
from collections.abc import Mapping
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from spend.errors import SettingsWrong
from storage.costs import costs
from storage.lake import Lake
from storage.snapshots import DeliveryRefused
from storage.sources import bigquery as reader
from storage.store import Store
from tests.bigquery import PROJECT, BigQuery
from tests.storage.lake.bills import load

DATASETS = count(1)
PAIR = {"key": "STRING", "value": "STRING"}
STANDARD: Mapping[str, Any] = {
    "billing_account_id": "STRING",
    "service": {"id": "STRING", "description": "STRING"},
    "sku": {"id": "STRING", "description": "STRING"},
    "usage_start_time": "TIMESTAMP",
    "usage_end_time": "TIMESTAMP",
    "project": {"id": "STRING", "name": "STRING", "labels": [PAIR], "ancestry_numbers": "STRING"},
    "labels": [PAIR],
    "system_labels": [PAIR],
    "location": {"location": "STRING", "country": "STRING", "region": "STRING", "zone": "STRING"},
    "export_time": "TIMESTAMP",
    "cost": "FLOAT",
    "currency": "STRING",
    "currency_conversion_rate": "FLOAT",
    "usage": {
        "amount": "FLOAT",
        "unit": "STRING",
        "amount_in_pricing_units": "FLOAT",
        "pricing_unit": "STRING",
    },
    "credits": [
        {"name": "STRING", "amount": "FLOAT", "full_name": "STRING", "id": "STRING", "type": "STRING"}
    ],
    "invoice": {"month": "STRING"},
    "cost_type": "STRING",
}
DETAILED: Mapping[str, Any] = {**STANDARD, "resource": {"name": "STRING", "global_name": "STRING"}}
FOCUS: Mapping[str, Any] = {
    **dict.fromkeys(("BillingAccountId", "BillingCurrency", "ChargeCategory", "ServiceName"), "STRING"),
    **dict.fromkeys(("BillingPeriodStart", "BillingPeriodEnd"), "TIMESTAMP"),
    **dict.fromkeys(("ChargePeriodStart", "ChargePeriodEnd", "x_ExportTime"), "TIMESTAMP"),
    **dict.fromkeys(("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"), "NUMERIC"),
    "x_Labels": [{"Key": "STRING", "Value": "STRING"}],
    "x_Credits": [{"Name": "STRING", "Amount": "NUMERIC"}],
}
ROW: Mapping[str, Any] = {
    "billing_account_id": "A",
    "service": {"description": "Compute Engine"},
    "usage_start_time": "2026-09-03T01:00:00Z",
    "usage_end_time": "2026-09-03T02:00:00Z",
    "project": {"id": "shop"},
    "labels": [{"key": "team", "value": "web"}],
    "export_time": "2026-09-03T06:08:04.123456Z",
    "cost": 1.25,
    "currency": "USD",
    "invoice": {"month": "202609"},
    "cost_type": "regular",
}


class Export:
    """A dataset of its own, filled row by row as Google does, and read into a lake."""

    def __init__(self, bigquery: BigQuery, lake: Lake, store: Store) -> None:
        self._bigquery, self._lake, self._store = bigquery, lake, store
        self.dataset = f"export_{next(DATASETS)}"
        self.address = f"bigquery://{PROJECT}/{self.dataset}"

    def add(self, name: str, shape: Mapping[str, Any], *rows: Mapping[str, Any]) -> None:
        self._bigquery.add(f"{self.dataset}.{name}", shape, rows)

    def usage(self, *rows: Mapping[str, Any], name: str = "gcp_billing_export_v1_A") -> None:
        self.add(name, DETAILED if "resource" in name else STANDARD, *({**ROW, **row} for row in rows))

    def read(self, table: str = "") -> list[tuple[str, str | None, int]]:
        report = load(self._lake, self._store, f"{self.address}{table}", source="gcp")
        return [(one.state, str(one.billing_period)[:7], one.rows) for one in report.snapshots]

    def refused(self, table: str = "") -> str:
        with pytest.raises(DeliveryRefused) as refused:
            self.read(table)
        return str(refused.value)

    def costs(self, *by: str) -> list[dict[str, Any]]:
        return costs(self._lake, self._store, by=by).rows


@pytest.fixture
def export(bigquery: BigQuery, tmp_path: Path, lake_store: Store, monkeypatch: pytest.MonkeyPatch) -> Export:
    """An empty export."""
    bigquery.enter(monkeypatch)
    return Export(bigquery, Lake(tmp_path / "home"), lake_store)


def test_floats_arrive_as_the_shortest_text_that_means_them_and_credits_as_rows(export: Export) -> None:
    awkward = (0.1, 1e-07, 123456789.12345679, 0.30000000000000004, -2.5)
    credit = {"name": "CUD", "type": "COMMITTED_USAGE_DISCOUNT", "amount": -0.000030000000000000004}
    export.usage(
        *({"cost": cost, "credits": [credit], "resource": {"name": "vm"}} for cost in awkward),
        name="gcp_billing_export_resource_v1_A",
    )
    assert export.read() == [("current", "2026-09", 10)]
    total = {row["charge_category"]: row["billed_cost"] for row in export.costs("charge_category")}
    exact = sum((Decimal(repr(cost)) for cost in awkward), Decimal(0))
    # Twenty decimals are kept; a credit beyond them is rounded and told.
    assert total == {"Usage": exact, "Credit": 5 * Decimal("-0.00003000000000000000")}
    (row,) = export.costs("tag:team", "resource_id", "service_name", "sub_account_id")
    assert [*row.values()][:4] == ["web", "vm", "Compute Engine", "shop"]


def test_decimals_of_the_focus_table_arrive_with_all_their_digits_and_labels_are_tags(export: Export) -> None:
    def row(cost: str, **more: Any) -> dict[str, Any]:
        month = {"BillingPeriodStart": "2026-09-01T07:00:00Z", "BillingPeriodEnd": "2026-10-01T07:00:00Z"}
        hour = {"ChargePeriodStart": "2026-09-03T01:00:00Z", "ChargePeriodEnd": "2026-09-03T02:00:00Z"}
        money = dict.fromkeys(("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"), cost)
        told = {
            "BillingAccountId": "A",
            "BillingCurrency": "EUR",
            "ChargeCategory": "Usage",
            "ServiceName": "S",
        }
        labels = [{"Key": "team", "Value": "web"}]
        return {
            **month,
            **hour,
            **money,
            **told,
            "x_ExportTime": "2026-09-04T05:00:00Z",
            "x_Labels": labels,
            **more,
        }

    costs_ = ("12345678901234567.123456789", "0.000000001", "-0.1")
    export.add("gcp_billing_export_focus_A", FOCUS, *map(row, costs_), row("1", x_Labels=[]))
    assert export.read() == [("current", "2026-09", 4)]
    found = {row["tag:team"]: row["effective_cost"] for row in export.costs("tag:team")}
    assert found == {"web": sum(map(Decimal, costs_), Decimal(0)), None: Decimal(1)}
    export.add("gcp_billing_export_focus_A", FOCUS, row("5", x_ExportTime="2026-09-05T05:00:00Z"))
    assert export.read() == [("current", "2026-09", 5)]


def test_only_bills_with_news_are_fetched_again_and_those_whole(export: Export) -> None:
    august = {"invoice": {"month": "202608"}, "usage_start_time": "2026-08-31T01:00:00Z"}
    export.usage({"cost": 1}, {"cost": 2, **august})
    assert export.read() == [("current", "2026-08", 1), ("current", "2026-09", 1)]
    assert export.read() == [("unchanged", "2026-08", 1), ("unchanged", "2026-09", 1)]
    export.usage({"cost": 4, "export_time": "2026-09-04T06:00:00Z"})
    assert export.read() == [("current", "2026-09", 2)]
    # A correction of a bill that was closed is found as well, months later.
    export.usage({"cost": 8, "export_time": "2026-12-24T06:00:00Z", **august})
    assert export.read() == [("current", "2026-08", 2)]
    assert {row["month"]: row["billed_cost"] for row in export.costs("month")} == {
        "2026-08": 10,
        "2026-09": 5,
    }


def test_of_a_dataset_the_table_that_says_most_is_read_for_each_account(export: Export) -> None:
    export.usage({})
    export.usage({"resource": {"name": "vm"}}, name="gcp_billing_export_resource_v1_A")
    export.usage({"billing_account_id": "B"}, name="gcp_billing_export_v1_B")
    assert export.read() == [("current", "2026-09", 1)] * 2
    found = [
        (row["billing_account_id"], row["resource_id"])
        for row in export.costs("billing_account_id", "resource_id")
    ]
    assert found == [("A", "vm"), ("B", None)]


def test_a_copy_that_has_no_partitions_is_read_like_a_table(export: Export, bigquery: BigQuery) -> None:
    export.usage({})
    with bigquery.client() as client:
        table = f"{export.dataset}.gcp_billing_export_v1_A"
        client.query(f"CREATE TABLE {export.dataset}.a_copy AS SELECT * FROM {table}").result()
        assert client.get_table(f"{export.dataset}.a_copy").time_partitioning is None
    assert export.read("/a_copy") == [("current", "2026-09", 1)]
    export.usage({"cost": 2, "export_time": "2026-09-04T06:00:00Z"}, name="a_copy")
    assert export.read("/a_copy") == [("current", "2026-09", 2)]


def test_a_table_without_rows_is_nothing_new(export: Export) -> None:
    export.add("gcp_billing_export_v1_A", STANDARD)
    assert export.read() == []


def test_what_cannot_be_read_is_refused_in_one_sentence(
    export: Export, bigquery: BigQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    export.add("other", {"cost": "FLOAT"})
    assert "no table here is called gcp_billing_export_" in export.refused()
    assert "check the project, the dataset and the table" in export.refused("/none")
    assert "no billing export of Google" in export.refused("/other")
    export.usage({})
    export.read()
    with monkeypatch.context() as nobody:
        nobody.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(bigquery.key.with_name("none.json")))
        assert "GOOGLE_APPLICATION_CREDENTIALS" in export.refused()
    with bigquery.client() as client:
        client.delete_table(f"{export.dataset}.gcp_billing_export_v1_A")
    export.add("gcp_billing_export_v1_A", {"export_time": "TIMESTAMP"})
    # A query that fails is not taken for one that finds nothing new.
    assert "Google says: Query execution failed" in export.refused()
    assert [row["billed_cost"] for row in export.costs()] == [Decimal("1.25")]


@pytest.mark.parametrize(
    "address",
    [
        "bigquery://p",
        "bigquery://p/d/t/x",
        "bigquery://p/d/`t`",
        "bigquery://p/d?most=1",
        "bigquery://p/d?most_gib=0",
        "bigquery:///d/t",
    ],
)
def test_an_address_that_means_no_table_is_refused(address: str) -> None:
    with pytest.raises(SettingsWrong, match="bigquery://PROJECT/DATASET"):
        reader.placed(address)


@pytest.mark.slow
@pytest.mark.shared_data
def test_the_detailed_export_of_september_equals_the_independent_totals(export: Export, shared: Path) -> None:
    name = "synthetic/gcp-detailed-export"
    expected = json.loads((shared / "expected.json").read_text())[name]
    (file,) = (shared / name).glob("*.csv.gz")
    with gzip.open(file, "rt", newline="") as text:
        rows = [nested(row) for row in csv.DictReader(text)]
    export.add("gcp_billing_export_resource_v1_A", DETAILED, *rows)
    assert export.read() == [("current", "2026-09", expected["rows"])]
    for dimension, key in (
        ("day", "by_day"),
        ("service_name", "by_service"),
        ("sub_account_id", "by_project"),
    ):
        found = {
            str(row[dimension]): (str(row["charges"]), row["billed_cost"]) for row in export.costs(dimension)
        }
        assert found == {name: (rows, Decimal(sum_)) for name, (rows, sum_) in expected[key].items()}, (
            dimension
        )


def nested(flat: Mapping[str, str]) -> dict[str, Any]:
    """A row of the file as the table has it."""
    row: dict[str, Any] = {}
    for name, value in flat.items():
        parent, _, field = name.partition(".")
        kind = STANDARD.get(parent, DETAILED.get(parent))
        if isinstance(kind, list):
            row[parent] = json.loads(value)
        elif isinstance(kind, dict) and field in kind:
            row.setdefault(parent, {})[field] = typed(kind[field], value)
        elif isinstance(kind, str):
            row[parent] = typed(kind, value)
    return row


def typed(kind: str, value: str) -> str | float | None:
    return float(value) if value and kind == "FLOAT" else value or None
