"""Whatever is written comes back exactly; whatever is changed in it is read as it is, or refused."""

import csv
import io
import json
import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from spend.money import EXACT, QUANTUM, total
from tests.storage.lake.hostile import Ground, bill, independent, mutated, parquet, zipped

NULLS = ("", "NULL", "null")
SERVICES = (
    "Compute",
    'Two\nlines, "quoted"',
    "a;b|c\td",
    "Zürich 東京 😀",
    "=1+1",
    " spaced ",
    "a\r\nb",
    "",
    "NULL",
    "'",
)
AMOUNTS = ("0.1", "-3.5e-7", "12345678901.123456789", "1", "-0", "99.99", "0.12345678901234567890", "7E+3")
BILL = bill(
    *[
        {
            "BilledCost": AMOUNTS[at % len(AMOUNTS)],
            "ServiceName": SERVICES[at % len(SERVICES)],
            "BillingCurrency": ("USD", "EUR", "usd")[at % 3],
            "x_Note": "n" * (at % 5),
        }
        for at in range(60)
    ]
)

amounts = st.decimals(min_value=-(10**15), max_value=10**15, places=20)
texts = st.one_of(
    st.sampled_from(SERVICES),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=9),
)
rows = st.lists(
    st.tuples(amounts, st.sampled_from(("USD", "EUR")), texts, st.dictionaries(texts, texts, max_size=3)),
    min_size=1,
    max_size=25,
)
#: A few examples, always the same, for everybody's suite, and many among the slower proofs.
few_and_many = pytest.mark.parametrize("examples", [3, pytest.param(150, marks=pytest.mark.slow)])


@few_and_many
def test_whatever_is_written_comes_back_exactly(ground: Ground, examples: int) -> None:
    @settings(max_examples=examples, derandomize=True, phases=[Phase.generate])
    @given(rows)
    def round_trip(written: list[tuple[Decimal, str, str, dict[str, str]]]) -> None:
        meant = {
            code: total(row[0] for row in written if row[1] == code) for code in {row[1] for row in written}
        }
        services = {None if row[2] in NULLS else row[2] for row in written}
        cells = [
            {
                "BilledCost": format(cost, "f"),
                "BillingCurrency": code,
                "ServiceName": service,
                "Tags": json.dumps(tags),
            }
            for cost, code, service, tags in written
        ]
        columns: dict[str, Any] = {name: [row[name] for row in cells] for name in cells[0]}
        import pyarrow as pa

        columns["BilledCost"] = pa.array([row[0] for row in written], pa.decimal128(38, 20))
        for name, content in (
            ("bill.csv", bill(*cells)),
            ("bill.csv.gz", zipped(bill(*cells))),
            ("bill.parquet", parquet(columns, rows=len(written))),
        ):
            report, table = ground.taken(ground.file(name, content))
            assert {row["currency"]: row["billed_cost"] for row in table.totals} == meant, name
            found = ground.costs(report, by=["service_name"]).rows
            assert {row["service_name"] for row in found} == services, name
            assert sum(row["charges"] for row in found) == len(written), name

    round_trip()


@few_and_many
def test_a_changed_file_is_read_as_another_reader_reads_it_or_refused(ground: Ground, examples: int) -> None:
    outcomes = [
        judged(ground, "bill.csv", mutated(random.Random(seed), BILL)) for seed in range(examples * 5)
    ]
    assert min(outcomes.count(True), outcomes.count(False)) > examples // 2, "both happen"


def judged(ground: Ground, name: str, content: bytes) -> bool:
    """Whether it was read; if so, as an independent reader reads it."""
    path = ground.file(name, content)
    table = ground.taken_or_refused(path)
    if table is None:
        return False
    found = {row["currency"]: row["billed_cost"] for row in table.totals}
    assert found == independent(content), path
    return True


@few_and_many
def test_a_changed_parquet_file_is_read_as_another_reader_reads_it_or_refused(
    ground: Ground, examples: int
) -> None:
    from pyarrow import ArrowException
    from pyarrow import parquet as files

    read = csv.DictReader(io.StringIO(BILL.decode(), newline=""))
    cells = list(read)
    whole = parquet({name: [row[name] for row in cells] for name in cells[0]}, rows=len(cells))
    for seed in range(examples * 3):
        chance = random.Random(seed)
        content = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path = ground.file("bill.parquet", bytes(content))
        table = ground.taken_or_refused(path)
        if table is None:
            continue
        try:
            other = files.read_table(path, columns=["BilledCost", "BillingCurrency"]).to_pylist()
        except (ArrowException, OSError, KeyError, UnicodeDecodeError):
            continue  # it reads with more care, and has nothing to compare
        meant: dict[str, Decimal] = {}
        for row in other:
            code, amount = (
                row["BillingCurrency"].strip().upper(),
                EXACT.create_decimal(row["BilledCost"].strip()),
            )
            meant[code] = EXACT.add(meant.get(code, Decimal(0)), EXACT.quantize(amount, QUANTUM))
        assert {row["currency"]: row["billed_cost"] for row in table.totals} == meant, path
