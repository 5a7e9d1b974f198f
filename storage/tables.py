"""The tables. No behaviour: rules live in the packages below, every change goes through `storage/unit.py`."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Column, Index, Integer, Sequence, UniqueConstraint, text
from sqlmodel import Field, MetaData, SQLModel

from actions.plan import PlanState
from actions.step import StepState
from spend.claim import ClaimState
from spend.dispute import DisputeState
from spend.finding import FindingState
from storage.columns import Document, Money, Utc
from storage.work import JobState, MessageState, SnapshotState

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
}


class Row(SQLModel):
    """The root of all tables, with one naming rule for constraints."""

    metadata = MetaData(naming_convention=NAMES)


class Moving(Row):
    """A record with a state; only the unit of work may change `state` and `version`."""

    id: str = Field(primary_key=True)
    state: str = Field(index=True)
    version: int = 1


#: Numbers the outbox on PostgreSQL; SQLite has one writer and counts by itself.
MESSAGE_NUMBER = Sequence("outbox_number", metadata=Row.metadata)


def one_of(states: Iterable[StrEnum]) -> CheckConstraint:
    """A CHECK that the state is one the code knows."""
    return CheckConstraint(f"state IN ({', '.join(repr(str(state)) for state in states)})", name="state")


class Audit(Row, table=True):
    """One event, chained to the one before. Triggers refuse every change (storage/triggers.py)."""

    __tablename__ = "audit"
    seq: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    at: datetime = Field(sa_type=Utc)
    event: str = Field(index=True)
    actor: str
    subject: str = Field(index=True)
    before: Any = Field(default=None, sa_type=Document, nullable=True)
    after: Any = Field(default=None, sa_type=Document, nullable=True)
    reason: str | None = None
    plan_hash: str | None = None
    runbook_hash: str | None = None
    app_version: str
    prev_hash: str = Field(unique=True)
    hash: str = Field(unique=True)


class Snapshot(Moving, table=True):
    """A delivery of one billing period; the current row is the only pointer to its files."""

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


class Plan(Moving, table=True):
    """A plan and its run; the content is what was hashed and shown."""

    __tablename__ = "plan"
    __table_args__ = (one_of(PlanState),)
    hash: str
    content: Any = Field(sa_type=Document)
    runbook: str
    team: str | None = Field(index=True)
    approve_by: datetime = Field(sa_type=Utc)
    execute_by: datetime = Field(sa_type=Utc)
    undo_of: str | None = Field(default=None, index=True)
    created_at: datetime = Field(sa_type=Utc)
    ended_at: datetime | None = Field(default=None, sa_type=Utc)
    outcome: str | None = None
    worker: str | None = None
    epoch: int | None = None


class Vote(Row, table=True):
    """One person's word on a plan; one word each."""

    __tablename__ = "vote"
    __table_args__ = (UniqueConstraint("plan", "person"),)
    id: str = Field(primary_key=True)
    plan: str = Field(foreign_key="plan.id")
    person: str
    decision: str
    reason: str | None = None
    at: datetime = Field(sa_type=Utc)


class Step(Moving, table=True):
    """One action on one target of a run."""

    __tablename__ = "step"
    __table_args__ = (one_of(StepState), UniqueConstraint("plan", "number"), UniqueConstraint("key"))
    plan: str = Field(foreign_key="plan.id")
    number: int
    wave: int
    target: str = Field(index=True)
    step: str
    action: str
    key: str
    before: Any = Field(default=None, sa_type=Document, nullable=True)
    after: Any = Field(default=None, sa_type=Document, nullable=True)
    code: str | None = None
    detail: str | None = None
    send_by: datetime | None = Field(default=None, sa_type=Utc)
    ended_at: datetime | None = Field(default=None, sa_type=Utc)


class Digest(Row, table=True):
    """A published digest, with its figures as they were sent."""

    __tablename__ = "digest"
    __table_args__ = (UniqueConstraint("team", "week"),)
    id: str = Field(primary_key=True)
    team: str
    week: date
    figures: Any = Field(sa_type=Document)
    published_at: datetime = Field(sa_type=Utc)


class Inbox(Row, table=True):
    """What Slack delivered already; a second delivery of the same key acts on nothing."""

    __tablename__ = "inbox"
    key: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Utc)


class Message(Moving, table=True):
    """The outbox: what Slack has still to be told. Rendered when it is delivered."""

    __tablename__ = "outbox"
    __table_args__ = (
        one_of(MessageState),
        Index(
            "uq_outbox_pending_update",
            "kind",
            "surface",
            unique=True,
            sqlite_where=text("state = 'pending' AND kind IN ('update', 'view', 'home')"),
            postgresql_where=text("state = 'pending' AND kind IN ('update', 'view', 'home')"),
        ),
    )
    number: int = Field(sa_column=Column(Integer, nullable=False, unique=True))
    kind: str
    channel: str | None
    surface: str | None = Field(default=None, index=True)
    thread: str | None = None
    person: str | None = None
    template: str
    subject: str
    args: Any = Field(default=None, sa_type=Document, nullable=True)
    wanted: int = 1
    attempts: int = 0
    due_at: datetime = Field(sa_type=Utc, index=True)
    created_at: datetime = Field(sa_type=Utc)
    sent_at: datetime | None = Field(default=None, sa_type=Utc)
    error: str | None = None


class Surface(Row, table=True):
    """Where a message stands in Slack, so that it can be updated and answered in its thread."""

    __tablename__ = "surface"
    key: str = Field(primary_key=True)
    channel: str
    ts: str


class Job(Moving, table=True):
    """Work for a worker; the unique key is what makes a scheduled period happen once."""

    __tablename__ = "job"
    __table_args__ = (one_of(JobState), UniqueConstraint("kind", "key"))
    kind: str
    key: str
    args: Any = Field(default=None, sa_type=Document, nullable=True)
    due_at: datetime = Field(sa_type=Utc, index=True)
    created_at: datetime = Field(sa_type=Utc)
    ended_at: datetime | None = Field(default=None, sa_type=Utc)
    attempts: int = 0
    error: str | None = None
    worker: str | None = None
    epoch: int | None = None


class Schedule(Row, table=True):
    """When a kind of job falls due; written from the settings at every start."""

    __tablename__ = "schedule"
    name: str = Field(primary_key=True)
    job: str
    days: str
    at: str
    zone: str
    args: Any = Field(default=None, sa_type=Document, nullable=True)


class Worker(Row, table=True):
    """A worker's seat; whoever takes its lock next has the next epoch."""

    __tablename__ = "worker"
    name: str = Field(primary_key=True)
    epoch: int
    started_at: datetime = Field(sa_type=Utc)


class Switch(Row, table=True):
    """A switch that people throw, such as the kill switch."""

    __tablename__ = "switch"
    name: str = Field(primary_key=True)
    on: bool
    thrown_by: str
    reason: str
    at: datetime = Field(sa_type=Utc)
