"""The audit log: a chain that nobody can change without being named."""

import importlib.metadata
import json
import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from spend import canonical
from storage import audit
from storage.store import Store
from storage.tables import Audit
from tests.storage.tampering import tamper

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def write(store: Store, *events: str) -> None:
    with store.writing(NOON) as unit:
        for event in events:
            unit.record(event, actor="U1", subject="plan-1", after={"n": 1})


def verdict(store: Store) -> audit.Verdict:
    with store.reading() as session:
        return audit.verify(session)


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
        (["UPDATE audit SET after = '{\"n\": 1}' WHERE seq = 2"], 2, "row 2 .* was changed"),
        (["UPDATE audit SET after = '{\"n\":' WHERE seq = 2"], 2, "row 2 .* was changed"),
        (["UPDATE audit SET after = 'null' WHERE seq = 2"], 2, "row 2 .* was changed"),
        (["UPDATE audit SET reason = '' WHERE seq = 2"], 2, "row 2 .* was changed"),
        (["UPDATE audit SET prev_hash = '0' WHERE seq = 2"], 2, "row 2 does not continue row 1"),
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


@pytest.mark.parametrize("document", ['{"n":', "null", '{"n":1}{"n":1}'], ids=["half", "nothing", "two"])
def test_a_right_hash_over_what_is_no_document_does_not_help(owner_store: Store, document: str) -> None:
    write(owner_store, "a.a", "b.b")
    with owner_store.reading() as session:
        forged = list(audit.stored(session))[1]._replace(after=document)
    tamper(
        owner_store,
        f"UPDATE audit SET after = '{document}', hash = '{forged.digest()}' WHERE seq = {forged.seq}",
    )
    assert verdict(owner_store).broken == forged.seq


def test_a_fork_cannot_be_written(owner_store: Store) -> None:
    write(owner_store, "a.a", "b.b")
    with owner_store.reading() as session:
        first, second = audit.stored(session)
    fork = second._replace(seq=3, event="forged.entry", prev_hash=first.hash)
    row = fork._asdict() | {"hash": fork.digest(), "at": NOON, "after": {"n": 1}}

    with pytest.raises(DBAPIError), owner_store.writing(NOON) as unit:
        unit.add(Audit(**row))


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


def test_a_row_is_spelled_in_canonical_json_with_and_without_its_hash(store: Store) -> None:
    with store.writing(NOON) as unit:
        unit.record("a.a", actor="bürsar", subject='"quoted"\n', after={"é": [1, None]}, reason="wörds")
        unit.record("b.b", actor="x", subject="y", before=[], plan_hash="p", runbook_hash="r")
    with store.reading() as session:
        kept = list(audit.stored(session))
    for row in kept:
        whole = json.loads(row.spelled())
        assert canonical.text(whole) == row.spelled()
        assert row.hash == row.digest() == canonical.digest({k: v for k, v in whole.items() if k != "hash"})
    first, second = map(json.loads, (row.spelled() for row in kept))
    assert (first["after"], first["before"], first["reason"]) == ({"é": [1, None]}, None, "wörds")
    assert (second["before"], second["plan_hash"], second["runbook_hash"]) == ([], "p", "r")
    assert (first["seq"], first["prev_hash"], first["plan_hash"]) == (1, audit.GENESIS, None)
    assert (second["seq"], second["prev_hash"]) == (2, first["hash"])
    assert first["app_version"] == importlib.metadata.version("bursar")
    assert first["at"] == "2026-03-02T12:00:00.000000Z"


def test_a_check_goes_on_from_where_an_earlier_one_ended(owner_store: Store) -> None:
    write(owner_store, "a.a", "b.b", "c.c")
    with owner_store.reading() as session:
        heads = [row.hash for row in audit.stored(session)]
        assert audit.verify(session, audit.Mark(2, heads[1])) == audit.Verdict(3, heads[2])
        wrong = audit.verify(session, audit.Mark(2, heads[0]))
    assert (wrong.rows, wrong.head, wrong.broken) == (2, heads[0], 3)
    assert wrong.reason == "row 3 does not continue row 2"


def test_what_checkpoints_signed_has_to_be_there_and_as_it_was(store: Store) -> None:
    write(store, "a.a", "b.b", "c.c")
    with store.reading() as session:
        heads = [row.hash for row in audit.stored(session)]
        assert audit.verify(session, signed={1: heads[0], 3: heads[2]}) == audit.Verdict(3, heads[2])
        anew = audit.verify(session, signed={2: heads[0]})
        one = audit.verify(session, signed={4: heads[0]})
        more = audit.verify(session, signed={3: heads[2], 5: heads[0]})
    said = "row 2 or one before it was written anew: a checkpoint signed another hash of it"
    assert anew == audit.Verdict(1, heads[0], 2, said)
    assert one == audit.Verdict(3, heads[2], 4, "row 4 is missing at the end")
    assert more == audit.Verdict(3, heads[2], 4, "rows 4 to 5 are missing at the end")


def test_a_row_that_stands_where_another_should_is_named_by_the_first_that_is_missing(
    owner_store: Store,
) -> None:
    write(owner_store, "a.a", "b.b", "c.c")
    tamper(owner_store, "DELETE FROM audit WHERE seq = 2")
    assert verdict(owner_store).reason == "row 2 is missing"
    assert (verdict(owner_store).rows, verdict(owner_store).broken) == (1, 2)


def test_rows_are_read_from_a_place_to_a_place_and_in_batches(store: Store) -> None:
    write(store, *["a.a"] * (audit.BATCH + 2))
    with store.reading() as session:
        assert [row.seq for row in audit.stored(session, after=2, upto=4)] == [3, 4]
        assert [row.seq for row in audit.stored(session)] == list(range(1, audit.BATCH + 3))
        assert audit.head(session).size == audit.BATCH + 2


def test_an_entry_is_read_with_its_moment(store: Store) -> None:
    write(store, "a.a")
    with store.reading() as session:
        assert [one["at"] for one in audit.rows(session)] == [NOON]


def test_entries_about_a_person_are_found_from_before_and_after_there_was_a_pseudonym(store: Store) -> None:
    for event in ("note.add", "person.enrol", "person.leave"):
        with store.writing(NOON) as unit:
            unit.record(event, actor="bursar", subject="U1")
    with store.reading() as session:
        assert [one["event"] for one in audit.rows(session, subject="U1")] == [
            "note.add",
            "person.enrol",
            "person.leave",
        ]
        plain, alias, _ = (row.subject for row in audit.stored(session))
        assert plain == "U1" != alias
        found = [row.seq for row in audit.stored(session, subjects=[plain, alias], upto=2)]
    assert found == [1, 2]
