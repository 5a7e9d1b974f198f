"""The outbox as its sender sees it: what is due, what was sent, what has to wait."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import tables
from storage.store import Store
from storage.unit import COALESCED, PACE, Unit
from storage.work import MessageState

#: Kinds that people would see twice if they were sent twice.
SEEN_TWICE = frozenset({"post", "ephemeral", "upload"})


def due(session: Session, now: datetime, *, limit: int = 50) -> list[tables.Message]:
    """Messages to deliver now, oldest first. A channel's later messages wait for its earlier ones."""
    table: Any = tables.Message
    query = select(table).where(table.state == str(MessageState.PENDING)).order_by(table.number)
    ready: list[tables.Message] = []
    blocked: set[str] = set()
    # Read until enough are found: a channel that waits may have any number of messages before the others'.
    with session.execute(query.execution_options(yield_per=limit * 4)) as found:
        for message in found.scalars():
            line = line_of(message)
            if message.due_at > now:
                blocked.add(line)
            elif line not in blocked:
                ready.append(message)
            if len(ready) == limit:
                break
    return ready


def line_of(message: tables.Message) -> str:
    """What a message waits in: its channel, or the surface or person that it is for."""
    return message.channel or message.surface or message.person or ""


def overtaken(session: Session, message: tables.Message) -> bool:
    """Whether Slack took a later message of the same channel, although it does not take this one."""
    if message.channel is None:
        return False
    table: Any = tables.Message
    query = select(table.id).where(
        table.channel == message.channel,
        table.number > message.number,
        table.state == str(MessageState.SENT),
    )
    return session.execute(query.limit(1)).first() is not None


def surface(session: Session, key: str) -> tables.Surface | None:
    """Where this message stands in Slack, if it was posted."""
    return session.get(tables.Surface, key)


def surface_at(session: Session, channel: str, ts: str) -> str | None:
    """Which of our surfaces stands at this place in Slack."""
    table: Any = tables.Surface
    return session.execute(select(table.key).where(table.channel == channel, table.ts == ts)).scalar()


def begin(store: Store, message: tables.Message, now: datetime) -> None:
    """Keep, before it is sent, that it may be: a crash between Slack's answer and `sent` leaves this mark."""
    with store.writing(now) as unit:
        unit.change(unit.get(tables.Message, message.id), begun_at=now)


def sent(
    store: Store, message: tables.Message, now: datetime, *, channel: str | None, ts: str | None
) -> None:
    """Keep that Slack took it, and where it stands; a newer wording asked for meanwhile stays due."""
    with store.writing(now) as unit:
        # Locked: an update that is asked for at this moment is either seen here, or queued anew.
        row = unit.get(tables.Message, message.id, lock=True)
        if row.wanted == message.wanted:
            unit.move(row, MessageState.SENT, sent_at=now, attempts=row.attempts + 1, error=None)
        else:
            unit.change(row, due_at=now + PACE)
        if message.kind == "post" and message.surface and channel and ts:
            unit.session.merge(tables.Surface(key=message.surface, channel=channel, ts=ts))
        elif message.kind == "update" and (stands := unit.session.get(tables.Surface, message.surface or "")):
            stands.updated_at = now
        if message.begun_at is not None:  # as it was taken up: an earlier try was cut off
            unit.record("message.maybe_twice", actor="bursar", subject=row.id, after=_told(row))


def later(
    store: Store,
    message: tables.Message,
    now: datetime,
    *,
    due_at: datetime,
    error: str,
    refused: bool = True,
) -> None:
    """Put it back: Slack asked to wait, or did not answer.

    Args:
        refused: Slack said that it did not take it; without that, a repeat may be a second one.
    """
    with store.writing(now) as unit:
        row = unit.get(tables.Message, message.id)
        begun = message.begun_at if refused else row.begun_at
        unit.change(row, due_at=due_at, attempts=row.attempts + 1, error=error, begun_at=begun)


def drop(
    store: Store, message: tables.Message, now: datetime, *, error: str, fallback: str | None = None
) -> None:
    """Give up on a message that Slack will never take, and say so in the audit log.

    Args:
        fallback: the channel that is told of a post or an upload that was lost.
    """
    with store.writing(now) as unit:
        row = unit.get(tables.Message, message.id)
        unit.move(row, MessageState.DROPPED, error=error)
        if row.kind in COALESCED:
            return  # it only redraws what its record holds: nothing is lost with it
        unit.record("message.drop", actor="bursar", subject=row.id, after=_told(row), reason=error)
        if row.kind != "ephemeral" and row.channel != fallback:
            text = f"A message to {row.channel} was given up: {error}. The audit log has it as {row.id}."
            unit.send("post", "sentence", "", channel=fallback, args={"text": text})


def reroute(store: Store, message: tables.Message, now: datetime, *, channel: str, error: str) -> None:
    """Send it to the fallback channel instead: its own is gone."""
    with store.writing(now) as unit:
        row = unit.get(tables.Message, message.id)
        unit.change(row, channel=channel, thread=None, due_at=now, error=error, begun_at=None)
        _moved(unit, row.id, message.channel, channel, error)


def repost(store: Store, message: tables.Message, now: datetime, *, channel: str | None, error: str) -> None:
    """Post in the fallback channel what an update was to change: the message or its channel is gone."""
    with store.writing(now) as unit:
        row = unit.get(tables.Message, message.id)
        unit.move(row, MessageState.DROPPED, error=error)
        if (stood := unit.session.get(tables.Surface, row.surface or "")) is None:
            return
        unit.session.delete(stood)
        if channel != stood.channel:
            unit.send("post", row.template, row.subject, channel=channel, surface=row.surface, args=row.args)
        _moved(unit, row.id, stood.channel, channel, error)


def _moved(unit: Unit, key: str, before: str | None, after: str | None, error: str) -> None:
    unit.record(
        "message.reroute",
        actor="bursar",
        subject=key,
        before={"channel": before},
        after={"channel": after},
        reason=error,
    )


def _told(row: tables.Message) -> dict[str, str | None]:
    return {"kind": row.kind, "to": row.channel}


def pending(session: Session, *, kinds: Collection[str] = ()) -> int:
    """How many messages wait."""
    table: Any = tables.Message
    query = select(table.id).where(table.state == str(MessageState.PENDING))
    if kinds:
        query = query.where(table.kind.in_(list(kinds)))
    return len(session.execute(query).scalars().all())
