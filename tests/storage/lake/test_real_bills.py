"""Bills that somebody else wrote give the totals that somebody else computed."""

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from storage.costs import costs
from storage.lake import Lake
from storage.snapshots import DeliveryRefused
from storage.store import Store
from tests.storage.lake.bills import load

pytestmark = pytest.mark.shared_data
BILLS = {
    "real/focus-1.0/focus_sample.csv.gz": "1.0",
    "synthetic/focus-1.2-aws/focus_1_2_aws_2026-05.csv.gz": "1.2",
    "synthetic/focus-1.2-azure/focus_1_2_azure_2026-05.csv.gz": "1.2",
    "synthetic/focus-1.3-gcp/focus_1_3_gcp_2026-05.parquet": "1.3",
    "synthetic/focus-1.4-gcp/synthetic_focus_1_4_cost_and_usage.csv.gz": "1.4",
}
BASES = {
    "billed_cost": "total_billed",
    "effective_cost": "total_effective",
    "list_cost": "total_list",
    "contracted_cost": "total_contracted",
}


def rounded(*amounts: str | Decimal) -> list[Decimal]:
    return [Decimal(amount).quantize(Decimal("1e-12")) for amount in amounts]


@pytest.mark.parametrize("bill", BILLS)
def test_every_total_equals_the_independent_one(
    lake: Lake, lake_store: Store, shared: Path, bill: str
) -> None:
    expected: dict[str, Any] = json.loads((shared / "expected.json").read_text())[bill]
    report = load(lake, lake_store, (shared / bill).parent)
    assert sum(outcome.rows for outcome in report.snapshots) == expected["rows"]
    (total,) = costs(lake, lake_store).totals
    for cost, key in BASES.items():
        assert rounded(total[cost]) == rounded(expected[key]), cost
    for dimension, key in (
        ("day", "by_day[billed,effective]"),
        ("service_name", "by_service[billed,effective]"),
        ("sub_account_id", "by_subaccount[billed,effective]"),
        ("charge_category", "by_charge_category[rows,billed,effective]"),
        (f"tag:{expected['tag_key']}", "by_tag[rows,billed,effective]"),
    ):
        rows = costs(lake, lake_store, by=[dimension]).rows
        found = {
            str(row[dimension] or "(untagged)"): rounded(row["billed_cost"], row["effective_cost"])
            for row in rows
        }
        assert found == {name: rounded(*values[-2:]) for name, values in expected[key].items()}, dimension


def test_the_official_sample_is_four_bills_and_twice_is_nothing_new(
    lake: Lake, lake_store: Store, shared: Path
) -> None:
    sample = shared / "real/focus-1.0"
    first = load(lake, lake_store, sample)
    periods = {str(outcome.billing_period) for outcome in first.snapshots}
    assert periods == {"2024-09-01", "2024-10-01"}
    again = load(lake, lake_store, sample)
    assert {outcome.state for outcome in again.snapshots} == {"unchanged"}
    codes = {problem.code for problem in first.problems}
    assert codes == {"contracted_cost_missing", "charge_frequency_unknown", "columns_ignored"}


CUR = "synthetic/aws-cur/cur/spend-cur"
REPORTS = {
    "real/aws-cur-legacy": "real/aws-cur-legacy",
    f"{CUR}/20260901-20261001": "synthetic/aws-cur 20260901-20261001 [final] bd985859",
    f"{CUR}/20261001-20261101": "synthetic/aws-cur 20261001-20261101 [v3 month end] 632a09d6",
}
BY = {
    "day": "by_day",
    "sub_account_id": "by_account",
    "service_name": "by_product",
    "tag:team": "by_tag_team_raw",
}


def compare_cur(lake: Lake, store: Store, expected: dict[str, Any]) -> None:
    (total,) = costs(lake, store).totals
    assert rounded(total["billed_cost"]) == rounded(expected["total_unblended(=sum BilledCost)"])
    assert rounded(total["effective_cost"]) == rounded(expected["total_effective(rule in README)"])
    for dimension, key in BY.items():
        found = {
            str(row[dimension] or "(untagged)"): [
                str(row["charges"]),
                *rounded(row["billed_cost"], row["effective_cost"]),
            ]
            for row in costs(lake, store, by=[dimension]).rows
        }
        assert found == {name: [rows, *rounded(*sums)] for name, (rows, *sums) in expected[key].items()}, (
            dimension
        )


@pytest.mark.parametrize("path", REPORTS)
def test_every_total_of_a_cost_and_usage_report_equals_the_independent_one(
    lake: Lake, lake_store: Store, shared: Path, path: str
) -> None:
    everything: dict[str, Any] = json.loads((shared / "expected.json").read_text())
    expected = next(value for name, value in everything.items() if name.startswith(REPORTS[path]))
    report = load(lake, lake_store, shared / path)
    assert sum(outcome.rows for outcome in report.snapshots) == expected["rows"]
    compare_cur(lake, lake_store, expected)


