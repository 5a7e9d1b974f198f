"""What an invoice says is compared with its charges, and what is left is a line of its own."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flows import deliveries, ingestion, invoices
from spend.errors import SettingsWrong
from storage.snapshots import ImportReport
from tests.flows.world import FIN, Company
from tests.storage.lake import bills
from tests.storage.lake.bills import SHARED

DETAIL = "InvoiceId,BillingCurrency,BilledCost,InvoiceDetailGrain,InvoiceIssueStatus\n"


def bring(company: Company, rows: list[dict[str, str]], detail: str = "") -> ImportReport:
    """Import a bill, and an Invoice Detail dataset with these lines beside it."""
    folder = company.home.parent / "in"
    bills.write(folder / "bill.csv", bills.text(rows))
    if detail:
        bills.write(folder / "detail.csv", DETAIL + detail)
    company.clock.turn(seconds=1)
    return ingestion.bring_in(company.desk, [folder], source="aws", actor=FIN, now=company.now)


def lines(company: Company) -> list[tuple[str | None, str, str, str | None, str | None]]:
    return [
        (one["invoice"], one["currency"], one["billed"], one["told"], one["residual"])
        for one in (line.to_data() for line in invoices.lines(company.desk))
    ]


def tell(company: Company, invoice: str, amount: str, **more: Any) -> invoices.Line:
    asked = {"source": "aws", "currency": "USD", "actor": FIN, "now": company.now, **more}
    return invoices.tell(company.desk, invoice, amount=Decimal(amount), **asked)


BILL = [
    {"InvoiceId": "INV-1", "BilledCost": "60.004"},
    {"InvoiceId": "INV-1", "BilledCost": "39.99"},
    {"InvoiceId": "INV-2", "BilledCost": "7"},
    {"InvoiceId": "", "BilledCost": "0.5"},
]


def test_details_beside_a_bill_are_held_against_its_charges(company: Company) -> None:
    report = bring(
        company,
        BILL,
        "INV-1,USD,60,line,Issued\nINV-1,USD,40,line,Issued\n"
        "INV-2,USD,7.25,line,Issued\nINV-3,USD,5,line,Issued\nINV-4,USD,9,line,Open\n",
    )
    told = [(one["invoice"], one["billed"], one["told"], one["residual"]) for one in report.invoices]
    assert told == [
        ("INV-1", "99.994", "100", "-0.006"),
        ("INV-2", "7", "7.25", "-0.25"),
        ("INV-3", "0", "5", "-5"),
    ]
    warned = [(one.file, one.message) for one in report.problems if one.code == "invoice_residual"]
    assert warned == [
        ("invoice INV-2", "the invoice says 7.25 USD and its charges add up to 7: 0.25 is missing"),
        ("invoice INV-3", "the invoice says 5 USD and its charges add up to 0: 5 is missing"),
    ]
    shown = deliveries.show(company.desk, report.delivery or "")
    assert shown["invoices"] == list(report.invoices)
    counts = {one["code"]: one["count"] for one in shown["problems"]}
    assert counts == {"invoice_detail": 1, "invoice_residual": 2}
    assert lines(company)[-1] == (None, "USD", "0.5", None, None)
    assert company.events("INV-1") == ["invoice.tell"]


def test_finance_tells_what_an_invoice_says_and_it_stands_against_a_file(company: Company) -> None:
    bring(company, BILL)
    assert lines(company)[0] == ("INV-1", "USD", "99.994", None, None)
    assert (tell(company, "INV-1", "99.99").residual, tell(company, "INV-2", "6").open) == (
        Decimal("0.004"),
        True,
    )
    assert tell(company, "INV-2", "4", currency="EUR").billed == 0
    report = bring(company, BILL, "INV-1,USD,1,line,Issued\n")
    assert [one["told"] for one in report.invoices] == ["99.99", "4", "6"]
    assert {one.message.rpartition(": ")[2] for one in report.problems if one.code == "invoice_residual"} == {
        "1 too much",
        "4 is missing",
    }
    (entry,) = company.entries("INV-1")
    assert (entry["actor"], entry["after"]["amount"], entry["after"]["delivery"]) == (FIN, "99.99", None)
    for wrong in ({"source": "gcp"}, {"currency": "XXX"}):
        with pytest.raises(SettingsWrong):
            tell(company, "INV-1", "1", **wrong)


def test_a_restated_bill_is_held_against_the_same_invoice_again(on_sqlite: Company) -> None:
    bring(on_sqlite, [{"BilledCost": "1"}])
    assert lines(on_sqlite) == []  # nothing names an invoice, so that nothing is missing on one
    restated = bring(
        on_sqlite, [*BILL, {"InvoiceId": "INV-2", "BilledCost": "-2"}], "INV-2,USD,7,line,Issued\n"
    )
    assert [one["residual"] for one in restated.invoices] == ["-2"]


@pytest.mark.shared_data
def test_the_synthetic_bundle_of_focus_1_4_ties_out(on_sqlite: Company) -> None:
    folder: Path = SHARED / "synthetic" / "focus-1.4-gcp"
    if not folder.exists():
        pytest.skip("the shared bills are not here")
    report = ingestion.bring_in(on_sqlite.desk, [folder], source="gcp", actor=FIN, now=on_sqlite.now)
    assert [(one["invoice"], one["residual"]) for one in report.invoices] == [
        ("INV-2026-05-A7B8C9", "0"),
        ("INV-2026-05-F70819", "0"),
    ]
    assert "invoice_residual" not in {one.code for one in report.problems}
