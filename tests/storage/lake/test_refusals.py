"""A broken bill is refused with its place, and what was there before stays."""

import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from spend.errors import SettingsWrong
from storage.costs import costs
from storage.lake import Lake
from storage.snapshots import DeliveryRefused
from storage.store import Store
from tests.storage.lake.bills import load, text, write


def refusal(lake: Lake, store: Store, path: Path) -> DeliveryRefused:
    with pytest.raises(DeliveryRefused) as caught:
        load(lake, store, path)
    return caught.value


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ({"BilledCost": "12,50"}, "money_unreadable"),
        ({"EffectiveCost": "NaN"}, "money_unreadable"),
        ({"BilledCost": "Infinity"}, "money_unreadable"),
        ({"BilledCost": ""}, "money_missing"),
        ({"BillingCurrency": "NULL"}, "currency_missing"),
        ({"BillingCurrency": "XYZ"}, "currency_unknown"),
        ({"BillingAccountId": ""}, "account_missing"),
        ({"BillingPeriodStart": ""}, "period_missing"),
        ({"ChargePeriodStart": "31/12/2026"}, "period_unreadable"),
    ],
)
@pytest.mark.case("T49", "V2.2.1")
def test_a_row_without_money_currency_account_or_period_is_named_by_line_and_column(
    lake: Lake, lake_store: Store, tmp_path: Path, cell: dict[str, str], code: str
) -> None:
    path = write(tmp_path / "bill.csv", text([{}, {"ServiceName": "two\nlines"}, cell, {}]))
    found = refusal(lake, lake_store, path)
    assert (found.file, found.line, found.column) == (str(path), 5, next(iter(cell)))
    (problem,) = found.report.problems
    assert (problem.code, problem.grade) == (code, "block")
    assert found.report.to_data()["snapshots"][0]["state"] == "refused"
    assert (found.report.snapshots[0].rows, found.report.snapshots[0].rejected) == (4, 1)


def test_at_most_fifty_places_are_listed_and_all_are_counted(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    path = write(tmp_path / "bill.csv.gz", text([{"BilledCost": "?"}] * 70))
    found = refusal(lake, lake_store, path)
    assert [problem.line for problem in found.report.problems] == list(range(2, 52))
    assert found.report.snapshots[0].rejected == 70
    assert "69 more" in str(found)


@pytest.mark.parametrize("column", ["BilledCost", "EffectiveCost", "BillingCurrency", "BillingAccountId"])
def test_a_file_without_a_needed_column_is_refused(
    lake: Lake, lake_store: Store, tmp_path: Path, column: str
) -> None:
    found = refusal(lake, lake_store, write(tmp_path / "bill.csv", text([{}], without=[column])))
    assert (found.line, found.column, found.report.problems[0].code) == (1, column, "column_missing")


def test_a_ragged_row_is_named_by_its_line(lake: Lake, lake_store: Store, tmp_path: Path) -> None:
    content = text([{"ServiceName": "two\nlines"}, {}]) + "one,two,three\n"
    found = refusal(lake, lake_store, write(tmp_path / "bill.csv", content))
    assert (found.line, found.report.problems[0].code) == (5, "ragged")
    assert "3 fields and the header 17" in found.reason


@pytest.mark.parametrize("share", [0.5, 0.999])
def test_a_gzip_that_was_cut_short_is_refused(
    lake: Lake, lake_store: Store, tmp_path: Path, share: float
) -> None:
    whole = gzip.compress(text([{"ResourceId": f"i-{at * 7919 % 5000}"} for at in range(5000)]).encode())
    path = tmp_path / "bill.csv.gz"
    path.write_bytes(whole[: int(len(whole) * share)])
    assert refusal(lake, lake_store, path).report.problems[0].code == "truncated"


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (("bill.parquet", b"PAR1 this is no parquet PAR1"), "parquet"),
        (("bill.csv", b""), "empty"),
        (("bill.csv", b"BilledCost,ChargePeriodStart\n1,2026-05-01\n"), "column_missing"),
        (("bill.csv", b"name,amount\nx,1\n"), "not_a_bill"),
        (("bill.csv", b"B\xffilled\n"), "encoding"),
    ],
)
def test_what_is_no_bill_is_refused_in_words(
    lake: Lake, lake_store: Store, tmp_path: Path, file: tuple[str, bytes], code: str
) -> None:
    name, content = file
    assert refusal(lake, lake_store, write(tmp_path / name, content)).report.problems[0].code == code


def test_bytes_that_are_not_utf8_are_named_by_line(lake: Lake, lake_store: Store, tmp_path: Path) -> None:
    content = text([{}, {"ServiceName": "Zürich"}]).encode("latin-1")
    found = refusal(lake, lake_store, write(tmp_path / "bill.csv", content))
    assert found.report.problems[0].code == "encoding"


def test_a_header_without_rows_is_refused(lake: Lake, lake_store: Store, tmp_path: Path) -> None:
    assert "no rows" in refusal(lake, lake_store, write(tmp_path / "bill.csv", _header())).reason


def _header() -> str:
    return text([{}]).splitlines()[0] + "\n"


def test_a_path_that_is_not_there_is_refused(lake: Lake, lake_store: Store, tmp_path: Path) -> None:
    assert "no such file" in str(refusal(lake, lake_store, tmp_path / "absent.csv"))


@pytest.mark.case("V2.3.3")
def test_a_refused_delivery_leaves_what_was_there(lake: Lake, lake_store: Store, tmp_path: Path) -> None:
    load(lake, lake_store, write(tmp_path / "one.csv", text([{"BilledCost": "7"}])))
    refusal(lake, lake_store, write(tmp_path / "two.csv", text([{"BilledCost": "8"}, {"BilledCost": "x"}])))
    assert costs(lake, lake_store).totals[0]["billed_cost"] == Decimal(7)
    assert list((lake.root / "staging").iterdir()) == []


@pytest.mark.case("V5.3.2")
def test_a_source_is_named_so_that_it_can_be_a_folder(lake: Lake, lake_store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "bill.csv", text([{}]))
    with pytest.raises(SettingsWrong, match="source is named"):
        load(lake, lake_store, path, source="../elsewhere")
