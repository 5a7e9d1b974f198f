"""What owners were asked and what they said, as rows: the warnings of a plan, and the Keeps that hold."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from actions.plan import Plan
from actions.say import KeepState, WarningState, kept_by
from storage import plans, tables

#: The team of what nobody owns: finance is asked.
UNOWNED = ""


def warnings(session: Session, plan: str) -> list[tables.Warned]:
    """Who was warned of a plan, one row for each team."""
    table: Any = tables.Warned
    return list(session.execute(select(table).where(table.plan == plan).order_by(table.team)).scalars())


def unanswered(session: Session, now: datetime) -> list[str]:
    """The warnings whose time has passed in silence."""
    table: Any = tables.Warned
    query = select(table.id).where(table.state == str(WarningState.OPEN), table.ends_at <= now)
    return list(session.execute(query).scalars())


def keeps(session: Session, now: datetime) -> list[tables.Keep]:
    """Every Keep that holds, the one that ends first at the top."""
    table: Any = tables.Keep
    query = select(table).where(table.state == str(KeepState.HELD), table.until > now)
    return list(session.execute(query.order_by(table.until, table.id)).scalars())


def keeps_on(session: Session, targets: Collection[str], now: datetime) -> list[tables.Keep]:
    """The Keeps that hold on these targets, in the order in which they end."""
    table: Any = tables.Keep
    query = select(table).where(
        table.target.in_(list(targets)), table.state == str(KeepState.HELD), table.until > now
    )
    return list(session.execute(query.order_by(table.until, table.id)).scalars())


def kept(session: Session, targets: Collection[str], now: datetime) -> dict[str, str]:
    """Which of these targets are kept, each with who keeps it, until when and why."""
    return {
        row.target: kept_by(row.said_by, row.until, row.reason) for row in keeps_on(session, targets, now)
    }


def held(session: Session, plan: Plan, now: datetime) -> list[tables.Keep]:
    """What owners keep of what a plan acts on or had to leave out, while it may still come to it."""
    if plan.undo_of or plan.state not in plans.LIVE:
        return []  # an undo only gives back
    return keeps_on(session, [*(one.id for one in plan.targets), *(one.target for one in plan.struck)], now)


def keeps_of(session: Session, target: str) -> list[tables.Keep]:
    """Every Keep that there ever was on a target, the newest first."""
    table: Any = tables.Keep
    query = select(table).where(table.target == target).order_by(table.at.desc(), table.id)
    return list(session.execute(query).scalars())


def over(session: Session, now: datetime) -> list[str]:
    """The Keeps whose last day has passed."""
    table: Any = tables.Keep
    query = select(table.id).where(table.state == str(KeepState.HELD), table.until <= now)
    return list(session.execute(query).scalars())


def waits(session: Session, row: tables.Plan, plan: Plan, now: datetime) -> str | None:
    """Why the owners' say keeps an approved plan from beginning now, in words, or None."""
    if row.not_before is not None and now < row.not_before:
        return f"the owners were warned; it begins not before {row.not_before:%Y-%m-%d %H:%M} UTC"
    held = {} if plan.undo_of else kept(session, [target.id for target in plan.targets], now)
    if held and len(held) == len(plan.targets):
        return f"its owners keep all of it: {next(iter(held.values()))}"
    return None
