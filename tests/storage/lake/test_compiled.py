"""Each kind of question compiles to the SQL of every engine, also of those that nobody has run it on."""

from pathlib import Path

import pytest
import sqlglot

from spend.errors import Refused
from storage.engines import engine_of
from storage.engines.compiled import Compiled
from storage.engines.engine import NEVER_RUN, Chosen
from storage.lake import Lake
from storage.store import Store
from tests.storage.lake import questions
from tests.storage.lake.bills import current_ids, load, text, write

DIALECTS = ("pyspark", "postgres", "bigquery", "clickhouse", *NEVER_RUN)
#: One of each shape; `make test-engines` asks all of them.
ASKED = (
    "costs by day service_name sub_account_id",
    "costs where {'month': '2026-05', 'charge_category': 'Credit'}",
    "costs where {'tag:Cost-Center': ''}",
    "slices",
    "costs of resources",
)


def test_every_question_compiles_for_every_engine(tmp_path: Path, lake_store: Store) -> None:
    bill = write(tmp_path / "bill.csv", text(questions.FIRST))
    load(Lake(tmp_path / "home"), lake_store, bill, promoted=questions.PROMOTED)
    ids = current_ids(lake_store)
    for dialect in DIALECTS:
        lake = Lake(tmp_path / "home", counted_by=Compiled(dialect))
        for question in ASKED:
            with pytest.raises(Refused) as refused:
                questions.QUESTIONS[question](lake, lake_store, ids)
            words, _, sql = str(refused.value).partition(" yourself: ")
            assert words.startswith(f"lake.engine {dialect}: compiled, never run. "), question
            parsed = sqlglot.parse_one(sql, read={"pyspark": "spark"}.get(dialect, dialect))
            assert {table.name for table in parsed.find_all(sqlglot.exp.Table)} == {"charges"}


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("spark", "spark://10.0.0.7:7077"),
        ("postgresql", "postgresql://counting@db.internal:5432/charges?sslmode=verify-full"),
        ("bigquery", "acme-billing.bursar"),
        ("clickhouse", ""),
        ("trino", ""),
    ],
)
def test_an_engine_is_chosen_by_name_and_entered_with_the_first_question(name: str, address: str) -> None:
    chosen = engine_of(Chosen(name, address))
    assert type(chosen).__module__.removeprefix("storage.engines.") == (
        "compiled" if name == "trino" else name
    )


@pytest.mark.parametrize(
    ("name", "address", "sentence"),
    [
        ("spark", "", r"spark needs an address spark://HOST:PORT"),
        ("postgresql", "postgresql://me:secret@db/charges", "without a password"),
        ("postgresql", "postgresql://db/charges?user=me&password=secret", "without a password"),
        ("bigquery", "acme-billing", r"PROJECT\.DATASET"),
        ("clickhouse", "http://clickhouse:8123", "clickhouse has no address"),
    ],
)
def test_an_address_that_cannot_be_is_refused(name: str, address: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Chosen(name, address)
