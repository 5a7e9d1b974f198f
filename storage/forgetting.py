"""Takes a forgotten person out of the records: a pseudonym stays in what is over, what is open forbids it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import String, cast, inspect, or_, select
from sqlalchemy.orm import Session

import actions.standing
from actions.say import KeepState
from spend.dispute import DisputeState
from spend.errors import Refused
from spend.finding import LIVE
from storage import directory, people, plans, tables
from storage.work import JobState, MessageState, RecoveryState

#: Which records name people, and in which states they still need to know them.
OPEN: Mapping[Any, frozenset[str]] = {
    tables.Plan: frozenset(plans.LIVE),
    tables.Standing: frozenset(actions.standing.OPEN),
    tables.Keep: frozenset({KeepState.HELD}),
    tables.Dispute: frozenset({DisputeState.OPEN}),
    tables.Finding: frozenset(LIVE),
    tables.Job: frozenset({JobState.PENDING, JobState.RUNNING}),
    tables.Message: frozenset({MessageState.PENDING}),
    tables.Recovery: frozenset({RecoveryState.WAITING}),
    tables.Ownership: frozenset(),  # a claim is its team's, whoever made it
    tables.Warned: frozenset(),
    tables.Switch: frozenset(),
    tables.Delivery: frozenset(),
    tables.Invoice: frozenset(),
}
#: The records that are over as soon as the one that they name is.
PARTS: Mapping[Any, tuple[Any, str]] = {
    tables.Vote: (tables.Plan, "plan"),
    tables.Step: (tables.Plan, "plan"),
    tables.StandingVote: (tables.Standing, "standing"),
}
#: What people approved by its hash stays as it was.
HASHED = frozenset({"content"})
#: So many open records are named.
MOST = 5


def unlink(session: Session, person: str, pseudonym: str, now: datetime) -> None:
    """Put the pseudonym in the place of the person, wherever nothing is open.

    Raises:
        Refused: something that is open needs to know the person.
    """
    found = [row for table in (*OPEN, *PARTS) for row in _naming(session, table, person)]
    if busy := sorted({whole.id for row in found if (whole := _open(session, row)) is not None}):
        more = f" and {len(busy) - MOST} more" if len(busy) > MOST else ""
        raise Refused(
            f"{person} still has a part in {', '.join(busy[:MOST])}{more}; let that end, then forget them."
        )
    for row in found:
        for name, value in row.model_dump(exclude=HASHED).items():
            if (without := people.hidden(value, {person: pseudonym})) != value:
                setattr(row, name, without)
    directory.drop_codes(session, person, now)
    session.flush()


def _naming(session: Session, table: Any, person: str) -> Iterator[Any]:
    columns = inspect(table).columns
    named = or_(*(cast(column, String).contains(person, autoescape=True) for column in columns))
    return session.execute(select(table).where(named)).scalars()


def _open(session: Session, row: Any) -> Any:
    """The record that this row is, or is a part of, if it is open."""
    whole = row
    if type(row) in PARTS:
        table, column = PARTS[type(row)]
        whole = session.get(table, getattr(row, column))
    return whole if getattr(whole, "state", None) in OPEN[type(whole)] else None
