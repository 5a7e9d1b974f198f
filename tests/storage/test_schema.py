"""The schema: from nothing to this version, what stands in the way, and what the app may never do."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from spend.errors import SettingsWrong
from storage import audit, schema, triggers
from storage.store import Store
from tests.databases import Database, PostgresServer
from tests.storage.rows import NOON

Owner = Callable[[str], Store]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A database without a table, as its owner sees it."""
    if request.param == "sqlite":
        store = Store(f"sqlite:///{tmp_path / 'new' / 'bursar.db'}")
        yield store
        store.close()
        return
    server = request.getfixturevalue("postgres")
    assert isinstance(server, PostgresServer)
    database = server.empty()
    store = Store(database.owner_url)
    yield store
    store.close()
    server.drop(database)


def do(store: Store, statement: str) -> None:
    with store.engine.begin() as connection:
        connection.execute(text(statement))


def test_an_upgrade_makes_everything_from_nothing_and_a_second_one_nothing_more(empty: Store) -> None:
    assert schema.problems(empty.engine) == ["the database is empty: run `bursar db upgrade`"]
    with pytest.raises(SettingsWrong, match="is empty: run `bursar db upgrade`"):
        schema.check(empty.engine)
    for _ in range(2):
        schema.upgrade(empty.engine)
        assert schema.problems(empty.engine) == []
    assert schema.drift(empty.engine) == []
    schema.check(empty.engine)
    with empty.writing(NOON) as unit:
        unit.record("a.b", actor="U1", subject="x")
    with empty.reading() as session:
        assert audit.verify(session).rows == 1


def test_a_fresh_database_has_nothing_against_it_as_the_app_sees_it(store: Store) -> None:
    assert schema.problems(store.engine) == []
    store.ping()


def test_a_database_without_our_tables_does_not_pass_for_one_that_answers(empty: Store) -> None:
    with pytest.raises((SettingsWrong, DBAPIError)):
        empty.ping()


def test_a_database_of_a_newer_bursar_is_not_touched(owner_store: Store) -> None:
    do(owner_store, "UPDATE alembic_version SET version_num = '9999'")
    (problem,) = schema.problems(owner_store.engine)
    assert problem.startswith(f"the database is at revision 9999, this code at {schema.HEAD}")
    assert "install the newer Bursar" in problem


def test_a_column_that_is_missing_or_too_many_is_named(owner_store: Store) -> None:
    do(owner_store, "ALTER TABLE digest ADD COLUMN colour VARCHAR")
    (problem,) = schema.drift(owner_store.engine)
    assert "colour" in problem
    do(owner_store, "ALTER TABLE digest DROP COLUMN colour")
    assert schema.drift(owner_store.engine) == []
    do(owner_store, "DROP TABLE surface")
    assert "surface" in schema.drift(owner_store.engine)[0]


def test_the_revision_that_a_start_expects_is_the_newest_migration() -> None:
    from alembic.script import ScriptDirectory

    assert ScriptDirectory.from_config(schema.config()).get_current_head() == schema.HEAD


def test_a_guard_of_the_audit_log_that_is_gone_is_named_and_put_back_by_an_upgrade(
    owner_store: Store,
) -> None:
    guards = triggers.SQLITE if owner_store.sqlite else triggers.POSTGRES
    for name in guards:
        do(owner_store, f"DROP TRIGGER {name}" + ("" if owner_store.sqlite else " ON audit"))
        assert schema.problems(owner_store.engine) == [f"trigger {name} is missing: run `bursar db upgrade`"]
        schema.upgrade(owner_store.engine)
        assert schema.problems(owner_store.engine) == []


def test_a_guard_that_is_switched_off_counts_as_missing(postgresql: Database) -> None:
    owner = Store(postgresql.owner_url)
    do(owner, "ALTER TABLE audit DISABLE TRIGGER audit_no_change")
    assert "trigger audit_no_change is missing" in schema.problems(owner.engine)[0]
    owner.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'x'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "DROP TABLE audit",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "ALTER TABLE plan ADD COLUMN x TEXT",
        "DROP TABLE plan",
        "TRUNCATE plan",
        "CREATE TABLE mine (x INT)",
        "UPDATE alembic_version SET version_num = 'x'",
        "SET session_replication_role = replica",
    ],
)
def test_on_postgresql_the_app_can_neither_change_its_log_nor_its_tables(
    postgresql: Database, statement: str
) -> None:
    app = postgresql.store()
    with app.writing(NOON) as unit:
        unit.record("a.b", actor="U1", subject="x")
    with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
        do(app, statement)
    with app.reading() as session:
        assert audit.verify(session).rows == 1
    app.close()


def test_on_postgresql_even_the_owner_cannot_empty_the_log_by_accident(postgresql: Database) -> None:
    owner = Store(postgresql.owner_url)
    for statement in ("TRUNCATE audit", "TRUNCATE audit CASCADE"):
        with pytest.raises(DBAPIError, match="append-only"):
            do(owner, statement)
    owner.close()


def test_on_sqlite_a_row_of_the_log_cannot_be_replaced(sqlite: Database) -> None:
    store = sqlite.store()
    with store.writing(NOON) as unit:
        unit.record("a.b", actor="U1", subject="x")
    columns = "at, event, actor, subject, app_version, prev_hash, hash"
    with pytest.raises(DBAPIError, match="append-only"):
        do(store, f"REPLACE INTO audit (seq, {columns}) SELECT seq, {columns} FROM audit")
    store.close()
