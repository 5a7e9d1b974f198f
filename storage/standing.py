"""Standing approvals and their votes as rows, and what a day has taken of one."""

from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from actions.blast import ReservationState
from actions.standing import OPEN, Standing, StandingState, Used, from_content
from spend import money
from storage import ids, tables
from storage.unit import Unit


def save(unit: Unit, one: Standing) -> tables.Standing:
    """Keep a new one as it was hashed."""
    return unit.add(
        tables.Standing(
            id=one.id,
            state=one.state,
            hash=one.hash,
            content=one.content(),
            runbook=one.runbook,
            requested_by=one.requested_by,
            until=one.until,
            created_at=one.created_at,
        )
    )


def load(row: tables.Standing) -> Standing:
    """The one that was kept, in the state it has now."""
    return from_content(row.content, state=StandingState(row.state), version=row.version)


def find(
    session: Session, *, states: Collection[StandingState] = OPEN, runbook: str | None = None
) -> list[tables.Standing]:
    """Those in these states, the oldest first: where two would do, the older one is used."""
    table: Any = tables.Standing
    query = select(table).where(table.state.in_([str(state) for state in states]))
    if runbook is not None:
        query = query.where(table.runbook == runbook)
    return list(session.execute(query.order_by(table.created_at, table.id)).scalars())


def vote(unit: Unit, key: str, person: str, reason: str, proof: Any) -> None:
    """Keep one person's yes; a second word of the same person breaks a unique key."""
    unit.add(
        tables.StandingVote(
            id=ids.new("vote"),
            standing=key,
            person=person,
            decision="approve",
            reason=reason,
            proof=proof,
            at=unit.now,
        )
    )


def votes(session: Session, key: str) -> list[tables.StandingVote]:
    """The votes for one, in order."""
    table: Any = tables.StandingVote
    query = select(table).where(table.standing == key).order_by(table.at, table.id)
    return list(session.execute(query).scalars())


def approved_by(session: Session, key: str) -> list[str]:
    """Who said yes to it, in order."""
    return [vote.person for vote in votes(session, key)]


def used(session: Session, key: str, day: date, *, without: str | None = None) -> Used:
    """What the plans under one, but for this plan, have taken of a day: what is reserved, or was done."""
    table: Any = tables.Reservation
    query = select(table).where(
        table.standing == key, table.day == day, table.state != str(ReservationState.RELEASED)
    )
    rows = [row for row in session.execute(query).scalars() if row.plan != without]
    return Used(sum(row.targets for row in rows), money.total(row.amount for row in rows))


def of_the_day(session: Session, plan: str) -> list[str]:
    """The plans that count towards the same day of the same standing approval as this one, and this one."""
    table: Any = tables.Reservation
    one = session.execute(select(table).where(table.plan == plan)).scalar_one()
    query = select(table.plan).where(table.standing == one.standing, table.day == one.day)
    return list(session.execute(query.order_by(table.at, table.plan)).scalars())
