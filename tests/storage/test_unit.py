"""The unit of work: state, audit entry, message and job together, or none of them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from actions.errors import TakenOver
from spend.claim import ClaimState
from spend.errors import Conflict, NotFound
from spend.finding import FindingState
from storage import audit, tables
from storage.locks import Hold
from storage.store import Store
from storage.work import JobState
from tests.databases import Database

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def finding(key: str = "finding-1") -> tables.Finding:
    return tables.Finding(
        id=key,
        state=FindingState.OPEN,
        kind="idle",
        fingerprint=f"print of {key}",
        team="search",
        title="3 idle instances",
        since=date(2026, 3, 1),
        amount=Decimal("12.5"),
        currency="USD",
        details={"resources": ["i-1"]},
        found_at=NOON,
    )


def entries(store: Store) -> list[str]:
    with store.reading() as session:
        return [row["event"] for row in audit.rows(session)]


def test_a_move_its_entry_and_its_message_are_committed_together(store: Store) -> None:
    with store.writing(NOON) as unit:
        row = unit.add(finding())
        unit.move(row, FindingState.EXPECTED, answered_by="U1")
        unit.record("finding.answer", actor="U1", subject=row.id)
        unit.send("post", "sentence", "", channel="C1", args={"text": "hello"})
    with store.reading() as session:
        kept = session.get(tables.Finding, "finding-1")
        assert kept is not None
        assert (kept.state, kept.version, kept.answered_by) == ("expected", 2, "U1")
        assert [message.args for message in session.execute(select(tables.Message)).scalars()] == [
            {"text": "hello"}
        ]
    assert entries(store) == ["finding.answer"]


def test_an_error_leaves_nothing_behind(store: Store) -> None:
    with pytest.raises(RuntimeError), store.writing(NOON) as unit:
        unit.add(finding())
        unit.record("finding.open", actor="bursar", subject="finding-1")
        unit.enqueue("digest", "k")
        raise RuntimeError("the power went")
    with store.reading() as session:
        assert session.get(tables.Finding, "finding-1") is None
        assert session.execute(select(tables.Job)).first() is None
    assert entries(store) == []


def test_a_move_the_table_does_not_allow_is_refused(store: Store) -> None:
    with store.writing(NOON) as unit:
        row = unit.add(finding())
        unit.move(row, FindingState.RESOLVED)
    with (
        pytest.raises(Conflict, match=r"^This finding is already resolved; it cannot"),
        store.writing(NOON) as unit,
    ):
        unit.move(unit.get(tables.Finding, "finding-1"), FindingState.EXPECTED)


def test_of_two_who_read_the_same_version_only_the_first_writes(store: Store) -> None:
    with store.writing(NOON) as unit:
        unit.add(finding())
    with store.reading() as session:
        seen = session.get(tables.Finding, "finding-1")
        assert seen is not None
        session.expunge(seen)
    with store.writing(NOON) as unit:
        unit.move(unit.get(tables.Finding, "finding-1"), FindingState.INVESTIGATING)
    with pytest.raises(Conflict, match="Somebody else"), store.writing(NOON) as unit:
        unit.move(seen, FindingState.EXPECTED)


def test_change_never_touches_a_state(store: Store) -> None:
    with store.writing(NOON) as unit, pytest.raises(ValueError, match=r"^only move\(\) may change a state$"):
        unit.change(unit.add(finding()), state="resolved")


def test_a_record_that_is_not_there_is_named(store: Store) -> None:
    with pytest.raises(NotFound, match=r"^There is no plan plan-x\.$"), store.writing(NOON) as unit:
        unit.get(tables.Plan, "plan-x")


def test_a_worker_that_was_taken_over_writes_nothing(store: Store) -> None:
    with store.writing(NOON) as unit:
        unit.enqueue("digest", "k")
        job = unit.session.execute(select(tables.Job)).scalar_one()
        unit.move(job, JobState.RUNNING, worker="worker-1", epoch=2)
    store.hold = Hold("worker-1", 1)
    with pytest.raises(TakenOver), store.writing(NOON) as unit:
        unit.move(unit.get(tables.Job, job.id), JobState.DONE, held=True)
    store.hold = Hold("worker-1", 2)
    with store.writing(NOON) as unit:
        unit.move(unit.get(tables.Job, job.id), JobState.DONE, held=True)


def test_the_same_job_key_is_queued_once(store: Store) -> None:
    with store.writing(NOON) as unit:
        assert unit.enqueue("digest", "search 2026-03-02")
        assert not unit.enqueue("digest", "search 2026-03-02")
        assert unit.enqueue("detect", "search 2026-03-02")


def test_updates_of_one_surface_are_coalesced_until_they_are_sent(store: Store) -> None:
    with store.writing(NOON) as unit:
        for _ in range(3):
            unit.send("update", "plan", "plan-1", surface="plan:plan-1")
        unit.send("update", "plan", "plan-2", surface="plan:plan-2")
        unit.send("post", "sentence", "", channel="C1", surface="plan:plan-1")
    with store.reading() as session:
        rows = session.execute(select(tables.Message).order_by(tables.Message.number)).scalars()  # type: ignore[arg-type]
        assert [(row.kind, row.subject, row.wanted) for row in rows] == [
            ("update", "plan-1", 3),
            ("update", "plan-2", 1),
            ("post", "", 1),
        ]


def test_two_open_findings_cannot_share_a_fingerprint(store: Store) -> None:
    from sqlalchemy.exc import IntegrityError

    with store.writing(NOON) as unit:
        unit.add(finding())
    twin = finding("finding-2")
    twin.fingerprint = "print of finding-1"
    with pytest.raises(IntegrityError), store.writing(NOON) as unit:
        unit.add(twin)
    with store.writing(NOON) as unit:
        unit.move(unit.get(tables.Finding, "finding-1"), FindingState.RESOLVED)
        twin = finding("finding-2")
        twin.fingerprint = "print of finding-1"
        unit.add(twin)


def test_a_claim_can_be_released_once(store: Store) -> None:
    row = tables.Ownership(
        id="claim-1",
        state=ClaimState.ACTIVE,
        team="search",
        account="1",
        service="S3",
        resource=None,
        valid_from=date(2026, 3, 1),
        claimed_by="U1",
        claimed_at=NOON,
    )
    with store.writing(NOON) as unit:
        unit.move(unit.add(row), ClaimState.RELEASED, valid_to=date(2026, 3, 2))
    with pytest.raises(Conflict), store.writing(NOON) as unit:
        unit.move(unit.get(tables.Ownership, "claim-1"), ClaimState.RELEASED)


def messages(store: Store) -> list[tables.Message]:
    with store.reading() as session:
        return list(session.execute(select(tables.Message).order_by(tables.Message.number)).scalars())  # type: ignore[arg-type]


def test_a_message_is_kept_as_it_was_asked_for(store: Store) -> None:
    with store.writing(NOON) as unit:
        unit.send(
            "ephemeral", "refusal", "plan-1", channel="C1", thread="1.2", person="U1", args={"why": "late"}
        )
        unit.send("home", "home", "U1", surface="home:U1", person="U1")
    first, second = messages(store)
    assert (first.kind, first.template, first.subject) == ("ephemeral", "refusal", "plan-1")
    assert (first.channel, first.thread, first.person, first.args) == ("C1", "1.2", "U1", {"why": "late"})
    assert (first.state, first.version, first.wanted, first.attempts) == ("pending", 1, 1, 0)
    assert (first.due_at, first.created_at, first.id[:4]) == (NOON, NOON, "msg-")
    assert (second.surface, second.channel, first.number, second.number) == ("home:U1", None, 1, 2)


@pytest.mark.parametrize("kind", ["post", "ephemeral", "upload"])
def test_a_message_for_a_channel_that_nobody_named_is_not_sent(store: Store, kind: str) -> None:
    with store.writing(NOON) as unit:
        unit.send(kind, "sentence", "", channel=None)
    assert messages(store) == []


def test_the_newest_wish_for_a_surface_is_the_one_that_is_rendered(store: Store) -> None:
    with store.writing(NOON) as unit:
        for tab in ("first", "second"):
            unit.send("home", "home", "U1", surface="home:U1", args={"tab": tab})
        unit.send("view", "modal", "V1", surface="home:U1")
        unit.send("post", "sentence", "", channel="C1", surface="plan:plan-1")
        unit.send("post", "sentence", "", channel="C1", surface="plan:plan-1")
    told = messages(store)
    assert [(one.kind, one.wanted) for one in told] == [
        ("home", 2),
        ("view", 1),
        *[("post", 1)] * 2,
    ]
    assert told[0].args == {"tab": "second"}


def test_a_card_is_updated_once_a_second_at_most(store: Store) -> None:
    seconds = timedelta(seconds=1)
    with store.writing(NOON) as unit:
        for key, at in (("just", NOON), ("long ago", NOON - 9 * seconds), ("never", None)):
            unit.add(tables.Surface(key=key, channel="C1", ts="1.2", updated_at=at))
            unit.send("update", "plan", key, surface=key)
        unit.send("view", "plan", "just", surface="just")
    assert [one.due_at for one in messages(store)] == [NOON + seconds, NOON, NOON, NOON]


def test_a_job_waits_for_its_time_with_what_it_was_given(store: Store) -> None:
    later = NOON + timedelta(hours=1)
    with store.writing(NOON) as unit:
        unit.enqueue("digest", "a", args={"team": "web"})
        unit.enqueue("digest", "b", due_at=later)
    with store.reading() as session:
        first, second = session.execute(select(tables.Job).order_by(tables.Job.key)).scalars()
        assert (first.kind, first.args, first.due_at, first.created_at) == (
            "digest",
            {"team": "web"},
            NOON,
            NOON,
        )
        assert (first.state, first.version, first.attempts, first.id[:4]) == ("pending", 1, 0, "job-")
        assert (second.args, second.due_at, second.created_at) == (None, later, NOON)


def test_an_entry_holds_all_that_was_said(store: Store) -> None:
    said = {"actor": "bursar", "subject": "plan-1", "reason": "why", "plan_hash": "p", "runbook_hash": "r"}
    with store.writing(NOON) as unit:
        unit.record("plan.propose", before={"a": Decimal("1.50")}, after=[NOON], **said)
    with store.reading() as session:
        [entry] = audit.rows(session)
    assert {key: entry[key] for key in said} == said
    assert (entry["event"], entry["before"], entry["after"]) == (
        "plan.propose",
        {"a": "1.5"},
        ["2026-03-02T12:00:00.000000Z"],
    )


def test_entries_are_written_once_however_often_a_unit_is_sealed(store: Store) -> None:
    with store.writing(NOON) as unit:
        unit.record("a.a", actor="bursar", subject="x")
        unit.seal()
    assert entries(store) == ["a.a"]


def test_a_lost_race_names_the_record_in_words(store: Store) -> None:
    with store.writing(NOON) as unit:
        unit.add(finding())
    with store.reading() as session:
        seen = session.get(tables.Finding, "finding-1")
        assert seen is not None
        session.expunge(seen)
    with store.writing(NOON) as unit:
        unit.change(unit.get(tables.Finding, "finding-1"), title="4 idle instances")
    said = r"^Somebody else changed this finding first; please look again\.$"
    with pytest.raises(Conflict, match=said), store.writing(NOON) as unit:
        unit.change(seen, title="5 idle instances")
    with store.reading() as session:
        kept = session.get(tables.Finding, "finding-1")
        assert kept is not None
        assert (kept.title, kept.version) == ("4 idle instances", 2)


def test_without_a_worker_nobody_holds_a_row(store: Store) -> None:
    with store.writing(NOON) as unit:
        unit.enqueue("digest", "k")
        job = unit.session.execute(select(tables.Job)).scalar_one()
    said = f"^job {job.id} is not this worker's any more$"
    with pytest.raises(TakenOver, match=said), store.writing(NOON) as unit:
        unit.move(unit.get(tables.Job, job.id), JobState.RUNNING, held=True)


def test_a_change_can_ask_that_the_row_is_still_held(store: Store) -> None:
    with store.writing(NOON) as unit:
        unit.enqueue("digest", "k")
        job = unit.session.execute(select(tables.Job)).scalar_one()
        unit.move(job, JobState.RUNNING, worker="worker-1", epoch=2)
    for hold in (Hold("worker-1", 1), Hold("worker-2", 2)):
        store.hold = hold
        with pytest.raises(TakenOver), store.writing(NOON) as unit:
            unit.change(unit.get(tables.Job, job.id), held=True, attempts=2)
    store.hold = Hold("worker-1", 2)
    with store.writing(NOON) as unit:
        assert unit.change(unit.get(tables.Job, job.id), held=True, attempts=2).attempts == 2


def test_many_rows_are_added_at_once_and_none_is_no_error(store: Store) -> None:
    with store.writing(NOON) as unit:
        unit.add_all(tables.Surface, [])
        unit.add_all(tables.Surface, [{"key": key, "channel": "C1", "ts": "1.2"} for key in "ab"])
    with store.reading() as session:
        assert sorted(row.key for row in session.execute(select(tables.Surface)).scalars()) == ["a", "b"]


def test_of_many_rows_only_those_that_do_not_stand_yet_are_added(store: Store) -> None:
    def rows(keys: str, channel: str) -> list[dict[str, str]]:
        return [{"key": key, "channel": channel, "ts": "1.2"} for key in keys]

    with store.writing(NOON) as unit:
        unit.add_missing(tables.Surface, rows("ab", "C1"))
        unit.add_missing(tables.Surface, rows("bc", "C2"))
    with store.reading() as session:
        kept = {row.key: row.channel for row in session.execute(select(tables.Surface)).scalars()}
    assert kept == {"a": "C1", "b": "C1", "c": "C2"}


def test_an_update_that_another_process_queues_at_the_same_moment_is_asked_again(
    postgresql: Database,
) -> None:
    first, second = postgresql.store(), postgresql.store()

    def ask(store: Store) -> None:
        with store.writing(NOON) as unit:
            unit.send("update", "plan", "plan-1", surface="plan:plan-1")

    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with ThreadPoolExecutor(1) as other:
        with first.writing(NOON) as unit:
            unit.send("update", "plan", "plan-1", surface="plan:plan-1")
            asked = other.submit(ask, second)
            while not unit.session.execute(waiting).scalar_one():
                assert not asked.done()
        asked.result()
    assert [one.wanted for one in messages(first)] == [2]
    first.close()
    second.close()
