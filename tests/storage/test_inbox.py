"""The inbox: what is delivered twice is acted on once, in the transaction of what it leads to."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import select

from actions.crash import arm
from spend.errors import Refused
from storage import audit, inbox, tables
from storage.inbox import AlreadySeen, answering
from storage.store import Store
from tests.databases import Database
from tests.storage.rows import NOON

KEY = "click:C1:1.1:approval.approve:1.2:U_ANN"


def act(store: Store, word: str = "act") -> None:
    with store.writing(NOON) as unit:
        unit.record(f"test.{word}", actor="U_ANN", subject="test")


def entries(store: Store) -> list[str]:
    with store.reading() as session:
        return [row["event"] for row in audit.rows(session)]


def keys(store: Store) -> list[str]:
    with store.reading() as session:
        return list(session.execute(select(tables.Inbox.key)).scalars())  # type: ignore[call-overload] # a column


@pytest.mark.case("T04", "T05", "V2.3.3")
def test_a_second_delivery_acts_on_nothing(store: Store) -> None:
    with answering(KEY, NOON):
        act(store)
    with answering(KEY, NOON), pytest.raises(AlreadySeen):
        act(store, "again")
    with answering("another", NOON):
        act(store, "other")
    assert entries(store) == ["test.act", "test.other"]


def test_a_delivery_may_write_more_than_once(store: Store) -> None:
    with answering(KEY, NOON):
        act(store, "first")
        act(store, "second")
    assert entries(store) == ["test.first", "test.second"]
    assert keys(store) == [KEY]


def test_what_failed_has_not_taken_the_key(store: Store) -> None:
    with answering(KEY, NOON):
        with pytest.raises(RuntimeError), store.writing(NOON) as unit:
            unit.record("test.act", actor="U_ANN", subject="test")
            raise RuntimeError("the power went")
        assert keys(store) == []
    with answering(KEY, NOON):
        act(store, "retry")
    assert entries(store) == ["test.retry"]


def test_what_only_reads_takes_no_key(store: Store) -> None:
    with answering(KEY, NOON), store.reading() as session:
        assert list(audit.rows(session)) == []
    assert keys(store) == []


def test_what_nobody_delivered_needs_no_key(store: Store) -> None:
    act(store)
    act(store)
    assert keys(store) == []


def test_other_threads_answer_other_deliveries(store: Store) -> None:
    with answering(KEY, NOON), ThreadPoolExecutor(1) as pool:
        pool.submit(act, store, "elsewhere").result()
        act(store)
    assert keys(store) == [KEY]


def decide(*, refuse: bool) -> None:
    if refuse:
        raise Refused("No.")


def press(store: Store, gate: threading.Barrier, refuse: bool) -> None:
    """What a listener does: act, and write down a refusal in a unit of work of its own."""
    gate.wait()
    with suppress(AlreadySeen), answering(KEY, NOON):
        try:
            with store.writing(NOON) as unit:
                unit.record("test.act", actor="U_ANN", subject="test")
                decide(refuse=refuse)
        except Refused:
            act(store, "refuse")


@pytest.mark.case("T04", "T05")
@pytest.mark.parametrize("refuse", [False, True], ids=["acted on", "refused"])
def test_eight_deliveries_on_two_talkers_at_the_same_moment_leave_one_entry(
    database: Database, refuse: bool
) -> None:
    stores = [database.store(), database.store()]
    gate = threading.Barrier(8)
    with ThreadPoolExecutor(8) as pool:
        tries = [pool.submit(press, stores[number % 2], gate, refuse) for number in range(8)]
        for one in tries:
            one.result(timeout=60)
    assert entries(stores[0]) == ["test.refuse" if refuse else "test.act"]
    for store in stores:
        store.close()


def test_deliveries_are_forgotten_after_a_week(store: Store) -> None:
    for day in (8, 6):
        with answering(f"of {day} days ago", NOON - timedelta(days=day)):
            act(store)
    with store.writing(NOON) as unit:
        inbox.forget(unit)
    assert keys(store) == ["of 6 days ago"]


def until(holds: Callable[[], bool]) -> None:
    while not holds():
        threading.Event().wait(0.01)


def test_presses_that_come_while_one_is_written_down_are_noted_together(store: Store) -> None:
    notes, said = store.notes, list[str]()
    arm(said.append)
    with ThreadPoolExecutor(8) as pool:
        with store.writing(NOON) as unit:
            unit.add_missing(tables.Inbox, [{"key": "press 0", "at": NOON, "body": {}}])
            first = pool.submit(notes.note, "press 0", {}, NOON)  # waits for what is not committed yet
            until(lambda: notes._turn.locked() and not notes._waiting)
            others = [
                pool.submit(notes.note, f"press {number}", {}, NOON) for number in (1, 2, 3, 3, 4, 5, 6)
            ]
            until(lambda: len(notes._waiting) == len(others))
        assert [one.result(timeout=60) for one in (first, *others)] == [True] * 8
    arm(None)
    assert said.count("store.committed") == 3
    assert keys(store) == [f"press {number}" for number in range(7)]


def test_a_press_that_was_acted_on_is_noted_no_more(store: Store) -> None:
    assert store.notes.note(KEY, {}, NOON)
    assert store.notes.note(KEY, {}, NOON)
    with answering(KEY, NOON, noted=True):
        act(store)
    assert not store.notes.note(KEY, {}, NOON)


def test_a_press_whose_transaction_failed_with_another_one_is_noted_in_its_own(store: Store) -> None:
    notes, fails = store.notes, iter([True])

    def hook(point: str) -> None:
        if point == "store.sealed" and next(fails, False):
            raise OSError("the disk is full")

    with ThreadPoolExecutor(2) as pool:
        with notes._turn:
            tries = [pool.submit(notes.note, f"press {number}", {}, NOON) for number in range(2)]
            until(lambda: len(notes._waiting) == len(tries))
            arm(hook)
        failed = [one.exception(timeout=60) is not None for one in tries]
    arm(None)
    assert sorted(failed) == [False, True]
    assert keys(store) == [f"press {failed.index(False)}"]