def test_the_three_deliveries_of_october_end_at_the_third_and_the_older_ones_do_not_come_back(
    lake: Lake, lake_store: Store, shared: Path
) -> None:
    everything: dict[str, Any] = json.loads((shared / "expected.json").read_text())
    versions = json.loads((shared / "synthetic/aws-cur/versions.json").read_text())
    october = [one["assemblyId"] for one in versions if one["period"] == "20261001-20261101"]
    for delivery in october:
        assert load(lake, lake_store, shared / CUR / "20261001-20261101" / delivery).changed
        compare_cur(lake, lake_store, next(value for name, value in everything.items() if delivery in name))
    for delivery in october[:2]:
        with pytest.raises(DeliveryRefused, match="has taken its place"):
            load(lake, lake_store, shared / CUR / "20261001-20261101" / delivery)
    third = next(value for name, value in everything.items() if october[2] in name)
    compare_cur(lake, lake_store, third)
    whole = load(lake, lake_store, shared / "synthetic/aws-cur")
    assert [one.state for one in whole.snapshots] == ["current", "unchanged"]


def test_every_total_of_a_google_cloud_export_equals_the_independent_one(
    lake: Lake, lake_store: Store, shared: Path
) -> None:
    expected: dict[str, Any] = json.loads((shared / "expected.json").read_text())[
        "synthetic/gcp-detailed-export"
    ]
    load(lake, lake_store, shared / "synthetic/gcp-detailed-export")
    (total,) = costs(lake, lake_store).totals
    assert rounded(total["billed_cost"], total["effective_cost"]) == rounded(*[expected["total_cost"]] * 2)
    assert total["charges"] == expected["rows"]
    for dimension, key in (
        ("day", "by_day"),
        ("service_name", "by_service"),
        ("sub_account_id", "by_project"),
    ):
        rows = costs(lake, lake_store, by=[dimension]).rows
        found = {str(row[dimension]): [str(row["charges"]), *rounded(row["billed_cost"])] for row in rows}
        assert found == {name: [rows, *rounded(sum_)] for name, (rows, sum_) in expected[key].items()}, (
            dimension
        )


def column(path: Path, name: str) -> Decimal:
    """The sum of a column, by nothing that the importer is made of."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return sum((Decimal(row[name]) for row in csv.DictReader(file)), Decimal(0))


def test_each_of_azures_two_views_tells_its_own_basis_and_they_are_never_added(
    lake: Lake, lake_store: Store, shared: Path
) -> None:
    folder = shared / "real/azure-ea"
    report = load(lake, lake_store, folder)
    assert "one_view" not in {problem.code for problem in report.problems}
    assert [(one.billing_account, str(one.billing_period), one.rows) for one in report.snapshots] == [
        ("8611537", "2023-09-01", 39)
    ]
    (total,) = costs(lake, lake_store).totals
    assert rounded(total["billed_cost"], total["effective_cost"]) == rounded(
        column(folder / "EA_ActualCost_Small.csv", "Cost"),
        column(folder / "EA_AmortizedCost_Small.csv", "Cost"),
    )
    tags = costs(lake, lake_store, by=["tag:org"], where={"day": "2023-09-10"}).rows
    assert "trey" in {row["tag:org"] for row in tags}


@pytest.mark.parametrize(
    ("name", "cost"), [("Enterprise", "CostInBillingCurrency"), ("PayAsYouGo", "PreTaxCost")]
)
def test_the_headers_of_azure_are_read(
    lake: Lake, lake_store: Store, shared: Path, name: str, cost: str
) -> None:
    path = shared / "real/azure-opencost" / f"{name}.csv"
    load(lake, lake_store, path)
    (total,) = costs(lake, lake_store).totals
    assert rounded(total["billed_cost"], total["effective_cost"]) == rounded(*[column(path, cost)] * 2)


def test_a_file_of_azure_whose_rows_lack_a_cell_is_refused_and_read_once_they_have_it(
    lake: Lake, lake_store: Store, shared: Path, tmp_path: Path
) -> None:
    path = shared / "real/azure-opencost/Template.csv"
    with pytest.raises(DeliveryRefused, match="no such column"):
        load(lake, lake_store, path)
    with pytest.raises(DeliveryRefused, match="10 fields and the header 11"):
        load(lake, lake_store, path, currency="EUR")
    with path.open(newline="") as short, (tmp_path / "whole.csv").open("w", newline="") as whole:
        header, *rows = csv.reader(short)
        csv.writer(whole).writerows([header, *([*row, *[""] * (len(header) - len(row))] for row in rows)])
    load(lake, lake_store, tmp_path / "whole.csv", currency="EUR")
    (total,) = costs(lake, lake_store).totals
    sum_of = column(path, "costinbillingcurrency")
    assert rounded(total["billed_cost"], total["effective_cost"]) == rounded(sum_of, sum_of)
    assert (total["currency"], total["charges"]) == ("EUR", 87)


def test_the_allocations_of_a_real_cluster_keep_every_digit(
    lake: Lake, lake_store: Store, shared: Path
) -> None:
    load(lake, lake_store, shared / "kubernetes/opencost", currency="USD")
    rows = costs(lake, lake_store, by=["x_namespace"]).rows
    assert {row["x_namespace"]: row["effective_cost"] for row in rows} == {
        "kube-system": Decimal("1.52743"),
        "opencost": Decimal("0.10937"),
        "prometheus": Decimal("0.14136"),
    }


def test_files_that_are_no_bill_are_refused(lake: Lake, lake_store: Store, shared: Path) -> None:
    with pytest.raises(DeliveryRefused):
        load(lake, lake_store, shared / "spec-examples-1.2")
