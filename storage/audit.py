"""The audit log: append-only rows, each holding the hash of the one before."""

import importlib.metadata
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from spend import canonical
from storage.tables import Audit

GENESIS = "0" * 64
#: The advisory lock that makes appends take turns on PostgreSQL.
CHAIN_LOCK = 0x6275727361
BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Event:
    """What is to be written, before it has its place in the chain."""

    event: str
    actor: str
    subject: str
    before: Any
    after: Any
    reason: str | None
    plan_hash: str | None
    runbook_hash: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the chain found.

    Attributes:
        rows: how many rows hold, from the first on.
        head: the hash of the last row that holds.
        broken: the first row that does not, or None.
        reason: what is wrong with it, in words.
    """

    rows: int
    head: str
    broken: int | None = None
    reason: str | None = None


@cache
def version() -> str:
    """The version of the program that writes."""
    return importlib.metadata.version("bursar")


def row_hash(row: dict[str, Any]) -> str:
    """SHA-256 over the canonical JSON of all columns but the hash itself."""
    return canonical.digest({key: value for key, value in row.items() if key != "hash"})


def append(session: Session, events: Sequence[Event], now: datetime) -> None:
    """Chain the events to the head and insert them. Call it last in a transaction."""
    if not events:
        return
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": CHAIN_LOCK})
    head = session.execute(select(Audit.seq, Audit.hash).order_by(Audit.seq.desc()).limit(1)).first()  # type: ignore[attr-defined,call-overload]
    seq, previous = (head.seq, head.hash) if head else (0, GENESIS)
    for event in events:
        seq += 1
        row = {"seq": seq, "at": now, **asdict(event), "app_version": version(), "prev_hash": previous}
        previous = row_hash(row)
        session.add(Audit(**row, hash=previous))
    session.flush()


def rows(session: Session, *, subject: str | None = None) -> Iterator[dict[str, Any]]:
    """The entries in order, as data; with a subject, only those about it."""
    seq = 0
    columns = list(Audit.__table__.columns)  # type: ignore[attr-defined] # SQLModel tables have one
    while True:
        query = select(*columns).where(Audit.seq > seq).order_by(Audit.seq).limit(BATCH)  # type: ignore[arg-type]
        if subject is not None:
            query = query.where(Audit.subject == subject)  # type: ignore[arg-type]
        batch = session.execute(query).mappings().all()
        yield from (dict(row) for row in batch)
        if len(batch) < BATCH:
            return
        seq = batch[-1]["seq"]


def verify(session: Session) -> Verdict:
    """Walk the chain from the first row and stop at the first that does not hold."""
    previous, count = GENESIS, 0
    for row in rows(session):
        count += 1
        reason = None
        if row["seq"] != count:
            reason = f"row {count} is missing"
        elif row["prev_hash"] != previous:
            reason = f"row {row['seq']} does not continue row {count - 1}"
        elif row_hash(row) != row["hash"]:
            reason = f"row {row['seq']} ({row['event']}) was changed after it was written"
        if reason:
            return Verdict(count - 1, previous, min(row["seq"], count), reason)
        previous = row["hash"]
    return Verdict(count, previous)
