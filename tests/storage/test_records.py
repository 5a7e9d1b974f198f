"""Findings, claims, disputes, digests and snapshots as rows: each question gets exactly its answer."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from spend.claim import ClaimState
from spend.dispute import DisputeState
from spend.finding import FindingState, Kind
from storage import records, tables
from storage.costs import complete_through
from storage.store import Store
from storage.work import SnapshotState
from tests.storage.rows import HOUR, NOON, claim, dispute, finding

MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)


def snapshot(key: str, period: date = MAY, **changes: Any) -> tables.Snapshot:
    usual: dict[str, Any] = {
        "state": SnapshotState.CURRENT,
        "source": "aws",
        "billing_account": "1001",
        "content": key,
        "rows": 1,
        "rejected": 0,
        "warnings": {},
        "totals": [],
        "files": [],
        "first_day": period,
        "last_day": period + timedelta(days=20),
        "published_at": NOON + timedelta(days=120),
        "since": NOON,
    }
    return tables.Snapshot(id=key, billing_period=period, **{**usual, **changes})


def add(store: Store, *rows: tables.Moving) -> None:
    with store.writing(NOON) as unit:
        for row in rows:
            unit.add(row)


def test_findings_are_those_that_somebody_still_has_to_look_at_oldest_first(store: Store) -> None:
    add(
        store,
        finding("f1", since=date(2026, 3, 9)),
        finding("f2", kind="anomaly", since=date(2026, 3, 5)),
        finding("f3", state=FindingState.INVESTIGATING, team="checkout"),
        finding("f4", state=FindingState.RESOLVED),
        finding("f5", state=FindingState.EXPECTED),
        finding("f6", team=None, since=date(2026, 3, 7)),
    )
    with store.reading() as session:
        assert [row.id for row in records.findings(session)] == ["f3", "f2", "f6", "f1"]
        assert [row.id for row in records.findings(session, team="search")] == ["f2", "f1"]
        assert [row.id for row in records.findings(session, kinds=(Kind.ANOMALY,))] == ["f2"]
        resolved = records.findings(session, states=(FindingState.RESOLVED,))
        assert [row.id for row in resolved] == ["f4"]


def test_the_live_finding_of_a_fingerprint_is_not_its_last_one(store: Store) -> None:
    add(
        store,
        finding("f1", "mark", state=FindingState.RESOLVED, found_at=NOON),
        finding("f2", "mark", state=FindingState.EXPECTED, found_at=NOON + HOUR),
    )
    with store.reading() as session:
        assert records.live_finding(session, "mark") is None
        last = records.last_finding(session, "mark")
        assert last is not None
        assert last.id == "f2"
        assert records.last_finding(session, "other") is None
    add(store, finding("f3", "mark", found_at=NOON + 2 * HOUR))
    with store.reading() as session:
        live = records.live_finding(session, "mark")
        assert live is not None
        assert live.id == "f3"


def test_the_amount_of_a_finding_is_kept_to_the_last_digit(store: Store) -> None:
    add(store, finding("f1", amount=Decimal("12345678901234567.01234567890123456789")))
    with store.reading() as session:
        assert records.findings(session)[0].amount == Decimal("12345678901234567.01234567890123456789")


def test_claims_that_hold_are_the_oldest_first_and_released_ones_still_rule_over_their_days(
    store: Store,
) -> None:
    add(
        store,
        claim("c1", claimed_at=NOON + HOUR),
        claim("c2", claimed_at=NOON),
        claim("c3", claimed_at=NOON - HOUR, state=ClaimState.RELEASED, valid_to=date(2026, 3, 2)),
    )
    with store.reading() as session:
        assert [row.id for row in records.claims(session)] == ["c2", "c1"]
        assert [row.id for row in records.ownerships(session)] == ["c3", "c2", "c1"]


def test_disputes_are_found_by_state_oldest_first(store: Store) -> None:
    add(
        store,
        dispute("d1", opened_at=NOON + HOUR),
        dispute("d2"),
        dispute("d3", state=DisputeState.UPHELD),
    )
    with store.reading() as session:
        opened = records.disputes(session, states=(DisputeState.OPEN,))
        ruled = records.disputes(session, states=(DisputeState.UPHELD, DisputeState.SPLIT))
    assert [row.id for row in opened] == ["d2", "d1"]
    assert [row.id for row in ruled] == ["d3"]


def test_a_digest_is_kept_once_for_a_team_and_week(store: Store) -> None:
    row = {"id": "digest-1", "team": "search", "week": JUNE, "figures": {"n": "1"}, "published_at": NOON}
    with store.writing(NOON) as unit:
        assert unit.add_once(tables.Digest, row)
        assert not unit.add_once(tables.Digest, {**row, "id": "digest-2"})
        assert unit.add_once(tables.Digest, {**row, "id": "digest-3", "team": "checkout"})
    with store.reading() as session:
        kept = records.digest(session, "search", JUNE)
        assert kept is not None
        assert (kept.id, kept.figures) == ("digest-1", {"n": "1"})
        assert records.digest(session, "search", MAY) is None


def test_only_current_snapshots_count_and_each_knows_the_others_of_its_bill(store: Store) -> None:
    first, second = snapshot("s1", state=SnapshotState.SUPERSEDED), snapshot("s2")
    others = (
        snapshot("s3", JUNE, allocated=True),
        snapshot("s4", billing_account="1002"),
        snapshot("s5", source="gcp", last_day=MAY),
    )
    add(store, first, second, *others)
    with store.reading() as session:
        assert [row.id for row in records.current_snapshots(session)] == ["s2", "s4", "s5", "s3"]
        assert [row.id for row in records.current_snapshots(session, allocated=True)] == ["s3"]
        assert set(records.snapshots_of_bill(session, second)) == {"s1", "s2"}
        assert set(records.snapshots_of_bill(session, others[0])) == {"s3"}
        # gcp has told nothing after the first of May, so that no later day is complete.
        assert complete_through(records.current_snapshots(session)) == MAY
