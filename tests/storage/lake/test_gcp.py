"""Exports of Google Cloud Billing: charges and their credits apart, in the month of their invoice."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from storage.costs import costs
from storage.lake import Lake
from storage.snapshots import DeliveryRefused
from storage.store import Store
from tests.storage.lake.bills import load, write
from tests.storage.sources import SAMPLES

GCP = SAMPLES["gcp"]
NESTED = """SELECT '1001' AS billing_account_id, {'id': 's', 'description': 'Compute Engine'} AS service,
    TIMESTAMPTZ '2026-05-03 01:00:00+00' AS usage_start_time, {'id': '2002'} AS project,
    [{'key': 'team', 'value': 'web'}] AS labels, 1.25 AS cost, 'USD' AS currency,
    [{'name': 'p', 'amount': -0.25}] AS credits, {'month': '202605'} AS invoice, 'regular' AS cost_type"""


def promotions(*amounts: str) -> str:
    """Nested credits, their amounts as they are written."""
    each = [
        f'{{"name": "Promo, of “May”", "type": "PROMOTION", "id": "p", "amount": {one}}}' for one in amounts
    ]
    return f"[{', '.join(each)}]"


def read(lake: Lake, store: Store, path: Path, rows: list[dict[str, str]], *by: str) -> list[dict[str, Any]]:
    load(lake, store, write(path / "export.csv", GCP.text(rows)))
    return costs(lake, store, by=by).rows


def test_each_credit_is_a_row_of_its_own_with_all_its_digits(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    fine = "-0.10000000000000000001"
    rows = [
        {"cost": "10", "credits": promotions("-2.5", fine), "usage.amount": "7", "usage.unit": "seconds"},
        {},
    ]
    found = read(
        lake, lake_store, tmp_path, rows, "charge_category", "x_credit_type", "consumed_unit", "service_name"
    )
    assert [
        (
            row["charge_category"],
            row["x_credit_type"],
            row["billed_cost"],
            row["list_cost"],
            row["charges"],
            row["consumed_unit"],
        )
        for row in found
    ] == [
        ("Credit", "PROMOTION", Decimal("-2.5") + Decimal(fine), Decimal(0), 2, None),
        ("Usage", None, Decimal(10), Decimal(10), 1, "seconds"),
        ("Usage", None, Decimal("1.25"), Decimal("1.25"), 1, None),
    ]
    assert {row["service_name"] for row in found} == {"Compute Engine"}


def test_a_cost_type_is_a_category_and_the_invoice_is_the_period(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    kinds: dict[str, tuple[str, str | None]] = {
        "regular": ("Usage", None),
        "tax": ("Tax", None),
        "adjustment": ("Adjustment", "Correction"),
        "rounding_error": ("Adjustment", None),
        "novelty": ("novelty", None),
    }
    april = {"usage_start_time": "2026-04-30T23:00:00"}
    rows = [{**april, "cost_type": kind, "project.id": kind} for kind in kinds]
    (outcome,) = load(lake, lake_store, write(tmp_path / "export.csv", GCP.text(rows))).snapshots
    assert (str(outcome.billing_period), outcome.rows) == ("2026-05-01", 5)
    found = costs(lake, lake_store, by=("day", "sub_account_id", "charge_category", "charge_class")).rows
    assert {str(row["day"]) for row in found} == {"2026-04-30"}
    assert {row["sub_account_id"]: (row["charge_category"], row["charge_class"]) for row in found} == kinds


def test_labels_are_tags(lake: Lake, lake_store: Store, tmp_path: Path) -> None:
    labels = json.dumps([{"key": "team", "value": "web"}, {"key": "team", "value": "api"}, {"key": "x"}])
    found = read(lake, lake_store, tmp_path, [{"labels": labels}, {"labels": "?"}], "tag:team", "tags")
    assert [(row["tag:team"], row["tags"]) for row in found] == [("api", '{"team":"api"}'), (None, "?")]


@pytest.mark.parametrize(
    "broken", ["[{'amount': -1}]", '[{"amount": "much"}]', '[{"name": "x"}]', '{"amount": 1}']
)
def test_credits_that_cannot_be_read_are_refused_by_line(
    lake: Lake, lake_store: Store, tmp_path: Path, broken: str
) -> None:
    rows = [{"credits": promotions("-1", "-2")}, {"credits": broken}]
    with pytest.raises(DeliveryRefused) as refused:
        read(lake, lake_store, tmp_path, rows)
    assert (refused.value.line, refused.value.column) == (3, "credits")


def test_the_nested_columns_of_a_table_mean_the_same(lake: Lake, lake_store: Store, tmp_path: Path) -> None:
    with duckdb.connect() as engine:
        engine.execute(f"COPY ({NESTED}) TO '{tmp_path}/export.parquet'")
    load(lake, lake_store, tmp_path / "export.parquet")
    by = ("charge_category", "service_name", "sub_account_id", "tag:team")
    assert [tuple(row.values())[:6] for row in costs(lake, lake_store, by=by).rows] == [
        ("Credit", "Compute Engine", "2002", "web", "USD", Decimal("-0.25")),
        ("Usage", "Compute Engine", "2002", "web", "USD", Decimal("1.25")),
    ]
