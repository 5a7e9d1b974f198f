"""What remediations leave: plans, votes, steps, and the bounds that are set for them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from actions.blast import ReservationState
from actions.plan import PlanState
from actions.say import KeepState, WarningState
from actions.standing import StandingState
from actions.step import StepState
from storage.columns import Document, Money, Utc
from storage.tables.base import Moving, Row, one_of


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
    not_before: datetime | None = Field(default=None, sa_type=Utc)
    next_wave_at: datetime | None = Field(default=None, sa_type=Utc)
    waits_for: str | None = None
    standing: str | None = Field(default=None, index=True)


class Vote(Row, table=True):
    """One person's word on a plan; one word each."""

    __tablename__ = "vote"
    __table_args__ = (UniqueConstraint("plan", "person"),)
    id: str = Field(primary_key=True)
    plan: str = Field(foreign_key="plan.id")
    person: str
    decision: str
    reason: str | None = None
    proof: Any = Field(default=None, sa_type=Document, nullable=True)
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
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    send_by: datetime | None = Field(default=None, sa_type=Utc)
    ended_at: datetime | None = Field(default=None, sa_type=Utc)


class Standing(Moving, table=True):
    """A standing approval; the content is what was hashed and shown."""

    __tablename__ = "standing"
    __table_args__ = (one_of(StandingState),)
    hash: str
    content: Any = Field(sa_type=Document)
    runbook: str = Field(index=True)
    requested_by: str
    until: datetime = Field(sa_type=Utc)
    created_at: datetime = Field(sa_type=Utc)
    ended_at: datetime | None = Field(default=None, sa_type=Utc)
    ended_by: str | None = None
    reason: str | None = None
    reminded: int | None = None


class StandingVote(Row, table=True):
    """One person's word on a standing approval; one word each."""

    __tablename__ = "standing_vote"
    __table_args__ = (UniqueConstraint("standing", "person"),)
    id: str = Field(primary_key=True)
    standing: str = Field(foreign_key="standing.id")
    person: str
    decision: str
    reason: str | None = None
    proof: Any = Field(default=None, sa_type=Document, nullable=True)
    at: datetime = Field(sa_type=Utc)


class Reservation(Moving, table=True):
    """What one plan takes of its day's blast radius; amounts are in the currency of the caps."""

    __tablename__ = "reservation"
    __table_args__ = (one_of(ReservationState), UniqueConstraint("plan"))
    plan: str = Field(foreign_key="plan.id")
    day: date = Field(index=True)
    standing: str | None = Field(default=None, index=True)
    targets: int
    amount: Decimal = Field(sa_type=Money)
    currency: str
    fleets: Any = Field(sa_type=Document)
    at: datetime = Field(sa_type=Utc)
    settled_at: datetime | None = Field(default=None, sa_type=Utc)


class Warned(Moving, table=True):
    """What the owners of a team were told of a plan, and what they answered."""

    __tablename__ = "warned"
    __table_args__ = (one_of(WarningState), UniqueConstraint("plan", "team"))
    plan: str = Field(foreign_key="plan.id")
    team: str
    targets: Any = Field(sa_type=Document)
    at: datetime = Field(sa_type=Utc)
    ends_at: datetime = Field(sa_type=Utc)
    answered_by: str | None = None
    answered_at: datetime | None = Field(default=None, sa_type=Utc)


class Keep(Moving, table=True):
    """An owner's word that a resource stays as it is until a day."""

    __tablename__ = "keep"
    __table_args__ = (
        one_of(KeepState),
        Index(
            "uq_keep_held",
            "target",
            unique=True,
            sqlite_where=text("state = 'held'"),
            postgresql_where=text("state = 'held'"),
        ),
    )
    target: str = Field(index=True)
    name: str
    team: str | None = None
    until: datetime = Field(sa_type=Utc)
    said_by: str
    reason: str
    at: datetime = Field(sa_type=Utc)
    plan: str | None = None
    overridden_by: str | None = None
    override_reason: str | None = None
    overridden_at: datetime | None = Field(default=None, sa_type=Utc)


class Incident(Row, table=True):
    """An incident that another system told us of; while it is open, nothing is touched."""

    __tablename__ = "incident"
    id: str = Field(primary_key=True)
    source: str
    title: str
    opened_at: datetime = Field(sa_type=Utc)
    told_at: datetime = Field(sa_type=Utc)
    closed_at: datetime | None = Field(default=None, sa_type=Utc)


class Reading(Row, table=True):
    """When a source outside last gave an answer, so that a refusal can tell its age."""

    __tablename__ = "reading"
    source: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Utc)
