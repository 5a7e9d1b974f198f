"""The audit log, its signed checkpoints and their anchors: append-only (storage/triggers.py)."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Integer
from sqlmodel import Field

from storage.columns import Document, Utc
from storage.tables.base import Moving, Row, one_of
from storage.work import RecoveryState


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


class Checkpoint(Row, table=True):
    """A signed statement that the log had this many rows and this head; each names the one before.

    Attributes:
        key: the public key under which it is signed.
        next_key: the public key that signs from the next one on, where this is the last under its own.
    """

    __tablename__ = "checkpoint"
    number: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    size: int = Field(index=True)
    head: str
    at: datetime = Field(sa_type=Utc)
    previous: str = Field(unique=True)
    hash: str = Field(unique=True)
    key: str
    next_key: str | None = None
    signature: str


class Anchor(Row, table=True):
    """Where a checkpoint was put that the bot's database role cannot reach."""

    __tablename__ = "anchor"
    id: str = Field(primary_key=True)
    checkpoint: int = Field(foreign_key="checkpoint.number", index=True)
    place: str
    reference: str
    at: datetime = Field(sa_type=Utc)


class Recovery(Moving, table=True):
    """A start on what looks like an old copy of the database, and who resumed it."""

    __tablename__ = "recovery"
    __table_args__ = (one_of(RecoveryState),)
    reason: str
    fork: Any = Field(sa_type=Document)
    at: datetime = Field(sa_type=Utc)
    first: str | None = None
    second: str | None = None
    resumed_at: datetime | None = Field(default=None, sa_type=Utc)
