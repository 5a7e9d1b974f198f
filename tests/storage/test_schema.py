"""The schema: from nothing to this version, what stands in the way, and what the app may never do."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from spend.errors import SettingsWrong
from storage import audit, schema, tables, triggers
from storage.store import Store
from tests.databases import APP, OWNER, Database, PostgresServer
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
        do(owner_store, f"DROP TRIGGER {name}" + ("" if owner_store.sqlite else f" ON {name.split('_')[0]}"))
        assert schema.problems(owner_store.engine) == [f"trigger {name} is missing: run `bursar db upgrade`"]
        schema.upgrade(owner_store.engine)
        assert schema.problems(owner_store.engine) == []


@pytest.mark.case("V16.4.2")
def test_a_guard_that_does_something_else_than_it_should_is_named_and_put_right(owner_store: Store) -> None:
    if owner_store.sqlite:
        do(owner_store, "DROP TRIGGER audit_no_update")
        do(owner_store, "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT 1; END")
        wrong = ["audit_no_update"]
    else:
        body = "$$ BEGIN RETURN NEW; END $$"
        do(
            owner_store,
            f"CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS {body}",
        )
        wrong = sorted(triggers.POSTGRES)
    assert schema.problems(owner_store.engine) == [
        f"trigger {name} is not what Bursar made it: run `bursar db upgrade`" for name in wrong
    ]
    schema.upgrade(owner_store.engine)
    assert schema.problems(owner_store.engine) == []


def test_a_trigger_on_other_events_is_not_the_guard_it_is_named_after(postgresql: Database) -> None:
    owner = Store(postgresql.owner_url)
    do(owner, "DROP TRIGGER audit_no_change ON audit")
    function = "FOR EACH ROW EXECUTE FUNCTION audit_append_only()"
    do(owner, f"CREATE TRIGGER audit_no_change BEFORE UPDATE ON audit {function}")
    assert "audit_no_change is not what Bursar made it" in schema.problems(owner.engine)[0]
    owner.close()


@pytest.mark.parametrize(
    ("grant", "words"),
    [
        ("GRANT UPDATE ON audit TO {0}", "may UPDATE audit, which only its owner should"),
        ("GRANT UPDATE (reason) ON audit TO {0}", "may UPDATE audit, which only its owner should"),
        ("GRANT DELETE ON checkpoint TO {0}", "may DELETE checkpoint, which only its owner should"),
        ("GRANT TRUNCATE ON anchor TO {0}", "may TRUNCATE anchor, which only its owner should"),
        ("GRANT INSERT ON alembic_version TO {0}", "may INSERT alembic_version, which only its owner should"),
        ("REVOKE INSERT ON audit FROM {0}", "may not INSERT audit"),
    ],
)
def test_a_right_that_the_app_should_not_have_is_named_and_taken_back(
    postgresql: Database, grant: str, words: str
) -> None:
    owner, app = Store(postgresql.owner_url), postgresql.store()
    do(owner, grant.format(APP))
    problem = f"role {APP} {words}: run `bursar db upgrade`"
    assert schema.problems(app.engine) == [problem]
    assert schema.problems(owner.engine, APP) == [problem]
    schema.upgrade(owner.engine, APP)
    assert schema.problems(app.engine) == []
    app.close()
    owner.close()


def test_an_app_role_that_can_act_as_the_owner_is_named(postgresql: Database) -> None:
    owner = Store(postgresql.owner_url)
    assert schema.problems(owner.engine) == []
    assert "can act as the owner of the tables" in schema.problems(owner.engine, OWNER)[0]
    owner.close()


def test_an_upgrade_from_the_first_schema_keeps_what_was_written(empty: Store) -> None:
    from alembic import command

    with empty.engine.connect() as connection:
        command.upgrade(schema.config(connection), "0001")
        connection.commit()
    for statement in OLD_ROWS.split(";"):
        do(empty, statement)
    previous = audit.GENESIS
    with empty.engine.begin() as connection:
        for seq in (1, 2):
            row = audit.Stored(
                *("U1", '{"n":1}', "0.1.0", "2026-03-01T12:00:00.000000Z", None, "approval.approve", ""),
                *(None, previous, "why", None, seq, "plan-1"),
            )
            previous = row.digest()
            connection.execute(audit.INSERT, row._asdict() | {"hash": previous})
    assert "is at revision 0001" in schema.problems(empty.engine)[0]
    schema.upgrade(empty.engine)
    assert schema.problems(empty.engine) == schema.drift(empty.engine) == []
    with empty.writing(NOON) as unit:
        unit.record("plan.run", actor="bursar", subject="plan-1")
    with empty.reading() as session:
        assert audit.verify(session).rows == 3
        assert [row["actor"] for row in audit.rows(session, subject="plan-1")] == ["U1", "U1", "bursar"]
        plan = session.execute(text("SELECT id, state, standing FROM plan")).one()
        assert tuple(plan) == ("plan-1", "succeeded", None)
        order = select(tables.Snapshot).order_by(text("id"))
        bills = [(row.state, row.since.day) for row in session.scalars(order)]
    # When it was superseded was not kept: at the latest when the last one of its bill was published.
    assert bills == [("superseded", 9), ("current", 9), ("current", 4)]
    with pytest.raises(DBAPIError):
        do(empty, "UPDATE snapshot SET state = 'current'")


#: What a database of the first schema holds of a plan that ran.
OLD_ROWS = """
INSERT INTO plan (id, state, version, hash, content, runbook, approve_by, execute_by, created_at)
VALUES ('plan-1', 'succeeded', 4, 'h', '{}', 'stop-idle-dev', '2026-03-01T12:00:00.000000Z',
    '2026-03-01T14:00:00.000000Z', '2026-03-01T10:00:00.000000Z');
INSERT INTO vote (id, plan, person, decision, at)
VALUES ('vote-1', 'plan-1', 'U1', 'approve', '2026-03-01T11:00:00.000000Z');
INSERT INTO step (id, state, version, plan, number, wave, target, step, action, key)
VALUES ('step-1', 'done', 3, 'plan-1', 1, 1, 'i-1', 'stop', 'aws.stop_instances', 'k');
INSERT INTO snapshot (id, state, version, source, billing_account, billing_period, content, rows, rejected,
    warnings, totals, files, first_day, last_day, allocated, published_at)
VALUES ('s-1', 'superseded', 2, 'aws', '1001', '2026-02-01', 'a', 1, 0, '{}', '[]', '[]', '2026-02-01',
    '2026-02-28', '1', '2026-03-02T00:00:00.000000Z'),
    ('s-2', 'current', 1, 'aws', '1001', '2026-02-01', 'b', 1, 0, '{}', '[]', '[]', '2026-02-01',
    '2026-02-28', '1', '2026-03-09T00:00:00.000000Z'),
    ('s-3', 'current', 1, 'aws', '1002', '2026-02-01', 'c', 1, 0, '{}', '[]', '[]', '2026-02-01',
    '2026-02-28', '1', '2026-03-04T00:00:00.000000Z')
"""


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
