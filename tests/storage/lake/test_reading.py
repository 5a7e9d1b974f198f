"""Bills are read exactly, whatever dialect they are written in."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spend.money import EXACT, QUANTUM
from storage.costs import costs
from storage.lake import Lake
from storage.sources.columns import recognise, snake
from storage.sources.expressions import MACROS, quoted
from storage.store import Store
from tests.storage.lake.bills import current_ids, load, text, write


def read_money(amounts: list[str]) -> list[tuple[Decimal | None, Decimal | None]]:
    """What the importer makes of these texts: the amount kept, and what rounding left out."""
    with duckdb.connect() as engine:
        for macro in MACROS:
            engine.execute(macro)
        values = ", ".join(f"({at}, {quoted(amount)})" for at, amount in enumerate(amounts))
        rows = engine.execute(
            "SELECT coalesce(plain_number(t), w.amount), "
            "CASE WHEN plain_number(t) IS NULL THEN w.remainder END "
            f"FROM (SELECT *, written_out(t) AS w FROM (VALUES {values}) AS v(n, t)) ORDER BY n"
        ).fetchall()
    return [(row[0], row[1]) for row in rows]


numbers = st.builds(
    lambda sign, whole, rest, exponent: f"{sign}{whole}{rest}{exponent}",
    st.sampled_from(["", "-", "+"]),
    st.from_regex(r"[0-9]{1,14}", fullmatch=True),
    st.one_of(
        st.just(""),
        st.from_regex(r"\.[0-9]{0,32}", fullmatch=True),
        st.from_regex(r"\.0{0,20}5(0{0,8})", fullmatch=True),
    ),
    st.one_of(
        st.just(""),
        st.from_regex(r"[eE]-?[0-3]", fullmatch=True),
        st.from_regex(r"e-(0?[4-9]|[12][0-9])", fullmatch=True),
    ),
)


@settings(deadline=None, max_examples=40)  # the engine starts anew each time
@given(st.lists(numbers, min_size=1, max_size=40))
def test_any_way_of_writing_an_amount_is_kept_exactly_or_rounded_half_even(amounts: list[str]) -> None:
    for amount, (kept, remainder) in zip(amounts, read_money(amounts), strict=True):
        exact = EXACT.create_decimal(amount)
        assert kept == EXACT.quantize(exact, QUANTUM), amount
        assert abs(EXACT.subtract(EXACT.subtract(exact, kept), remainder or Decimal(0))) < Decimal("1e-36"), (
            amount
        )


@settings(deadline=None, max_examples=40)
@given(st.lists(st.decimals(min_value=-(10**17), max_value=10**17, places=20), min_size=1, max_size=40))
def test_amounts_with_twenty_decimals_come_back_as_they_were(amounts: list[Decimal]) -> None:
    assert read_money([format(amount, "f") for amount in amounts]) == [(amount, None) for amount in amounts]


@pytest.mark.parametrize(
    "amount",
    ["nan", "inf", "Infinity", "$5", "1,000", "1_000", "0x10", "", "-", "e5", "--5", "1e999", "9" * 19],
)
def test_what_is_no_amount_is_never_guessed(amount: str) -> None:
    assert read_money([amount])[0][0] is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-05-01 22:00:00", "2026-05-01"),
        ("2026-05-01T22:00Z", "2026-05-01"),
        ("2026-05-01T22:00:00.000Z", "2026-05-01"),
        ("2026-05-01 22:00:00 UTC", "2026-05-01"),
        ("2026-05-01T22:00:00-05:00", "2026-05-02"),
        ("2026-05-01T01:00:00+02:00", "2026-04-30"),
        ("2026-05-01", "2026-05-01"),
        ("5/13/26", "2026-05-13"),
        ("05/13/2026", "2026-05-13"),
    ],
)
def test_a_time_in_any_dialect_falls_on_its_day_in_utc(
    lake: Lake, lake_store: Store, tmp_path: Path, written: str, meant: str
) -> None:
    load(lake, lake_store, write(tmp_path / "bill.csv", text([{"ChargePeriodStart": written}])))
    assert costs(lake, lake_store, by=["day"]).to_data()["rows"][0]["day"] == meant


def test_null_words_and_empty_fields_are_nothing(lake: Lake, lake_store: Store, tmp_path: Path) -> None:
    rows = [
        {"ServiceName": "NULL"},
        {"ServiceName": ""},
        {"ServiceName": "null"},
        {"ServiceName": "Null Corp"},
    ]
    load(lake, lake_store, write(tmp_path / "bill.csv", text(rows)))
    found = costs(lake, lake_store, by=["service_name"]).rows
    assert [(row["service_name"], row["charges"]) for row in found] == [("Null Corp", 1), (None, 3)]


def test_a_byte_order_mark_windows_lines_and_semicolons_are_read(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    content = text([{"BilledCost": "2.5"}], without=["Tags"]).replace(",", ";").replace("\n", "\r\n")
    load(lake, lake_store, write(tmp_path / "bill.csv.gz", "\ufeff" + content))
    assert costs(lake, lake_store).totals[0]["billed_cost"] == Decimal("2.5")


def test_text_with_line_breaks_and_quotes_stays_one_field(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    service = 'Line one\nline "two", and three'
    load(lake, lake_store, write(tmp_path / "bill.csv", text([{"ServiceName": service}, {}])))
    assert {row["service_name"] for row in costs(lake, lake_store, by=["service_name"]).rows} == {
        service,
        "Compute",
    }


def test_digits_beyond_twenty_are_counted_and_their_remainder_is_reported(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    rows = [{"BilledCost": "0.1234567890123456789012345"}, {"BilledCost": "1.5E-7"}, {}]
    report = load(lake, lake_store, write(tmp_path / "bill.csv", text(rows)))
    assert report.snapshots[0].warnings == {"billed_cost_rounded": 1}
    (problem,) = report.problems
    assert (problem.line, problem.column, problem.grade) == (2, "BilledCost", "warn")
    assert "0.0000000000000000000012345" in problem.message
    assert costs(lake, lake_store).totals[0]["billed_cost"] == Decimal("1.12345693901234567890")


def test_a_missing_contracted_cost_counts_as_zero_with_a_warning(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    report = load(lake, lake_store, write(tmp_path / "bill.csv", text([{}, {"ContractedCost": "NULL"}])))
    assert report.snapshots[0].warnings == {"contracted_cost_missing": 1}
    assert report.problems[0].line == 3
    assert costs(lake, lake_store).totals[0]["contracted_cost"] == Decimal(1)


def test_floats_and_times_of_a_parquet_file_are_read_as_they_are_written(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    target = tmp_path / "bill.parquet"
    with duckdb.connect() as engine:
        engine.execute(
            f"""COPY (SELECT 'acc' AS BillingAccountId, 'EUR' AS BillingCurrency, 'Usage' AS ChargeCategory,
            TIMESTAMP '2026-05-01' AS BillingPeriodStart,
            TIMESTAMPTZ '2026-05-02 00:00:00+00' AS ChargePeriodStart,
            0.1::DOUBLE AS BilledCost, 1.5e-7::DOUBLE AS EffectiveCost, 0.1::FLOAT AS ListCost,
            CAST('1.25' AS DECIMAL(38, 17)) AS ContractedCost, MAP {{'team': 'web'}} AS Tags
            FROM range(3)) TO {quoted(str(target))} (FORMAT parquet)"""
        )
    load(lake, lake_store, target, promoted=("team",))
    (row,) = costs(lake, lake_store, by=["day", "tag:team"], promoted=("team",)).rows
    assert (row["day"], row["tag:team"], row["currency"]) == (date(2026, 5, 2), "web", "EUR")
    assert [row[cost] for cost in ("billed_cost", "effective_cost", "list_cost", "contracted_cost")] == [
        Decimal("0.3"), Decimal("0.00000045"), Decimal("0.3"), Decimal("3.75"),
    ]  # fmt: skip


def test_rows_keep_the_order_of_the_file(lake: Lake, lake_store: Store, tmp_path: Path) -> None:
    rows = [{"ResourceId": f"i-{at}"} for at in range(3000)]
    load(lake, lake_store, write(tmp_path / "bill.csv.gz", text(rows)))
    (path,) = lake.paths(current_ids(lake_store))
    with duckdb.connect() as engine:
        found = engine.execute(f"SELECT resource_id FROM {quoted(str(path))}").fetchall()
    assert [row[0] for row in found] == [row["ResourceId"] for row in rows]


def test_columns_of_a_provider_are_kept_and_strange_ones_named(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    path = write(tmp_path / "bill.csv", text([{"x_CostCenter": "cc-1", "Row Number": "7"}]))
    report = load(lake, lake_store, path)
    assert [(problem.code, problem.grade) for problem in report.problems] == [("columns_ignored", "note")]
    assert "Row Number" in report.problems[0].message
    assert costs(lake, lake_store, by=["x_cost_center"]).rows[0]["x_cost_center"] == "cc-1"


def test_headers_are_recognised_in_any_case() -> None:
    assert recognise("skupriceid") == recognise("Sku_Price_Id") == "sku_price_id"
    assert snake("x_CostCenterID") == "x_cost_center_id"
