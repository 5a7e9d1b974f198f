"""What waits, counted: for the figures that monitoring asks, and for messages that build on others."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from actions.plan import PlanState
from storage import tables
from storage.unit import COALESCED
from storage.work import JobState, MessageState

#: The states that something leaves again; the others only grow.
LIVE: dict[str, tuple[Any, tuple[str, ...]]] = {
    "outbox": (tables.Message, (MessageState.PENDING,)),
    "jobs": (tables.Job, (JobState.PENDING, JobState.RUNNING, JobState.FAILED)),
    "plans": (tables.Plan, (PlanState.PENDING, PlanState.APPROVED, PlanState.RUNNING)),
}


def counts(session: Session) -> dict[str, dict[str, int]]:
    """How many messages, jobs and plans are in each state that matters to an operator."""
    found: dict[str, dict[str, int]] = {}
    for name, (table, states) in LIVE.items():
        query = select(table.state, func.count()).where(table.state.in_(states)).group_by(table.state)
        found[name] = dict.fromkeys(states, 0) | {row[0]: row[1] for row in session.execute(query)}
    return found


def lost(session: Session) -> int:
    """How many messages were given up that told somebody something; a dropped redrawing loses nothing."""
    table: Any = tables.Message
    query = select(func.count()).where(table.state == str(MessageState.DROPPED), table.kind.not_in(COALESCED))
    return session.execute(query).scalar_one()


def post_of(session: Session, surface: str) -> bool:
    """Whether the post that will make this surface stand still waits."""
    table: Any = tables.Message
    query = select(table.id).where(
        table.surface == surface, table.kind == "post", table.state == str(MessageState.PENDING)
    )
    return session.execute(query.limit(1)).first() is not None
