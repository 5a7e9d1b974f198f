"""The outbox as its sender sees it: in order per channel, nothing lost, nothing dropped in silence."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from spend.errors import Conflict
from storage import audit, outbox, tables, waiting
from storage.store import Store
from tests.bot.world import until
from tests.databases import Database
from tests.storage.rows import NOON

SECOND = timedelta(seconds=1)


def post(store: Store, channel: str, *words: str) -> None:
    for word in words:
        with store.writing(NOON) as unit:
            unit.send("post", "sentence", "", channel=channel, args={"text": word})


def due(store: Store, after: int = 0, *, limit: int = 50) -> list[tables.Message]:
    with store.reading() as session:
        return outbox.due(session, NOON + after * SECOND, limit=limit)


def words(store: Store, after: int = 0, *, limit: int = 50) -> list[str]:
    return [message.args["text"] for message in due(store, after, limit=limit)]


def update(store: Store, surface: str = "plan:plan-1") -> tables.Message:
    """Ask for the newest wording of a card, and take the message up as a sender does."""
    with store.writing(NOON) as unit:
        unit.send("update", "plan", "plan-1", surface=surface)
    return next(message for message in due(store) if message.surface == surface)


def kept(store: Store, key: str) -> tables.Message:
    with store.reading() as session:
        row = session.get(tables.Message, key)
        assert row is not None
        return row


def test_messages_are_due_in_the_order_in_which_they_were_written(store: Store) -> None:
    for channel, word in (("C1", "a"), ("C2", "b"), ("C1", "c")):
        post(store, channel, word)
    assert words(store) == ["a", "b", "c"]
    assert words(store, limit=2) == ["a", "b"]


def test_a_channel_that_has_to_wait_keeps_its_order_and_holds_nobody_else(store: Store) -> None:
    post(store, "C1", "a")
    post(store, "C2", "b")
    post(store, "C1", "c")
    outbox.later(store, due(store)[0], NOON, due_at=NOON + 30 * SECOND, error="ratelimited")
    assert words(store) == ["b"]
    assert words(store, 29) == ["b"]
    assert words(store, 30) == ["a", "b", "c"]
    first = due(store, 30)[0]
    assert (first.attempts, first.error) == (1, "ratelimited")


def test_a_channel_with_very_many_waiting_messages_holds_nobody_else(store: Store) -> None:
    with store.writing(NOON) as unit:
        for number in range(60):
            unit.send("post", "sentence", "", channel="C1", args={"text": str(number)})
        unit.send("post", "sentence", "", channel="C2", args={"text": "here"})
    outbox.later(store, due(store)[0], NOON, due_at=NOON + SECOND, error="ratelimited")
    assert words(store, limit=10) == ["here"]


def test_a_message_that_was_sent_is_no_longer_due_and_has_its_place(store: Store) -> None:
    with store.writing(NOON) as unit:
        unit.send("post", "plan", "plan-1", channel="C1", surface="plan:plan-1")
    with store.reading() as session:
        assert waiting.post_of(session, "plan:plan-1")
    (message,) = due(store)
    outbox.sent(store, message, NOON + SECOND, channel="C1", ts="171.5")
    assert due(store) == []
    row = kept(store, message.id)
    assert (row.state, row.sent_at, row.attempts) == ("sent", NOON + SECOND, 1)
    with store.reading() as session:
        found = outbox.surface(session, "plan:plan-1")
        assert found is not None
        assert (found.channel, found.ts) == ("C1", "171.5")
        assert outbox.surface_at(session, "C1", "171.5") == "plan:plan-1"
        assert outbox.surface_at(session, "C1", "171.6") is None
        assert not waiting.post_of(session, "plan:plan-1")
    with pytest.raises(Conflict):
        outbox.sent(store, message, NOON, channel="C1", ts="171.7")


def test_a_newer_post_of_a_surface_takes_its_place(store: Store) -> None:
    for ts in ("1.1", "2.2"):
        with store.writing(NOON) as unit:
            unit.send("post", "home", "", channel="C1", surface="digest:1")
        outbox.sent(store, due(store)[0], NOON, channel="C1", ts=ts)
    with store.reading() as session:
        found = outbox.surface(session, "digest:1")
        assert found is not None
        assert found.ts == "2.2"


def test_an_update_asked_for_again_while_it_was_being_sent_stays_due(store: Store) -> None:
    message = update(store)
    update(store)
    outbox.sent(store, message, NOON, channel=None, ts=None)
    assert due(store) == []
    (again,) = due(store, 1)
    assert (again.id, again.wanted) == (message.id, 2)
    outbox.sent(store, again, NOON, channel=None, ts=None)
    assert due(store, 1) == []
    assert update(store).id != message.id


@contextmanager
def beside(work: threading.Thread, owner: Store) -> Iterator[None]:
    """Start the work and let the block end only once it waits for a lock (SQLite: for the writer)."""
    work.start()
    yield
    if not owner.sqlite:
        with owner.engine.connect() as connection:
            query = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            until(lambda: bool(connection.execute(query).scalar()))


def test_an_update_asked_for_just_as_the_last_one_is_marked_sent_is_not_lost(
    database: Database, owner_store: Store
) -> None:
    talker, sender = database.store(), database.store()
    message = update(talker)
    args = {"channel": None, "ts": None}
    marking = threading.Thread(target=outbox.sent, args=(sender, message, NOON), kwargs=args)
    with talker.writing(NOON) as unit:
        unit.send("update", "plan", "plan-1", surface="plan:plan-1")
        with beside(marking, owner_store):
            pass
    marking.join(20)
    (left,) = due(talker, 1)
    assert left.wanted == 2
    for store in (talker, sender):
        store.close()


def test_updates_of_two_surfaces_and_two_kinds_are_apart(store: Store) -> None:
    with store.writing(NOON) as unit:
        for kind, surface in (("update", "a"), ("update", "b"), ("home", "a"), ("update", "a")):
            unit.send(kind, "plan", "", surface=surface)
    assert [(one.kind, one.surface, one.wanted) for one in due(store)] == [
        ("update", "a", 2), ("update", "b", 1), ("home", "a", 1),
    ]  # fmt: skip


def test_a_message_to_a_channel_that_is_gone_goes_to_the_fallback_and_the_log_says_so(store: Store) -> None:
    with store.writing(NOON) as unit:
        unit.send("post", "sentence", "", channel="C_GONE", thread="plan:plan-1", args={"text": "a"})
    (message,) = due(store)
    outbox.reroute(store, message, NOON, channel="C_ELSE", error="is_archived")
    (again,) = due(store)
    assert (again.id, again.channel, again.thread) == (message.id, "C_ELSE", None)
    with store.reading() as session:
        (entry,) = audit.rows(session, subject=message.id)
    assert (entry["event"], entry["before"], entry["after"], entry["reason"]) == (
        "message.reroute", {"channel": "C_GONE"}, {"channel": "C_ELSE"}, "is_archived",
    )  # fmt: skip


def test_a_dropped_message_is_never_tried_again_and_the_log_says_why(store: Store) -> None:
    post(store, "C1", "a", "b")
    message = due(store)[0]
    outbox.drop(store, message, NOON, error="invalid_blocks")
    assert words(store) == ["b"]
    assert kept(store, message.id).error == "invalid_blocks"
    with store.reading() as session:
        (entry,) = audit.rows(session, subject=message.id)
    assert (entry["event"], entry["after"], entry["reason"]) == (
        "message.drop", {"kind": "post", "to": "C1"}, "invalid_blocks",
    )  # fmt: skip


def test_what_waits_is_counted_by_kind_and_state(store: Store) -> None:
    post(store, "C1", "a", "b")
    update(store)
    with store.writing(NOON) as unit:
        unit.enqueue("digest", "a")
    outbox.drop(store, due(store)[0], NOON, error="x")
    with store.reading() as session:
        assert outbox.pending(session) == 2
        assert outbox.pending(session, kinds=("update", "home")) == 1
        found = waiting.counts(session)
    assert found["outbox"] == {"pending": 2}
    assert found["jobs"] == {"pending": 1, "running": 0, "failed": 0}
    assert found["plans"] == {"pending": 0, "approved": 0, "running": 0}


def test_messages_of_two_processes_never_share_a_number(database: Database) -> None:
    stores = [database.store(), database.store()]
    start = threading.Barrier(2)

    def write(store: Store) -> None:
        start.wait()
        post(store, "C1", *map(str, range(15)))

    threads = [threading.Thread(target=write, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with stores[0].reading() as session:
        numbers = list(session.execute(select(tables.Message.number)).scalars())  # type: ignore[call-overload]
    assert len(numbers) == len(set(numbers)) == 30
    for store in stores:
        store.close()
