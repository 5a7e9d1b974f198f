"""Who is who: pseudonyms of the audit log, members of groups, and what Slack says of a person."""

from datetime import datetime
from typing import Any

from sqlmodel import Field

from storage.columns import Document, Utc
from storage.tables.base import Row


class Person(Row, table=True):
    """A pseudonym of the audit log and whom it stands for, until the person is forgotten."""

    __tablename__ = "person"
    pseudonym: str = Field(primary_key=True)
    member: str | None = Field(default=None, unique=True)
    since: datetime = Field(sa_type=Utc)
    forgotten_at: datetime | None = Field(default=None, sa_type=Utc)


class Membership(Row, table=True):
    """Who is in a Slack user group, as it was last read; a worker refreshes it every five minutes."""

    __tablename__ = "membership"
    group: str = Field(primary_key=True)
    members: Any = Field(sa_type=Document)
    at: datetime = Field(sa_type=Utc)


class Member(Row, table=True):
    """What Slack says of a person: deleted, a bot, a guest or of another workspace never counts."""

    __tablename__ = "member"
    id: str = Field(primary_key=True)
    counts: bool
    why: str | None = None
    at: datetime = Field(sa_type=Utc)


class UsedCode(Row, table=True):
    """A one-time code of the step-up that was used, which works once; or a wrong try, which is counted."""

    __tablename__ = "used_code"
    key: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Utc)
