"""Azure's cost details: two views of the same money, and the headers they come with."""

from decimal import Decimal
from pathlib import Path

import pytest

from storage.costs import costs
from storage.lake import Lake
from storage.snapshots import DeliveryRefused, ImportReport
from storage.store import Store
from tests.storage.lake.bills import load, write
from tests.storage.sources import SAMPLES

AZURE = SAMPLES["azure"]
#: A month in which a reservation was paid for, half used and half idle, beside a plain virtual machine.
PLAIN = {"PricingModel": "OnDemand", "ReservationId": "", "CostInBillingCurrency": "5"}
PURCHASE = {"ChargeType": "Purchase", "PricingModel": "Reservation", "ReservationId": "r"}
USE = {"ChargeType": "Usage", "PricingModel": "Reservation", "ReservationId": "r"}
IDLE = {**USE, "ChargeType": "UnusedReservation"}


def cost(row: dict[str, str], amount: str) -> dict[str, str]:
    return {**PLAIN, **row, "CostInBillingCurrency": amount}


ACTUAL = [PLAIN, cost(PURCHASE, "30"), cost(USE, "0")]
AMORTIZED = [PLAIN, cost(USE, "0.5"), cost(IDLE, "0.5")]


def deliver(lake: Lake, store: Store, folder: Path, **files: list[dict[str, str]]) -> ImportReport:
    for name, rows in files.items():
        write(folder / f"{name}.csv", AZURE.text(rows))
    return load(lake, store, folder)


def sums(lake: Lake, store: Store) -> list[Decimal]:
    (total,) = costs(lake, store).totals
    return [total["billed_cost"], total["effective_cost"]]


def said(report: ImportReport) -> set[str]:
    return {problem.code for problem in report.problems if problem.code == "one_view"}


def test_delivered_together_each_view_tells_its_own_basis(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    report = deliver(lake, lake_store, tmp_path, one=ACTUAL, two=AMORTIZED)
    assert sums(lake, lake_store) == [Decimal(35), Decimal(6)]
    assert not said(report)
    rows = costs(lake, lake_store, by=("charge_category", "commitment_discount_status")).rows
    assert [(*list(row.values())[:2], row["billed_cost"], row["effective_cost"]) for row in rows] == [
        ("Purchase", None, Decimal(30), Decimal(0)),
        ("Usage", "Unused", Decimal(0), Decimal("0.5")),
        ("Usage", "Used", Decimal(0), Decimal("0.5")),
        ("Usage", None, Decimal(5), Decimal(5)),
    ]


ALONE = {
    "actual": (ACTUAL, "35", "35", {"one_view"}),
    "amortized": (AMORTIZED, "5", "6", {"one_view"}),
    "no commitments": ([PLAIN], "5", "5", set[str]()),
}


@pytest.mark.parametrize("name", ALONE)
def test_delivered_alone_the_missing_basis_is_told(
    lake: Lake, lake_store: Store, tmp_path: Path, name: str
) -> None:
    rows, billed, effective, warned = ALONE[name]
    report = deliver(lake, lake_store, tmp_path, costs=rows)
    assert sums(lake, lake_store) == [Decimal(billed), Decimal(effective)]
    assert said(report) == warned


def test_a_file_without_commitments_has_the_view_that_its_name_or_its_folder_tells(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    for name in ("actual/part-1", "actual/part-2", "amortised/part-1", "amortised/part-2"):
        rows = {"actual/part-1": ACTUAL, "amortised/part-1": AMORTIZED}.get(name, [PLAIN])
        write(tmp_path / "in" / f"{name}.csv", AZURE.text(rows))
    load(lake, lake_store, tmp_path / "in")
    assert sums(lake, lake_store) == [Decimal(40), Decimal(11)]


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"one": ACTUAL, "two": AMORTIZED, "three": [PLAIN]}, "nothing says whether"),
        ({"one": [*ACTUAL, *AMORTIZED]}, "two views in one file"),
        (
            {"one": ACTUAL, "two": [{**row, "BillingAccountId": "7"} for row in AMORTIZED]},
            "only actual costs",
        ),
    ],
    ids=["unknown", "mixed", "half"],
)
def test_views_that_cannot_be_told_apart_are_refused(
    lake: Lake, lake_store: Store, tmp_path: Path, files: dict[str, list[dict[str, str]]], why: str
) -> None:
    with pytest.raises(DeliveryRefused, match=why):
        deliver(lake, lake_store, tmp_path, **files)


def test_a_header_in_another_language_and_no_account_is_read(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    cells = {
        "Abonnement-GUID (SubscriptionGuid)": "1001",
        "Verbrauchsdatum (UsageDateTime)": "2026-05-03",
        "Kategorie (MeterCategory)": "Storage",
        "Kosten (PreTaxCost)": "1.25",
        "Währung (Currency)": "EUR",
        "Markierungen (Tags)": '"""team"": ""web"""',
    }
    write(tmp_path / "in.csv", f"\N{BYTE ORDER MARK}{','.join(cells)}\n{','.join(cells.values())}\n")
    (outcome,) = load(lake, lake_store, tmp_path / "in.csv").snapshots
    assert (outcome.billing_account, str(outcome.billing_period)) == ("1001", "2026-05-01")
    (row,) = costs(lake, lake_store, by=("tag:team", "service_name", "charge_category")).rows
    assert list(row.values())[:5] == ["web", "Storage", "Usage", "EUR", Decimal("1.25")]


def test_the_words_of_azure_become_those_of_focus(lake: Lake, lake_store: Store, tmp_path: Path) -> None:
    rows = [{"ChargeType": kind, "Frequency": "OneTime"} for kind in ("Refund", "Tax", "RoundingAdjustment")]
    deliver(lake, lake_store, tmp_path, costs=rows)
    found = costs(lake, lake_store, by=("charge_category", "charge_class", "charge_frequency")).rows
    assert [tuple(row.values())[:3] for row in found] == [
        ("Adjustment", None, "One-Time"),
        ("Purchase", "Correction", "One-Time"),
        ("Tax", None, "One-Time"),
    ]


def test_a_broken_line_is_named_before_the_views_are_looked_at(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    bill = write(tmp_path / "costs.csv", AZURE.text([{}]) + "one,two\n")
    with pytest.raises(DeliveryRefused) as refused:
        load(lake, lake_store, bill)
    assert (refused.value.line, refused.value.report.problems[0].code) == (3, "ragged")
