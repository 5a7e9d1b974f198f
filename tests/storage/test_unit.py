"""The unit of work: state, audit entry, message and job together, or none of them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select

from actions.errors import TakenOver
from spend.claim import ClaimState
from spend.errors import Conflict, NotFound
from spend.finding import FindingState
from storage import audit, tables
from storage.locks import Hold
from storage.store import Store
from storage.work import JobState

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
    with pytest.raises(Conflict, match="already resolved"), store.writing(NOON) as unit:
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
    with store.writing(NOON) as unit, pytest.raises(ValueError, match="only move"):
        unit.change(unit.add(finding()), state="resolved")


def test_a_record_that_is_not_there_is_named(store: Store) -> None:
    with pytest.raises(NotFound, match="There is no plan plan-x"), store.writing(NOON) as unit:
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
