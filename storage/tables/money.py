"""What money is told by: snapshots, the ledger, owners, disputes, findings and digests."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from spend.claim import ClaimState
from spend.dispute import DisputeState
from spend.finding import FindingState
from storage.columns import Document, Money, Utc
from storage.tables.base import Moving, Row, one_of
from storage.work import SnapshotState


class Snapshot(Moving, table=True):
    """A delivery of one billing period; the current row is the only pointer to its files.

    Attributes:
        since: when it came into its state.
    """

    __tablename__ = "snapshot"
    __table_args__ = (
        one_of(SnapshotState),
        Index(
            "uq_snapshot_current",
            "source",
            "billing_account",
            "billing_period",
            unique=True,
            sqlite_where=text("state = 'current'"),
            postgresql_where=text("state = 'current'"),
        ),
        Index("ix_snapshot_state_since", "state", "since"),
    )
    source: str
    billing_account: str
    billing_period: date
    content: str
    rows: int
    rejected: int
    warnings: Any = Field(sa_type=Document)
    totals: Any = Field(sa_type=Document)
    files: Any = Field(sa_type=Document)
    first_day: date
    last_day: date
    allocated: bool = False
    published_at: datetime = Field(sa_type=Utc)
    since: datetime = Field(sa_type=Utc)


class Entry(Row, table=True):
    """One line of the ledger: an allocated charge, a reversal or what a ruling set. Never edited."""

    __tablename__ = "ledger"
    __table_args__ = (Index("ix_ledger_team_day", "team", "day"),)
    id: str = Field(primary_key=True)
    day: date
    source: str
    billing_account: str
    account: str | None
    service: str | None
    category: str
    charge_class: str | None = None
    rule: str
    team: str | None
    currency: str
    effective: Decimal = Field(sa_type=Money)
    billed: Decimal = Field(sa_type=Money)
    method: str
    origin: str = Field(index=True)
    reverses: str | None = Field(default=None, unique=True)
    dispute: str | None = Field(default=None, index=True)
    snapshot: str = Field(index=True)
    at: datetime = Field(sa_type=Utc)


class Ownership(Moving, table=True):
    """A claim: from a day on, what the predicate matches belongs to a team."""

    __tablename__ = "ownership"
    __table_args__ = (one_of(ClaimState),)
    team: str = Field(index=True)
    account: str | None
    service: str | None
    resource: str | None
    valid_from: date
    valid_to: date | None = None
    claimed_by: str
    claimed_at: datetime = Field(sa_type=Utc)


class Dispute(Moving, table=True):
    """A frozen selection of charges that a team says are not its own."""

    __tablename__ = "dispute"
    __table_args__ = (one_of(DisputeState),)
    team: str = Field(index=True)
    opened_by: str
    opened_at: datetime = Field(sa_type=Utc)
    reason: str
    proposed_team: str | None
    rule: str
    selection: Any = Field(sa_type=Document)
    currency: str
    effective: Decimal = Field(sa_type=Money)
    billed: Decimal = Field(sa_type=Money)
    ruled_by: str | None = None
    ruled_at: datetime | None = Field(default=None, sa_type=Utc)
    ruling: Any = Field(default=None, sa_type=Document, nullable=True)


class Finding(Moving, table=True):
    """Something worth a person's look; while it is open its fingerprint is unique."""

    __tablename__ = "finding"
    __table_args__ = (
        one_of(FindingState),
        Index(
            "uq_finding_open",
            "fingerprint",
            unique=True,
            sqlite_where=text("state IN ('open', 'investigating')"),
            postgresql_where=text("state IN ('open', 'investigating')"),
        ),
    )
    kind: str
    fingerprint: str
    team: str | None = Field(index=True)
    title: str
    since: date
    amount: Decimal = Field(sa_type=Money)
    currency: str
    details: Any = Field(sa_type=Document)
    found_at: datetime = Field(sa_type=Utc)
    answered_by: str | None = None


class Digest(Row, table=True):
    """A published digest, with its figures as they were sent."""

    __tablename__ = "digest"
    __table_args__ = (UniqueConstraint("team", "week"),)
    id: str = Field(primary_key=True)
    team: str
    week: date
    figures: Any = Field(sa_type=Document)
    published_at: datetime = Field(sa_type=Utc)
