"""Every engine gives the answers of the embedded one, to the last of 20 decimals, or the docs say so."""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from google.cloud.bigquery import Client

from spend.allocation import AnyRule, Condition, Match, Rule, Verdict, evaluate, tag_rule
from spend.charge import Charge, parse_tags
from spend.errors import Refused
from storage import allocated
from storage.allocate import slices
from storage.costs import costs
from storage.engines import engine_of
from storage.engines.bigquery import table_at
from storage.engines.engine import Chosen, Engine
from storage.engines.loading import table_name
from storage.engines.postgresql import PostgreSQL
from storage.engines.scans import scans
from storage.garbage import collect
from storage.lake import Lake
from storage.snapshots import current
from storage.store import Store
from tests import bigquery as google
from tests import spark
from tests.databases import PostgresServer, SqliteTemplate
from tests.storage.lake import questions
from tests.storage.lake.bills import NOW, SHARED, current_ids, load, text, write

pytestmark = [pytest.mark.slow, pytest.mark.engines]
SCALE = Path(__file__).parents[3] / "docs" / "scale.md"
DATASET = f"{google.PROJECT}.lake"
REAL = ("real/focus-1.0", "synthetic/focus-1.2-aws", "synthetic/focus-1.3-gcp")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engines")


@pytest.fixture(scope="module")
def made(home: Path, sqlite_template: SqliteTemplate) -> Iterator[Store]:
    """The awkward bills, imported."""
    store = sqlite_template.fresh(home / "made").store()
    questions.bills(Lake(home / "made"), store, home)
    yield store
    store.close()


@pytest.fixture(scope="module")
def real(home: Path, sqlite_template: SqliteTemplate) -> Iterator[Store]:
    """Bills that somebody else wrote, imported."""
    if not SHARED.exists():
        pytest.skip(f"the shared bills are not here ({SHARED})")
    store = sqlite_template.fresh(home / "real").store()
    for bill in REAL:
        load(Lake(home / "real"), store, SHARED / bill, source=Path(bill).name, promoted=("owner",))
    yield store
    store.close()


@pytest.fixture(scope="module")
def environ() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def clickhouse() -> Engine:
    return engine_of(Chosen("clickhouse"))


def address_of(server: PostgresServer) -> str:
    """A new database of the server, and who may make tables in it."""
    return server.empty().owner_url.replace(":@", "@")


@pytest.fixture(scope="module")
def postgresql_address(postgres: PostgresServer) -> str:
    return address_of(postgres)


@pytest.fixture(scope="module")
def postgresql_engine(postgresql_address: str) -> Engine:
    return engine_of(Chosen("postgresql", postgresql_address))


@pytest.fixture(scope="module")
def bigquery(home: Path, environ: pytest.MonkeyPatch) -> Iterator[Engine]:
    with google.running(home) as server:
        server.enter(environ)
        with server.client() as client:
            client.create_dataset("lake")
        yield engine_of(Chosen("bigquery", DATASET))


@pytest.fixture(scope="module")
def spark_cluster(home: Path, environ: pytest.MonkeyPatch) -> Iterator[Engine]:
    environ.setenv("SPARK_LOCAL_IP", spark.LOOPBACK)
    with spark.cluster(home / "spark") as address:
        engine: Any = engine_of(Chosen("spark", address))
        yield engine
        engine.session.stop()


ENGINES = {
    "spark": "spark_cluster",
    "postgresql": "postgresql_engine",
    "bigquery": "bigquery",
    "clickhouse": "clickhouse",
}


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    chosen: Engine = request.getfixturevalue(ENGINES[request.param])
    return chosen


def test_every_question_has_the_same_answer(home: Path, made: Store, engine: Engine) -> None:
    expected = questions.answers(Lake(home / "made"), made)
    found = questions.answers(Lake(home / "made", counted_by=engine), made)
    for name, answer in expected.items():
        assert found[name] == answer, name


@pytest.mark.shared_data
def test_bills_of_others_have_the_same_answers(home: Path, real: Store, engine: Engine) -> None:
    embedded, other = Lake(home / "real"), Lake(home / "real", counted_by=engine)
    for by in (("day", "service_name"), ("source", "charge_category", "sub_account_id"), ("tag:owner",)):
        asked: Any = {"by": by, "promoted": ("owner",)}
        assert costs(other, real, **asked) == costs(embedded, real, **asked), by
    rules = (tag_rule("tag", ("Owner",), ("Team-A",), {"platform": "Team-A"}),)
    assert slices(other, current_ids(real), rules) == slices(embedded, current_ids(real), rules)


