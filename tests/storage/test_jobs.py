"""Jobs: the oldest first, each taken by one worker at a time, tried again, and failed in the open."""

import threading
from datetime import timedelta

import pytest

from actions.errors import TakenOver
from spend.errors import Conflict
from storage import audit, jobs, tables
from storage.locks import Hold
from storage.store import Store
from storage.work import JobState
from tests.databases import Database
from tests.storage.rows import HOUR, NOON

MINE, THEIRS = Hold("worker-1", 1), Hold("worker-2", 1)
SECOND = timedelta(seconds=1)


def queue(store: Store, *keys: str, kind: str = "digest") -> None:
    for minute, key in enumerate(keys):
        with store.writing(NOON + minute * SECOND) as unit:
            unit.enqueue(kind, key, args={"key": key})


def take(store: Store, hold: Hold = MINE) -> tables.Job | None:
    store.hold = hold
    return jobs.take(store, hold, NOON + HOUR)


def taken(store: Store, hold: Hold = MINE) -> tables.Job:
    job = take(store, hold)
    assert job is not None
    return job


def test_the_oldest_due_job_comes_first(store: Store) -> None:
    queue(store, "a", "b", "c")
    with store.writing(NOON) as unit:
        unit.enqueue("digest", "urgent", due_at=NOON - HOUR)
        unit.enqueue("digest", "tomorrow", due_at=NOON + 24 * HOUR)
    assert [taken(store).key for _ in range(4)] == ["urgent", "a", "b", "c"]
    assert take(store) is None


def test_a_taken_job_says_who_has_it_and_how_often_it_was_tried(store: Store) -> None:
    queue(store, "a")
    job = taken(store)
    assert (job.state, job.worker, job.epoch, job.attempts, job.args) == (
        "running", "worker-1", 1, 1, {"key": "a"},
    )  # fmt: skip
    assert [one.id for one in jobs.held(store, MINE)] == [job.id]
    assert jobs.held(store, THEIRS) == []
    assert jobs.held(store, Hold("worker-1", 2)) == []


def test_of_two_takers_one_gets_the_job(database: Database) -> None:
    stores = [database.store(), database.store()]
    queue(stores[0], *(f"job {n}" for n in range(12)))
    start = threading.Barrier(2)
    got: dict[int, list[str]] = {0: [], 1: []}

    def work(number: int) -> None:
        hold = Hold(f"worker-{number}", 1)
        start.wait()
        while (job := take(stores[number], hold)) is not None:
            got[number].append(job.key)

    threads = [threading.Thread(target=work, args=(number,)) for number in got]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted([*got[0], *got[1]]) == sorted(f"job {n}" for n in range(12))
    for store in stores:
        store.close()


def test_a_job_that_fails_is_tried_again_after_longer_and_longer_waits(store: Store) -> None:
    queue(store, "a")
    now = NOON
    for wait in (2, 4, 8, 16):
        store.hold = MINE
        assert jobs.take(store, MINE, now - SECOND) is None
        job = jobs.take(store, MINE, now)
        assert job is not None
        jobs.end(store, job, now, "the lake was busy")
        with store.reading() as session:
            row = session.get(tables.Job, job.id)
            assert row is not None
        assert (row.state, row.worker, row.epoch, row.error) == ("pending", None, None, "the lake was busy")
        now += wait * SECOND
        assert row.due_at == now


def test_after_the_last_try_a_job_has_failed_for_good_and_the_log_says_why(store: Store) -> None:
    queue(store, "a")
    store.hold = MINE
    job = taken(store)
    for attempt in range(jobs.RETRIES):
        jobs.end(store, job, NOON, f"error {attempt}")
        job = jobs.take(store, MINE, NOON + HOUR) or job
    assert jobs.take(store, MINE, NOON + 100 * HOUR) is None
    with store.reading() as session:
        row = session.get(tables.Job, job.id)
        assert row is not None
        assert (row.state, row.error, row.attempts) == ("failed", "error 4", 5)
        (entry,) = audit.rows(session, subject=job.id)
    assert (entry["event"], entry["reason"], entry["after"]) == ("job.fail", "error 4", {"kind": "digest"})
    with pytest.raises(Conflict, match="error 4"):
        jobs.ended(store, ["digest"], "a")


def test_a_job_that_was_taken_over_is_ended_by_its_new_worker_only(store: Store) -> None:
    queue(store, "a")
    job = taken(store)
    with store.writing(NOON) as unit:
        unit.change(unit.get(tables.Job, job.id), worker="worker-2", epoch=1)
    with pytest.raises(TakenOver):
        jobs.end(store, job, NOON)
    with pytest.raises(TakenOver):
        jobs.end(store, job, NOON, "no luck")
    store.hold = THEIRS
    jobs.end(store, job, NOON)
    with store.reading() as session:
        row = session.get(tables.Job, job.id)
        assert row is not None
        assert (row.state, row.error) == (JobState.DONE, None)


def test_work_has_ended_when_each_kind_of_it_is_done(store: Store) -> None:
    queue(store, "monday")
    assert not jobs.ended(store, ["digest"], "monday")
    jobs.end(store, taken(store), NOON)
    assert jobs.ended(store, ["digest"], "monday")
    assert not jobs.ended(store, ["digest"], "tuesday")
    assert not jobs.ended(store, ["digest", "detect"], "monday")
    queue(store, "monday", kind="detect")
    assert not jobs.ended(store, ["digest", "detect"], "monday")
    jobs.end(store, taken(store), NOON)
    assert jobs.ended(store, ["digest", "detect"], "monday")
