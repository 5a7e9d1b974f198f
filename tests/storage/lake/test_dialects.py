"""One contract for all dialects: exact columns, a declared freshness, and the place of what is wrong."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from spend.errors import SettingsWrong
from storage.costs import costs
from storage.lake import Lake
from storage.snapshots import DeliveryRefused
from storage.sources.columns import REQUIRED
from storage.sources.currencies import CODES
from storage.sources.dialects import DIALECTS
from storage.sources.dialects.dialect import Freshness
from storage.store import Store
from tests.storage.lake.bills import load, write
from tests.storage.sources import SAMPLES

DOCUMENT = Path(__file__).parents[3] / "docs" / "sources.md"
every_dialect = pytest.mark.parametrize("name", DIALECTS)
#: Digits that no float holds.
FINE = "0.12345678901234567891"


def test_every_dialect_has_a_sample() -> None:
    assert list(SAMPLES) == list(DIALECTS)


@every_dialect
def test_a_bill_is_recognised_and_read_exactly(
    lake: Lake, lake_store: Store, tmp_path: Path, name: str
) -> None:
    sample = SAMPLES[name]
    bill = sample.write(tmp_path / "bill", [{}, {sample.amount: FINE}, {sample.amount: "1E-20"}])
    report = load(lake, lake_store, bill, currency=sample.currency)
    (outcome,) = report.snapshots
    assert (outcome.source, outcome.state, outcome.rows) == (name, "current", 3)
    assert not [one for one in report.problems if one.grade == "block"]
    (row,) = costs(lake, lake_store, by=("day", "charge_category", "billing_account_id")).rows
    assert row[sample.basis] == Decimal("1.25") + Decimal(FINE) + Decimal("1E-20")
    assert (row["day"], row["charge_category"], row["currency"]) == (date(2026, 5, 3), "Usage", "USD")
    assert outcome.billing_period == date(2026, 5, 1)


@every_dialect
def test_the_same_content_twice_is_unchanged(
    lake: Lake, lake_store: Store, tmp_path: Path, name: str
) -> None:
    sample = SAMPLES[name]
    one = sample.write(tmp_path / "one", [{}, {sample.amount: "2"}])
    two = sample.write(tmp_path / "two", [{sample.amount: "2"}, {}])
    first, again = (load(lake, lake_store, path, currency=sample.currency) for path in (one, two))
    assert [one.state for one in again.snapshots] == ["unchanged"]
    assert again.snapshots[0].id == first.snapshots[0].id


@pytest.mark.parametrize(("name", "cell"), [(name, cell) for name in SAMPLES for cell in SAMPLES[name].needs])
def test_a_header_without_money_currency_identity_or_period_is_refused(
    lake: Lake, lake_store: Store, tmp_path: Path, name: str, cell: str
) -> None:
    bill = SAMPLES[name].write(tmp_path / "bill", [{}], without=[cell])
    with pytest.raises(DeliveryRefused) as refused:
        load(lake, lake_store, bill, dialect=name, currency=SAMPLES[name].currency)
    found = refused.value
    assert (found.line, found.column, found.report.problems[0].code) == (1, cell, "column_missing")


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if sample.ending == ".csv"])
def test_money_that_is_there_twice_is_refused(
    lake: Lake, lake_store: Store, tmp_path: Path, name: str
) -> None:
    sample = SAMPLES[name]
    lines = [
        f"{line},{end}"
        for line, end in zip(sample.text([{}]).splitlines(), (sample.amount, "9"), strict=False)
    ]
    with pytest.raises(DeliveryRefused) as refused:
        load(lake, lake_store, write(tmp_path / "bill.csv", "\n".join(lines)))
    assert (refused.value.column, refused.value.report.problems[0].code) == (sample.amount, "column_twice")


@every_dialect
def test_a_bad_amount_is_named_by_file_line_and_cell(
    lake: Lake, lake_store: Store, tmp_path: Path, name: str
) -> None:
    sample = SAMPLES[name]
    bill = sample.write(tmp_path / "bill", [{}, {sample.amount: "12,50"}])
    with pytest.raises(DeliveryRefused) as refused:
        load(lake, lake_store, bill, currency=sample.currency)
    found = refused.value
    place = 3 if sample.ending == ".csv" else 2  # a line, or a row where there are no lines
    assert (found.file, found.line, found.column) == (str(bill), place, sample.amount)
    assert found.report.problems[0].code == "money_unreadable"


@every_dialect
def test_each_says_how_fresh_it_is_and_where_its_indispensable_columns_come_from(name: str) -> None:
    dialect = DIALECTS[name]
    assert dialect.freshness in Freshness
    assert set(dialect.needs) == set(REQUIRED)
    settles = "the provider does not say" if dialect.settles is None else f"{dialect.settles} days"
    assert f"| `{name}` | {dialect.freshness} | {settles} |" in DOCUMENT.read_text(encoding="utf-8")


def test_a_report_of_oracle_keeps_its_tags_and_its_corrections(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    bill = SAMPLES["oracle"].text([{}, {"lineItem/isCorrection": "true", "cost/myCost": "-1.5E-1"}])
    load(lake, lake_store, write(tmp_path / "bill.csv", bill))
    rows = costs(lake, lake_store, by=("charge_class", "tags", "sub_account_id")).rows
    assert [tuple(row.values())[:5] for row in rows] == [
        ("Correction", '{"Owner.team":"web"}', "2002", "USD", Decimal("-0.15")),
        (None, '{"Owner.team":"web"}', "2002", "USD", Decimal("1.25")),
    ]


def test_other_datasets_are_skipped_whether_or_not_the_dialect_is_said(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    folder = write(tmp_path / "in" / "bill.csv", SAMPLES["focus"].text([{}])).parent
    write(folder / "period.csv", "BillingPeriodStart,BillingPeriodStatus\n2026-05-01,Open\n")
    for dialect in (None, "focus"):
        report = load(lake, lake_store, folder, dialect=dialect)
        assert [one.code for one in report.problems if one.grade == "note"] == ["skipped"]


def test_one_delivery_is_of_one_dialect(lake: Lake, lake_store: Store, tmp_path: Path) -> None:
    for name, sample in SAMPLES.items():
        sample.write(tmp_path / name, [{}])
    with pytest.raises(DeliveryRefused, match="import them one by one"):
        load(lake, lake_store, tmp_path, currency="USD")


@pytest.mark.parametrize("currency", ["EUR", "euro"])
def test_a_currency_is_said_only_where_the_bill_names_none(
    lake: Lake, lake_store: Store, tmp_path: Path, currency: str
) -> None:
    named, nameless = (
        SAMPLES["azure"].write(tmp_path / name, [{}], without=without)
        for name, without in (("named", ()), ("nameless", ["BillingCurrency"]))
    )
    if currency not in CODES:
        with pytest.raises(SettingsWrong, match="ISO 4217"):
            load(lake, lake_store, named, currency=currency)
        return
    found = [
        load(lake, lake_store, path, currency=currency).snapshots[0].totals for path in (named, nameless)
    ]
    assert [totals[0]["currency"] for totals in found] == ["USD", "EUR"]
    with pytest.raises(DeliveryRefused, match="--currency"):
        load(lake, lake_store, nameless)


def test_a_dialect_nobody_knows_is_refused_with_those_that_are(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    with pytest.raises(SettingsWrong, match="there are: focus"):
        load(lake, lake_store, tmp_path, dialect="excel")
