"""Hostile and broken files are refused whole, or read exactly and counted; what was there before stays."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from spend.errors import Refused
from storage.costs import costs
from storage.lake import Lake
from storage.store import Store
from tests.storage.lake import broken
from tests.storage.lake.bills import ROW, load, text, write
from tests.storage.lake.hostile import Ground, bill, parquet, zipped

NINES = "999999999999999999.99999999999999999999"
READ = {
    "1e16": "10000000000000000", "-1e16": "-10000000000000000", "1e-20": "0.00000000000000000001",
    "-0": "0", "+5": "5", ".5": "0.5", "5.": "5", "1E+2": "100", " 5 ": "5", "1" + "0" * 300 + "e-300": "1",
    "0" * 400 + "5": "5", "5e-21": "0", "1.5e-20": "0.00000000000000000002",
}  # fmt: skip


def refusal(ground: Ground, name: str, content: bytes) -> tuple[str, int | None]:
    """The code and the line of the first thing wrong."""
    problem = ground.refused(ground.file(name, content)).report.problems[0]
    return problem.code, problem.line


@pytest.mark.parametrize("name", ["bill.csv", "bill.CSV.gz", "bill.PARQUET", "doubtful.csv"])
@pytest.mark.case("T49")
def test_a_broken_file_is_refused_with_its_line(ground: Ground, name: str) -> None:
    cases = {
        "bill.csv": broken.texts,
        "bill.CSV.gz": broken.zips,
        "bill.PARQUET": broken.tables,
        "doubtful.csv": broken.values,
    }[name]()
    found = {what: refusal(ground, name, content) for what, (content, *_) in cases.items()}
    assert found == {what: (code, line) for what, (_, code, line) in cases.items()}


@pytest.mark.parametrize(
    ("column", "values", "code"),
    [
        pytest.param("BilledCost", broken.AMOUNTS, "money_unreadable", id="billed"),
        pytest.param("EffectiveCost", broken.AMOUNTS, "money_unreadable", id="effective"),
        pytest.param("ChargePeriodStart", broken.DAYS, "period_unreadable", id="charge"),
        pytest.param("BillingPeriodStart", broken.DAYS, "period_unreadable", id="period"),
        pytest.param("BillingCurrency", broken.CURRENCIES, "currency_unknown", id="currency"),
        pytest.param("BillingAccountId", broken.ACCOUNTS, "account_missing", id="account"),
    ],
)
def test_every_value_that_cannot_be_read_exactly_is_named(
    ground: Ground, column: str, values: Sequence[str], code: str
) -> None:
    content = bill(*[{column: value} for value in values])
    problems = ground.refused(ground.file("bill.csv", content)).report.problems
    named = [(one.line, one.code, one.column) for one in problems]
    assert named == [(line, code, column) for line, _ in enumerate(values, start=2)]


def test_an_amount_of_any_size_that_can_be_kept_is_kept_and_what_rounding_left_out_is_counted(
    ground: Ground,
) -> None:
    rows = [{"ResourceId": written[:9], "BilledCost": written, "EffectiveCost": written} for written in READ]
    report, _ = ground.taken(ground.file("bill.csv", bill(*rows)))
    found = {row["resource_id"]: row for row in ground.costs(report, by=["resource_id"]).rows}
    for cost in ("billed_cost", "effective_cost"):
        kept = {key: row[cost] for key, row in found.items()}
        assert kept == {written[:9]: Decimal(amount) for written, amount in READ.items()}
    assert report.snapshots[0].warnings == {"billed_cost_rounded": 2, "effective_cost_rounded": 2}
    for amount in ("1e17", "-1e17", NINES):
        _, table = ground.taken(ground.file("bill.csv", bill({"BilledCost": amount})))
        assert table.totals[0]["billed_cost"] == Decimal(amount)


def test_sums_beyond_what_can_be_kept_are_refused_in_words(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    for account in ("a", "b", "c"):
        load(
            lake,
            lake_store,
            write(tmp_path / f"{account}.csv", bill({"BillingAccountId": account, "ListCost": "9e17"})),
        )
    with pytest.raises(Refused, match="18 digits"):
        costs(lake, lake_store)
    assert costs(lake, lake_store, by=["billing_account_id"]).rows[0]["list_cost"] == Decimal("9e17")


def test_what_is_odd_but_certain_is_read(ground: Ground) -> None:
    """Rows that are repeated are charges; the rest is a matter of spelling."""
    rows = [{"BilledCost": "2.5", "ResourceId": f"i-{at // 2}"} for at in range(40)]
    plain = bill(*rows)
    odd = {
        "a mark": b"\xef\xbb\xbf" + plain,
        "CR LF": plain.replace(b"\n", b"\r\n"),
        "CR": plain.replace(b"\n", b"\r"),
        "pipes": plain.replace(b",", b"|").replace(b'""team""|', b'""team"",'),
        "blank lines": plain.replace(b"\n", b"\n\n"),
        "no last line break": plain.rstrip(b"\n"),
        "a quote in a text": plain.replace(b"i-5,", b'i"-5,'),
        "the longest field that Python reads": plain.replace(b"i-5,", b"x" * 131_072 + b","),
        "a longer one": plain.replace(b"i-5,", b"x" * 131_073 + b","),
        "a formula": plain.replace(b"Compute", b"=cmd|' /C calc'!A0"),
        "SQL": plain.replace(b"Compute", b"'; DROP TABLE snapshot; --"),
    }
    for what, content in odd.items():
        report, table = ground.taken(ground.file("bill.csv", content))
        assert (table.totals[0]["billed_cost"], table.totals[0]["charges"]) == (100, 40), what
        assert (report.snapshots[0].warnings, report.problems) == ({}, []), what
    for what, members in {
        "two members": [plain[:700], plain[700:]],
        "empty members": [b"", plain, b""],
    }.items():
        _, table = ground.taken(ground.file("bill.csv.gz", zipped(*members)))
        assert table.totals[0]["billed_cost"] == 100, what


def test_a_long_field_with_line_breaks_does_not_hide_the_place_of_a_warning(ground: Ground) -> None:
    """Python's reader, which tells lines, would stop at 131,072 characters by itself."""
    rows = [{}, {"ServiceName": "x,\n" * 100_000}, {"ListCost": "lots"}]
    report, _ = ground.taken(ground.file("bill.csv", bill(*rows)))
    assert [(one.code, one.line) for one in report.problems] == [("list_cost_unreadable", 100_004)]