def test_each_tagged_charge_goes_where_the_evaluator_sends_it(
    home: Path, made: Store, engine: Engine
) -> None:
    lake = Lake(home / "made", counted_by=engine)
    rules: tuple[AnyRule, ...] = (
        Rule("both", Match((Condition("tag: TEAM", "in", ("WEB", "")),)), team="red"),
        tag_rule("tag", ('OW"n/e~r', "team"), questions.TEAMS, {"we b": "web"}),
    )
    judged = allocated.charges(lake, [tagged(made)], rules, by=("resource_id",), period=questions.MAY)
    found = {row.key[0]: Verdict(row.rule, row.team, row.pool) for row in judged}
    for number, row in enumerate(questions.tagged()):
        charge = Charge(questions.MAY.start, "1001", "USD", "Usage", tags=parse_tags(row["Tags"]))
        assert found[f"r-{number}"] == evaluate(rules, charge), row


def test_a_tag_is_known_where_it_was_promoted_before_the_import(
    home: Path, made: Store, engine: Engine
) -> None:
    lake = Lake(home / "made", counted_by=engine)
    asked: Any = {"by": ["tag:other"], "promoted": ("other",)}
    found = costs(lake, made, snapshots=[tagged(made)], **asked)
    assert found == costs(Lake(lake.home), made, snapshots=[tagged(made)], **asked)
    with pytest.raises(Refused, match=r"'other' only lake\.engine duckdb"):
        costs(lake, made, **asked)


def tagged(store: Store) -> str:
    """The snapshot with every way to spell a tag."""
    with store.reading() as session:
        return next(row.id for row in current(session) if row.source == questions.TAGGED)


def not_promoted(lake: Lake, store: Store) -> bool:
    (row,) = costs(lake, store, by=["tag:org"], where=SIGMA).rows
    return bool(row["tag:org"] == "a")


def is_there(lake: Lake, store: Store) -> bool:
    rules = (Rule("any", Match((Condition("tag:org", "present"),)), team="web"),)
    return verdicts(lake, store, rules) == {"web"}


def final_letter(lake: Lake, store: Store) -> bool:
    return verdicts(lake, store, (tag_rule("tag", ("odd",), ("ΟΔΟΣ",), {}),)) == {"ΟΔΟΣ"}


def verdicts(lake: Lake, store: Store, rules: tuple[AnyRule, ...]) -> set[str | None]:
    asked: Any = {"by": ("day",), "period": questions.MAY, "where": SIGMA}
    return {row.team for row in allocated.charges(lake, current_ids(store), rules, **asked)}


def huge_sum(lake: Lake, store: Store) -> bool:
    (row,) = costs(lake, store, where={"service_name": "Huge"}).totals
    return bool(row["billed_cost"] == 2 * Decimal("9e17"))


def nul(lake: Lake, store: Store) -> bool:
    (row,) = costs(lake, store, by=["tag:odd"], where={"service_name": "Nul"}, promoted=("odd",)).rows
    return bool(row["tag:odd"] == "a\0b")


#: What engines differ in, as the first column of the table in docs/scale.md has it.
PROBES: Mapping[str, Callable[[Lake, Store], bool]] = {
    "a tag that was not promoted": not_promoted,
    "whether a tag is there, whatever its value": is_there,
    "a rule on a tag that ends in Σ": final_letter,
    "a NUL in the value of a tag": nul,
    "a sum beyond 10^18": huge_sum,
}
SIGMA = {"service_name": "Sigma"}
ODD = [
    *({"BilledCost": "9e17", "ServiceName": "Huge", "BillingAccountId": account} for account in "12"),
    {"ServiceName": "Nul", "Tags": json.dumps({"odd": "a\0b"})},
    {"ServiceName": "Sigma", "Tags": json.dumps({"odd": "ΟΔΟΣ", "org": "a"})},
]


@pytest.fixture(scope="module")
def odd(home: Path, sqlite_template: SqliteTemplate) -> Iterator[Store]:
    """What engines differ in."""
    store = sqlite_template.fresh(home / "odd").store()
    bill = write(home / "odd.csv", text(ODD))
    load(Lake(home / "odd"), store, bill, promoted=("team", "odd"))
    yield store
    store.close()


