"""What waits and who works: inbox, outbox, jobs, schedules, workers and switches."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, Integer, Sequence, UniqueConstraint, text
from sqlmodel import Field

from storage.columns import Document, Utc
from storage.tables.base import Moving, Row, one_of
from storage.work import JobState, MessageState

#: Numbers the outbox on PostgreSQL; SQLite has one writer and counts by itself.
MESSAGE_NUMBER = Sequence("outbox_number", metadata=Row.metadata)


class Inbox(Row, table=True):
    """What Slack delivered; a second delivery of the same key acts on nothing.

    The body stands here from the moment Slack is answered until the press is acted on.
    """

    __tablename__ = "inbox"
    key: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Utc)
    body: Any = Field(default=None, sa_type=Document, nullable=True)


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
    begun_at: datetime | None = Field(default=None, sa_type=Utc)
    sent_at: datetime | None = Field(default=None, sa_type=Utc)
    error: str | None = None


class Surface(Row, table=True):
    """Where a message stands in Slack, so that it can be updated and answered in its thread."""

    __tablename__ = "surface"
    key: str = Field(primary_key=True)
    channel: str
    ts: str
    updated_at: datetime | None = Field(default=None, sa_type=Utc)


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
