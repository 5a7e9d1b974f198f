"""Deliveries and invoices from a terminal: what is printed, for people and for scripts."""

import json
from pathlib import Path

import pytest

from tests.bot.test_cli_work import home, told
from tests.storage.lake.bills import text, write

__all__ = ["home"]

BILL = [{"InvoiceId": "INV-1", "BilledCost": "99.5"}]


@pytest.fixture
def good(home: Path) -> str:
    return str(write(home / "good.csv", text(BILL)))


@pytest.fixture
def bad(home: Path) -> str:
    return str(write(home / "bad.csv", text([{"BilledCost": "seven"}])))


def test_deliveries_are_listed_shown_tried_again_and_let_go(
    good: str, bad: str, capsys: pytest.CaptureFixture[str]
) -> None:
    one = json.loads(told(capsys, "import", good, "--source", "aws", "--json"))["delivery"]
    two = json.loads(told(capsys, "import", bad, "--json", code=3))["delivery"]
    listed = json.loads(told(capsys, "deliveries", "--json"))
    assert [(row["id"], row["outcome"], row["source"]) for row in listed["deliveries"]] == [
        (two, "refused", "focus"),
        (one, "imported", "aws"),
    ]
    assert (listed["complete_through_by_source"], listed["watched"]) == ({"aws": "2026-05-03"}, [])
    said = told(capsys, "deliveries")
    assert "1 money_unreadable" in said
    assert "aws is complete through 2026-05-03." in said
    shown = told(capsys, "deliveries", "show", two)
    assert "bad.csv:2:BilledCost: “seven” is not an amount" in shown
    assert f"quarantine/{two}" in "".join(shown.split())
    assert json.loads(told(capsys, "deliveries", "show", one, "--json"))["snapshots"][0]["rows"] == 1
    again = json.loads(told(capsys, "deliveries", "retry", two, "--json", code=3))
    assert again["problems"][0]["code"] == "money_unreadable"
    assert "its report stays" in told(capsys, "deliveries", "drop", two)
    assert "kept aside" in told(capsys, "deliveries", "retry", two, code=2)


def test_a_person_reads_where_a_refused_delivery_is(bad: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys, "import", bad, code=3).splitlines()
    assert said[0].startswith("It is kept aside: `bursar deliveries show delivery-")
    assert "column BilledCost" in said[1]


def test_an_invoice_is_told_and_its_residual_is_a_line(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "import", good, "--source", "aws")
    add = ["invoices", "add", "INV-1", "--source", "aws", "--currency", "USD", "--amount"]
    line = json.loads(told(capsys, *add, "100", "--json"))
    assert (line["billed"], line["told"], line["residual"]) == ("99.5", "100", "-0.5")
    assert json.loads(told(capsys, "invoices", "--json")) == {"invoices": [line]}
    said = told(capsys, "invoices", "--source", "aws")
    assert "INV-1" in said
    assert "-0.5000" in said
    take_back = ["invoices", "remove", "INV-1", "--source", "aws", "--currency", "USD"]
    assert "taken back" in told(capsys, *take_back)
    assert json.loads(told(capsys, "invoices", "--json"))["invoices"][0]["told"] is None
    assert "Nobody told what INV-1 of aws says" in told(capsys, *take_back, code=2)
    assert "is no amount" in told(capsys, *add, "NaN", code=2)
    assert "There is no bill of a source 'gcp'; there are: aws." in told(
        capsys, *[*add[:4], "gcp", *add[5:]], "1", code=2
    )