def test_the_same_rows_in_other_columns_are_the_same_bill(ground: Ground, tmp_path: Path) -> None:
    rows = [{"ResourceId": f"i-{at}"} for at in range(3)]
    first = load(ground.lake, ground.store, write(tmp_path / "a.csv", bill(*rows)), source="order")
    turned = [dict(reversed(({**ROW, **row}).items())) for row in rows]
    again = load(ground.lake, ground.store, write(tmp_path / "b.csv", text(turned)), source="order")
    assert again.snapshots[0].state == "unchanged"
    assert first.snapshots[0].id == again.snapshots[0].id


def test_currencies_that_change_within_a_bill_stay_apart(ground: Ground) -> None:
    rows = [{"BillingCurrency": code} for code in ("USD", "usd", " eur ", "EUR", "JPY")]
    report, table = ground.taken(ground.file("bill.csv", bill(*rows)))
    assert {row["currency"]: row["billed_cost"] for row in table.totals} == {"EUR": 2, "JPY": 1, "USD": 2}
    assert report.snapshots[0].warnings == {"billing_currency_case": 2}


def test_days_with_slashes_count_where_others_show_that_the_month_is_first(ground: Ground) -> None:
    begins = {"BillingPeriodStart": "5/1/26", "BillingPeriodEnd": "6/1/26"}
    days = [{"ChargePeriodStart": day, "ChargePeriodEnd": "2026-05-14"} for day in ("5/4/26", "05/13/2026")]
    for rows in (days, [begins]):
        report, _ = ground.taken(ground.file("bill.csv", bill(*rows)))
        assert {one.code.rpartition("_")[2] for one in report.problems} == {"slashed"}
    assert report.snapshots[0].billing_period is not None
    assert report.snapshots[0].billing_period.isoformat() == "2026-05-01"


def test_a_charge_that_ends_before_it_starts_is_counted(ground: Ground) -> None:
    report, _ = ground.taken(ground.file("bill.csv", bill({}, {"ChargePeriodEnd": "2026-05-02"})))
    assert report.snapshots[0].warnings == {"charge_period_reversed": 1}


TAGS = {
    "[" * 50_000: 1, '{"a":' * 5000 + "1" + "}" * 5000: 0, '{"team": "x", "team": "y"}': 0,
    '{"team": 1e999999}': 0, '{"team": "' + "x" * (1 << 20) + '"}': 0, r'{"team": "\ud800"}': 1,
    r'{"team": "\u0000"}': 0, '{"a/b~c": "1"}': 0,
    '{"team": "x"': 1, "[]": 1, "nonsense": 1, "{'team': 'x'}": 1, "{}": 0,
}  # fmt: skip


def test_tags_of_any_shape_never_lose_money_and_bad_ones_are_counted(ground: Ground) -> None:
    report, table = ground.taken(
        ground.file("bill.csv", bill(*[{"Tags": tags} for tags in TAGS])), promoted=("team",)
    )
    assert table.totals[0]["billed_cost"] == len(TAGS)
    assert report.snapshots[0].warnings == {"tags_unreadable": sum(TAGS.values())}
    found = costs(ground.lake, ground.store, by=["tag:a/b~c"], snapshots=[str(report.snapshots[0].id)])
    assert [row["charges"] for row in found.rows] == [1, len(TAGS) - 1]


def test_a_file_means_itself_whatever_it_is_called(ground: Ground) -> None:
    """The engine takes names for patterns, and folders called `column=value` for columns."""
    names = (
        "*.csv",
        "[o]ther.csv",
        "?.csv",
        "a\nb.csv",
        "a'b\".csv",
        "$(touch x).csv",
        "%s.csv",
        "'; DROP--.csv",
    )
    for name in names:
        path = ground.file(name, bill({"BilledCost": "3"}))
        write(path.parent / "other.csv", bill({"BilledCost": "100"}))
        assert ground.taken(path)[1].totals[0]["billed_cost"] == 3, name
    for folder in ("BilledCost=5", "**", "[a]"):
        path = ground.file(f"{folder}/[x].parquet", parquet({"BilledCost": ["3"] * 3}))
        assert ground.taken(path.parent)[1].totals[0]["billed_cost"] == 9, folder
