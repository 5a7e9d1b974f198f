"""`bursar sources`: tables for people, one document for scripts, a sentence where Google is not entered."""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest

from bot import cli
from bot.cli.sources import show_billed, show_prices
from flows.sources import Billed, Project
from storage.sources.gcp_billing import BillingAccount, Tier, UnitPrice
from tests.storage.lake.bills import text, write

PRICE = UnitPrice(
    "E2",
    "=E2 core",
    "OnDemand",
    ("us-central1", "us-east1"),
    "hour",
    "USD",
    (Tier(Decimal(0), Decimal("0.021811590")), Tier(Decimal("0.5"), Decimal("0.02"))),
)
BILLED = Billed(
    BillingAccount("01A2B3", "Acme", open=False, currency="EUR", parent=None),
    (Project("a", enabled=True, charges=True), Project("b", enabled=False, charges=False)),
)
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def home(empty: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a source in its settings, and credentials of nobody."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(empty / "none.json"))
    settings = "sources: [{name: gcp, path: 'bigquery://acme/billing', kind: gcp}]"
    (empty / "bursar.yaml").write_text(settings, encoding="utf-8")
    return empty


def test_sources_are_listed_with_how_far_they_tell(home: Path, capsys: Captured) -> None:
    bill = write(home / "bill.csv", text([{}]))
    assert cli.outcome(["import", str(bill)]) == 0
    capsys.readouterr()
    assert cli.outcome(["sources", "--json"]) == 0
    focus, gcp = json.loads(capsys.readouterr().out)["sources"]
    assert (focus["source"], focus["outcome"], focus["complete_through"]) == (
        "focus",
        "imported",
        "2026-05-03",
    )
    assert gcp == {
        "source": "gcp",
        "place": "bigquery://acme/billing",
        "format": "gcp",
        "freshness": "hourly",
        "settles": None,
        "delivered_at": None,
        "outcome": None,
        "complete_through": None,
        "watched": [],
    }
    assert cli.outcome(["sources"]) == 0
    said = capsys.readouterr().out
    assert "never" in said
    assert "not in the settings" in said


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "command", [["sources", "gcp"], ["sources", "prices", "Compute Engine"], ["import", "gcp"]]
)
def test_without_credentials_a_sentence_says_how_to_have_some(command: list[str], capsys: Captured) -> None:
    assert cli.outcome(command) == 3
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "GOOGLE_APPLICATION_CREDENTIALS" in line


def test_what_google_bills_is_a_table_or_a_document(capsys: Captured) -> None:
    show_billed([BILLED], as_json=False)
    said = capsys.readouterr().out
    assert all(
        one in said for one in ("01A2B3 Acme (EUR), closed", "in the bill", "stopped", "no charges yet")
    )
    show_billed([BILLED], as_json=True)
    (found,) = json.loads(capsys.readouterr().out)["billing_accounts"]
    assert found["account"] == {
        "id": "01A2B3",
        "name": "Acme",
        "open": False,
        "currency": "EUR",
        "parent": None,
    }
    assert found["projects"][1] == {"project": "b", "enabled": False, "charges": False}


def test_prices_keep_their_digits_and_each_tier_has_a_line(capsys: Captured) -> None:
    show_prices([PRICE], as_csv=True)
    first, second = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (first["price"], second["beyond"], first["description"]) == ("0.02181159", "0.5", "'=E2 core")
    show_prices([PRICE], as_json=True)
    (found,) = json.loads(capsys.readouterr().out)["prices"]
    assert (found["sku"], found["tiers"][1]) == ("E2", {"beyond": "0.5", "price": "0.02"})
    show_prices([PRICE])
    assert "us-central1 us-east1" in capsys.readouterr().out
