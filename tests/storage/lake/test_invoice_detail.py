"""What invoices say is read from FOCUS 1.4's Invoice Detail, exactly or not at all."""

from decimal import Decimal
from pathlib import Path

import pytest

from storage.lake import Lake
from storage.sources.files import BillFile
from storage.sources.invoices import Said, read
from storage.sources.problems import Problem
from tests.storage.lake.bills import table, write

ROW = {
    "InvoiceId": "INV-1",
    "BillingCurrency": "USD",
    "BilledCost": "1",
    "InvoiceIssueStatus": "Issued",
    "InvoiceDetailGrain": "",
}


def said(lake: Lake, *files: Path) -> tuple[list[Said], list[Problem]]:
    with lake.engine() as connection:
        return read(connection, [BillFile(file, file.name) for file in files])


def detail(path: Path, *rows: dict[str, str]) -> Path:
    return write(path, table([{**ROW, **row} for row in rows]))


def test_lines_add_up_by_invoice_and_currency_over_all_files(lake: Lake, tmp_path: Path) -> None:
    one = detail(tmp_path / "a.csv", {"BilledCost": "0.10"}, {"BilledCost": "1E2", "BillingCurrency": "eur"})
    two = detail(tmp_path / "b.csv.gz", {"BilledCost": "-0.3"}, {"InvoiceId": "NULL"}, {"InvoiceId": "INV-2"})
    found, problems = said(lake, one, two)
    assert found == [
        Said("INV-1", "EUR", Decimal(100)),
        Said("INV-1", "USD", Decimal("-0.2")),
        Said("INV-2", "USD", Decimal(1)),
    ]
    assert [(one.file, one.code, one.grade) for one in problems] == [
        ("a.csv", "invoice_detail", "note"),
        ("b.csv.gz", "invoice_detail", "note"),
    ]


def test_what_is_open_or_voided_asks_for_nothing(lake: Lake, tmp_path: Path) -> None:
    states = [{"InvoiceId": state, "InvoiceIssueStatus": state} for state in ("Open", "Voided", "Issued", "")]
    assert [one.invoice for one in said(lake, detail(tmp_path / "a.csv", *states))[0]] == ["Issued"]


def test_parquet_is_read_the_same(lake: Lake, tmp_path: Path) -> None:
    path = detail(tmp_path / "a.csv", {"BilledCost": "0.1"}, {"BilledCost": "0.2"})
    target = tmp_path / "a.parquet"
    with lake.engine() as connection:
        connection.execute(f"COPY (SELECT * FROM read_csv('{path}')) TO '{target}'")
    assert said(lake, target)[0] == [Said("INV-1", "USD", Decimal("0.3"))]


@pytest.mark.parametrize("amount", ["12,50", "NaN", "Infinity", "1e999", "", "\uff11\uff12"])
def test_an_invoice_with_a_line_that_cannot_be_read_is_left_out(
    lake: Lake, tmp_path: Path, amount: str
) -> None:
    found, problems = said(
        lake, detail(tmp_path / "a.csv", {}, {"BilledCost": amount}, {"InvoiceId": "INV-2"})
    )
    assert [one.invoice for one in found] == ["INV-2"]
    (problem,) = [one for one in problems if one.code == "invoice_unreadable"]
    assert (problem.line, problem.column, problem.grade) == (3, "BilledCost", "warn")


def test_an_invoice_in_no_currency_is_left_out(lake: Lake, tmp_path: Path) -> None:
    found, problems = said(lake, detail(tmp_path / "a.csv", {"BillingCurrency": "tokens"}))
    assert (found, problems[-1].column) == ([], "BillingCurrency")
    assert "“tokens” cannot be read" in problems[-1].message


def test_whatever_else_lies_beside_a_bill_is_passed_over(lake: Lake, tmp_path: Path) -> None:
    period = write(tmp_path / "period.csv", "BillingPeriodStart,BillingPeriodStatus\n2026-05-01,Open\n")
    lacking = write(tmp_path / "lacking.csv", "InvoiceIssueStatus,InvoiceId\nIssued,INV-1\n")
    assert said(lake, period, lacking) == ([], [])