@pytest.mark.parametrize("name", ["duckdb", *ENGINES])
def test_what_an_engine_cannot_do_stands_in_the_docs(
    home: Path, odd: Store, name: str, request: pytest.FixtureRequest
) -> None:
    engine = request.getfixturevalue(ENGINES[name]) if name in ENGINES else None
    lake = Lake(home / "odd", counted_by=engine)
    assert {question: answer(probe, lake, odd) for question, probe in PROBES.items()} == told(name)


def answer(probe: Callable[[Lake, Store], bool], lake: Lake, store: Store) -> str:
    try:
        return "yes" if probe(lake, store) else "no"
    except Refused:
        return "no"


def told(engine: str) -> dict[str, str]:
    """The column of an engine in the table of docs/scale.md."""
    lines = SCALE.read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    at = next(number for number, row in enumerate(rows) if row[0] == "can it tell")
    column = rows[at].index(f"`{engine}`")
    return {row[0]: row[column] for row in rows[at:] if row[0] in PROBES}


def test_two_at_once_load_a_snapshot_into_postgresql_once(
    home: Path, made: Store, postgres: PostgresServer
) -> None:
    address = address_of(postgres)
    expected = costs(Lake(home / "made"), made, by=["day"])

    def ask(_number: int) -> object:
        return costs(Lake(home / "made", counted_by=PostgreSQL(address)), made, by=["day"])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == [expected] * 4
    engine = PostgreSQL(address)
    assert len(tables(address)) == len(current_ids(made))
    engine.forget(current_ids(made)[1:])
    assert len(tables(address)) == 1
    assert costs(Lake(home / "made", counted_by=engine), made, by=["day"]) == expected


def tables(address: str) -> list[str]:
    with psycopg.connect(address) as connection:
        return [
            name
            for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE tablename ~ '^charges_'")
        ]


def test_what_the_lake_collects_goes_from_postgresql_too(
    tmp_path: Path, sqlite_template: SqliteTemplate, postgres: PostgresServer
) -> None:
    store, address = sqlite_template.fresh(tmp_path / "home").store(), address_of(postgres)
    lake = Lake(tmp_path / "home", counted_by=PostgreSQL(address))
    for cost in ("1", "2"):
        load(lake, store, write(tmp_path / f"{cost}.csv", text([{"BilledCost": cost}])))
        assert costs(lake, store).totals[0]["billed_cost"] == Decimal(cost)
    assert len(tables(address)) == 2
    collect(lake, store, timedelta(0), actor="bursar", now=NOW + timedelta(days=1))
    assert len(tables(address)) == 1
    store.close()


def test_a_load_that_broke_off_leaves_nothing_in_postgresql(
    tmp_path: Path, sqlite_template: SqliteTemplate, postgresql_address: str
) -> None:
    store = sqlite_template.fresh(tmp_path / "home").store()
    lake = Lake(tmp_path / "home", counted_by=PostgreSQL(postgresql_address))
    load(lake, store, write(tmp_path / "bill.csv", text(questions.FIRST)))
    (part,) = lake.paths(current_ids(store))
    whole, before = part.read_bytes(), tables(postgresql_address)
    part.write_bytes(whole[:50] + bytes(len(whole) - 500) + whole[-450:])
    with pytest.raises(duckdb.Error):
        costs(lake, store)
    assert tables(postgresql_address) == before
    part.write_bytes(whole)
    assert costs(lake, store) == costs(Lake(lake.home), store)
    store.close()


def test_bigquery_loads_again_what_is_not_whole(home: Path, made: Store, bigquery: Any) -> None:
    lake = Lake(home / "made", counted_by=bigquery)
    expected = costs(Lake(home / "made"), made, by=["day"])
    assert costs(lake, made, by=["day"]) == expected
    with Client(google.PROJECT) as client:
        for scan in scans(lake, current_ids(made)):
            place = f"{DATASET}.{table_name(scan)}"
            client.delete_table(place)
            assert table_at(client, place, scan).num_rows == 0  # what a process leaves that died
    again = engine_of(Chosen("bigquery", DATASET))
    assert costs(Lake(home / "made", counted_by=again), made, by=["day"]) == expected
    again.forget(current_ids(made))
    assert costs(Lake(home / "made", counted_by=again), made, by=["day"]) == expected
