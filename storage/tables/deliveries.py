"""What the reading of bills leaves behind: each delivery with its report, and what runs between bills."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field

from storage.columns import Document, Money, Utc
from storage.tables.base import Row


class Delivery(Row, table=True):
    """One import of one source, whatever became of it; `day` is the newest one that it told of."""

    __tablename__ = "delivery"
    __table_args__ = (Index("ix_delivery_source_at", "source", "at"),)
    id: str = Field(primary_key=True)
    source: str
    dialect: str | None
    place: str
    actor: str
    outcome: str
    at: datetime = Field(sa_type=Utc)
    rows: int
    rejected: int
    day: date | None = None
    snapshots: Any = Field(sa_type=Document)
    problems: Any = Field(sa_type=Document)
    invoices: Any = Field(sa_type=Document)
    quarantined: str | None = None


class Watched(Row, table=True):
    """A source that was late, silent or shrunk, as people were told; `ended_at` is None while it is."""

    __tablename__ = "watched"
    __table_args__ = (
        Index(
            "uq_watched_on",
            "source",
            "condition",
            "bill",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
    id: str = Field(primary_key=True)
    source: str
    condition: str
    bill: str
    since: datetime = Field(sa_type=Utc)
    details: Any = Field(sa_type=Document)
    told_at: datetime = Field(sa_type=Utc)
    ended_at: datetime | None = Field(default=None, sa_type=Utc)


class Invoice(Row, table=True):
    """What an invoice says, as a delivery or a person told; `delivery` is None where a person did."""

    __tablename__ = "invoice"
    source: str = Field(primary_key=True)
    invoice: str = Field(primary_key=True)
    currency: str = Field(primary_key=True)
    amount: Decimal = Field(sa_type=Money)
    told_by: str
    told_at: datetime = Field(sa_type=Utc)
    delivery: str | None = None


class Estimate(Row, table=True):
    """One look at what runs in an account in one hour, priced; an hour without a row was not looked at."""

    __tablename__ = "estimate"
    hour: datetime = Field(sa_type=Utc, primary_key=True)
    account: str = Field(primary_key=True)
    lines: Any = Field(sa_type=Document)
    unpriced: Any = Field(sa_type=Document)
    looked_at: datetime = Field(sa_type=Utc)


class Reckoned(Row, table=True):
    """An estimated day of an account, and what the bill (its snapshots) said of the same sorts of things."""

    __tablename__ = "reckoned"
    day: date = Field(primary_key=True)
    account: str = Field(primary_key=True)
    currency: str = Field(primary_key=True)
    hours: int
    estimated: Decimal = Field(sa_type=Money)
    billed: Decimal = Field(sa_type=Money)
    bill: str
