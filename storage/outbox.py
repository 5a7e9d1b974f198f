"""The outbox as its sender sees it: what is due, what was sent, what has to wait."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import tables
from storage.store import Store
from storage.unit import COALESCED, Unit
from storage.work import MessageState


def due(session: Session, now: datetime, *, limit: int = 50) -> list[tables.Message]:
    """Messages to deliver now, oldest first. A channel's later messages wait for its earlier ones."""
    table: Any = tables.Message
    query = select(table).where(table.state == str(MessageState.PENDING)).order_by(table.number)
    ready: list[tables.Message] = []
    blocked: set[str] = set()
    # Read until enough are found: a channel that waits may have any number of messages before the others'.
    with session.execute(query.execution_options(yield_per=limit * 4)) as found:
        for message in found.scalars():
            line = message.channel or message.surface or message.person or ""
            if message.due_at > now:
                blocked.add(line)
            elif line not in blocked:
                ready.append(message)
            if len(ready) == limit:
                break
    return ready


def surface(session: Session, key: str) -> tables.Surface | None:
    """Where this message stands in Slack, if it was posted."""
    return session.get(tables.Surface, key)


def surface_at(session: Session, channel: str, ts: str) -> str | None:
    """Which of our surfaces stands at this place in Slack."""
    table: Any = tables.Surface
    return session.execute(select(table.key).where(table.channel == channel, table.ts == ts)).scalar()


def sent(
    store: Store, message: tables.Message, now: datetime, *, channel: str | None, ts: str | None
) -> None:
    """Keep that Slack took it, and where it stands; a newer wording asked for meanwhile stays due."""
    with store.writing(now) as unit:
        # Locked: an update that is asked for at this moment is either seen here, or queued anew.
        row = unit.get(tables.Message, message.id, lock=True)
        if row.wanted == message.wanted:
            unit.move(row, MessageState.SENT, sent_at=now, attempts=row.attempts + 1, error=None)
        if message.kind == "post" and message.surface and channel and ts:
            unit.session.merge(tables.Surface(key=message.surface, channel=channel, ts=ts))


def later(store: Store, message: tables.Message, now: datetime, *, due_at: datetime, error: str) -> None:
    """Put it back: Slack asked to wait, or did not answer."""
    with store.writing(now) as unit:
        row = unit.get(tables.Message, message.id)
        unit.change(row, due_at=due_at, attempts=row.attempts + 1, error=error)


def drop(store: Store, message: tables.Message, now: datetime, *, error: str) -> None:
    """Give up on a message that Slack will never take, and say so in the audit log."""
    with store.writing(now) as unit:
        _drop(unit, unit.get(tables.Message, message.id), error)


def reroute(store: Store, message: tables.Message, now: datetime, *, channel: str, error: str) -> None:
    """Send it to the fallback channel instead: its own is gone."""
    with store.writing(now) as unit:
        row = unit.get(tables.Message, message.id)
        unit.change(row, channel=channel, thread=None, due_at=now, error=error)
        unit.record(
            "message.reroute",
            actor="bursar",
            subject=row.id,
            before={"channel": message.channel},
            after={"channel": channel},
            reason=error,
        )


def _drop(unit: Unit, row: tables.Message, error: str) -> None:
    unit.move(row, MessageState.DROPPED, error=error)
    if row.kind in COALESCED:
        return  # it only redraws what its record holds: nothing is lost with it
    unit.record(
        "message.drop",
        actor="bursar",
        subject=row.id,
        after={"kind": row.kind, "to": row.channel},
        reason=error,
    )


def pending(session: Session, *, kinds: Collection[str] = ()) -> int:
    """How many messages wait."""
    table: Any = tables.Message
    query = select(table.id).where(table.state == str(MessageState.PENDING))
    if kinds:
        query = query.where(table.kind.in_(list(kinds)))
    return len(session.execute(query).scalars().all())
