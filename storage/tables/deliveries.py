"""What the reading of bills leaves behind: each delivery with its report, and what runs between bills."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from storage.columns import Document, Money, Utc
from storage.tables.base import Row


class Delivery(Row, table=True):
    """One import of one source, whatever became of it."""

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
    snapshots: Any = Field(sa_type=Document)
    problems: Any = Field(sa_type=Document)
    invoices: Any = Field(sa_type=Document)
    quarantined: str | None = None


class Watched(Row, table=True):
    """What people were last told about a source that is late, silent or shrunk; no row while all is well."""

    __tablename__ = "watched"
    source: str = Field(primary_key=True)
    condition: str = Field(primary_key=True)
    since: datetime = Field(sa_type=Utc)
    details: Any = Field(sa_type=Document)


class Estimate(Row, table=True):
    """What some running things cost in one hour by their unit price, until the bill tells."""

    __tablename__ = "estimate"
    __table_args__ = (UniqueConstraint("hour", "account", "region", "kind", "unit", "team", "currency"),)
    id: str = Field(primary_key=True)
    hour: datetime = Field(sa_type=Utc, index=True)
    account: str
    region: str
    kind: str
    unit: str
    team: str
    count: int
    currency: str
    unit_price: Decimal = Field(sa_type=Money)
    amount: Decimal = Field(sa_type=Money)
    priced_by: str
    day: date
    billed: Decimal | None = Field(default=None, sa_type=Money)
    reconciled_at: datetime | None = Field(default=None, sa_type=Utc)
