"""The audit log: a chain that nobody can change without being named."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from storage import audit, triggers
from storage.store import Store

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def write(store: Store, *events: str) -> None:
    with store.writing(NOON) as unit:
        for event in events:
            unit.record(event, actor="U1", subject="plan-1", after={"n": 1})


def verdict(store: Store) -> audit.Verdict:
    with store.reading() as session:
        return audit.verify(session)


def tamper(owner: Store, *statements: str) -> None:
    """Do what somebody with the owner's password could: drop the guards, then change a row."""
    with owner.engine.begin() as connection:
        if owner.sqlite:
            for name in triggers.SQLITE:
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER ALL"))
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_an_untouched_chain_holds(store: Store) -> None:
    write(store, "plan.propose", "approval.approve")
    write(store, "step.intent")
    found = verdict(store)
    assert (found.rows, found.broken) == (3, None)


def test_an_empty_log_holds(store: Store) -> None:
    assert verdict(store) == audit.Verdict(0, audit.GENESIS)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'U2' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 2",
    ],
)
def test_the_database_refuses_to_change_a_row(store: Store, statement: str) -> None:
    write(store, "a.a", "b.b", "c.c")
    with pytest.raises(DBAPIError), store.engine.begin() as connection:
        connection.execute(text(statement))
    assert verdict(store).broken is None


def test_sqlite_refuses_to_replace_a_row(store: Store) -> None:
    if not store.sqlite:
        return
    write(store, "a.a", "b.b")
    with pytest.raises(DBAPIError), store.engine.begin() as connection:
        connection.execute(text("REPLACE INTO audit SELECT * FROM audit WHERE seq = 1"))
    assert verdict(store).broken is None


@pytest.mark.parametrize(
    ("statements", "broken", "reason"),
    [
        (["UPDATE audit SET actor = 'U2' WHERE seq = 2"], 2, "row 2 .* was changed"),
        (["UPDATE audit SET after = '{\"n\":2}' WHERE seq = 3"], 3, "row 3 .* was changed"),
        (["DELETE FROM audit WHERE seq = 1"], 1, "row 1 is missing"),
        (["DELETE FROM audit WHERE seq = 2"], 2, "row 2 is missing"),
    ],
)
def test_a_changed_row_is_named(owner_store: Store, statements: list[str], broken: int, reason: str) -> None:
    import re

    write(owner_store, "a.a", "b.b", "c.c")
    tamper(owner_store, *statements)
    found = verdict(owner_store)
    assert found.broken == broken
    assert found.reason is not None
    assert re.search(reason, found.reason)


def test_a_fork_cannot_be_written(owner_store: Store) -> None:
    write(owner_store, "a.a", "b.b")
    with owner_store.reading() as session:
        first, second = audit.rows(session)
    fork: dict[str, Any] = {**second, "seq": 3, "event": "forged.entry", "prev_hash": first["hash"]}
    from storage.tables import Audit

    with pytest.raises(DBAPIError), owner_store.writing(NOON) as unit:
        unit.add(Audit(**{**fork, "hash": audit.row_hash(fork)}))


def test_many_writers_at_once_make_one_chain(store: Store) -> None:
    def work(name: str) -> None:
        for _ in range(10):
            write(store, f"{name}.tick")

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdict(store) == audit.Verdict(60, verdict(store).head)


def test_entries_of_one_subject_can_be_read_apart(store: Store) -> None:
    write(store, "a.a")
    with store.writing(NOON) as unit:
        unit.record("b.b", actor="U1", subject="plan-2", before={"x": None}, after={"x": "1.5"}, reason="why")
    with store.reading() as session:
        [row] = audit.rows(session, subject="plan-2")
    assert (row["event"], row["before"], row["after"], row["reason"]) == (
        "b.b",
        {"x": None},
        {"x": "1.5"},
        "why",
    )


def test_a_float_cannot_enter_the_log(store: Store) -> None:
    with pytest.raises(TypeError, match="float"), store.writing(NOON) as unit:
        unit.record("a.a", actor="U1", subject="x", after={"amount": 0.1})
