"""The automatic tier: what a standing approval lets begin without asking, and the account of each run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from actions.approval import BURSAR, Unknown
from actions.base import Target
from actions.blast import Caps
from actions.plan import Plan, PlanState, Tier
from actions.standing import Standing, StandingState, Used, complete
from actions.step import Step, StepState
from flows import directory
from flows import standing as consent
from flows.desk import Desk
from flows.directory import Roster
from runbooks.schema import Runbook
from spend import money
from spend.errors import Refused
from storage import blast, plans, standing, tables
from storage.unit import Unit


def in_force(desk: Desk, runbook: Runbook, now: datetime) -> list[Standing]:
    """The standing approvals under which this runbook may act at this moment, the oldest first."""
    with desk.store.reading() as session:
        rows = standing.find(session, states=(StandingState.ACTIVE,), runbook=runbook.name)
        held = [standing.load(row) for row in rows if over(desk, session, row, now) is None]
    return [one for one in held if one.window.covers(now)]


def over(desk: Desk, session: Any, row: tables.Standing, now: datetime) -> str | Unknown | None:
    """Why nothing may be begun under it at any hour, as the rows have it, or None."""
    one = standing.load(row)
    return ended(desk, one, now) or _agreed(session, one, consent.roster(desk, one, now))


def ended(desk: Desk, one: Standing, now: datetime) -> str | None:
    """Why it is over by its own terms, in words, or None."""
    runbook = desk.runbooks.get(one.runbook)
    return one.over(runbook.hash if runbook else None, now)


def _agreed(session: Any, one: Standing, found: Roster) -> str | Unknown | None:
    """What speaks against the consent: those who gave it must be approvers still."""
    told = {person: found.entitled(person) for person in standing.approved_by(session, one.id)}
    if complete(one, [person for person, yes in told.items() if yes is True]):
        return None
    unknown = next((yes for yes in told.values() if isinstance(yes, Unknown)), None)
    return unknown or "somebody who agreed to it is no approver now"


def look(desk: Desk, plan: Plan, now: datetime) -> Roster:
    """Who of those that agreed ahead is an approver, as Slack says it this moment."""
    runbook = desk.runbooks.get(plan.runbook)
    with desk.store.reading() as session:
        row = session.get(tables.Standing, plan.standing)
        voted = standing.approved_by(session, plan.standing or "")
    team = standing.load(row).selector.team if row else None
    return directory.asked(desk, runbook.approval.groups if runbook else (), team, now, voted)


def judge(unit: Unit, plan: Plan, found: Roster) -> Unknown | str | None:
    """What speaks against the consent under which a plan is to run, or what cannot be told now."""
    one = standing.load(unit.get(tables.Standing, plan.standing or ""))
    return _agreed(unit.session, one, found)


def hold(desk: Desk, unit: Unit, plan: Plan) -> tuple[str | None, str | None]:
    """What ends a plan that is to run under a standing approval, and what only makes it wait.

    The row is locked: whoever revokes it comes before this run begins, or after it.
    """
    one = standing.load(unit.get(tables.Standing, plan.standing or "", lock=True))
    if no := ended(desk, one, unit.now):
        return f"its standing approval is not in force: {no}", None
    if not one.window.covers(unit.now):
        return None, f"its standing approval is for {one.window}"
    used = standing.used(unit.session, one.id, desk.org.caps.day(unit.now), without=plan.id)
    fits = one.bounds.hold(used + _sum(desk, plan.targets))
    return None, None if fits else "its standing approval has no more room today"


@dataclass(frozen=True, slots=True)
class View:
    """What people see of a standing approval.

    Attributes:
        suspended: why an active one is not in force, or None.
        used: what it has taken of today.
    """

    one: Standing
    approvals: tuple[str, ...]
    ended_by: str | None
    reason: str | None
    suspended: str | None
    used: Used


def view(desk: Desk, session: Any, row: tables.Standing, now: datetime) -> View:
    """One of them, as it stands now."""
    no = over(desk, session, row, now) if row.state == StandingState.ACTIVE else None
    return View(
        one=standing.load(row),
        approvals=tuple(standing.approved_by(session, row.id)),
        ended_by=row.ended_by,
        reason=row.reason,
        suspended=no.why if isinstance(no, Unknown) else no,
        used=standing.used(session, row.id, desk.org.caps.day(now)),
    )


def views(desk: Desk, now: datetime) -> list[View]:
    """All that wait or are in force, the oldest first."""
    with desk.store.reading() as session:
        return [view(desk, session, row, now) for row in standing.find(session)]


def covered(desk: Desk, one: Standing, targets: Sequence[Target], now: datetime) -> tuple[Target, ...]:
    """Those of the targets that it lets Bursar act on today without asking."""
    with desk.store.reading() as session:
        return _covers(desk, session, one, targets, now)


def _covers(
    desk: Desk, session: Any, one: Standing, targets: Sequence[Target], now: datetime
) -> tuple[Target, ...]:
    used = standing.used(session, one.id, desk.org.caps.day(now))
    return one.covers(
        targets, lambda target: desk.org.team_tagged(target.tags), partial(_price, desk.org.caps), used
    )


def _price(caps: Caps, target: Target) -> Decimal | None:
    """What a target costs a month in the currency of the caps, as the ledger counts it; None if unknown."""
    if target.monthly_cost is None:
        return None
    try:
        return caps.load([target]).amount
    except Refused:  # its currency has no equivalent
        return None


def grant(desk: Desk, unit: Unit, row: tables.Plan, plan: Plan) -> None:
    """Approve a plan that was proposed under a standing approval, if that still covers all of it.

    Its row is locked first: a second worker, and whoever revokes it, waits for this transaction.

    Raises:
        Refused: it ended, or its day has no more room, since somebody looked.
    """
    ahead = unit.get(tables.Standing, plan.standing or "", lock=True)
    one = standing.load(ahead)
    no = over(desk, unit.session, ahead, unit.now)
    no = no.why if isinstance(no, Unknown) else no
    if no is None and not one.window.covers(unit.now):
        no = f"it is outside its window ({one.window})"
    if no is None and plan.tier is Tier.T3:
        no = "it deletes in production"
    if no is None and _covers(desk, unit.session, one, plan.targets, unit.now) != plan.targets:
        no = "it does not cover all of this today"
    if no is not None:
        raise Refused(f"Nothing is done under the standing approval {one.id}: {no}.")
    blast.reserve(unit, plan, desk.org.caps)
    unit.move(row, PlanState.APPROVED)
    unit.record(
        "approval.standing",
        actor=BURSAR,
        subject=plan.id,
        after={
            "standing": one.id,
            "standing_hash": one.hash,
            "approvals": standing.approved_by(unit.session, one.id),
        },
        plan_hash=row.hash,
        runbook_hash=plan.runbook_hash,
    )


def account(desk: Desk, unit: Unit, plan: Plan, steps: Sequence[Step]) -> None:
    """Hold what a run did against the bounds of its standing approval; one that was overrun is revoked.

    It counts what the steps say was changed, not what was set aside, so that it would find a fault in that.
    """
    if plan.standing is None:
        return
    row = unit.get(tables.Standing, plan.standing, lock=True)
    one = standing.load(row)
    touched = _touched(plan, steps)
    took = _sum(desk, touched)
    day = sum((_sum(desk, _touched(*other)) for other in _others(unit.session, plan)), start=took)
    unit.record(
        "standing.account",
        actor=BURSAR,
        subject=one.id,
        after={"plan": plan.id, "took": took, "day": day, "allowed": one.bounds, "hash": one.hash},
        plan_hash=plan.hash,
    )
    if not all(one.selector.matches(target, desk.org.team_tagged(target.tags)) for target in touched):
        consent.halt(desk, unit, row, f"the run {plan.id} touched what it does not select")
    elif not one.bounds.hold(day):
        consent.halt(desk, unit, row, f"with the run {plan.id} its day took more than it allows")


def _touched(plan: Plan, steps: Sequence[Step]) -> list[Target]:
    """The targets that the run changed, and those of which nobody knows whether it did."""
    unsent = {StepState.FAILED, StepState.SKIPPED}
    meant = {step.target for step in steps if step.before is not None and step.state not in unsent}
    return [target for target in plan.targets if target.id in meant]


def _sum(desk: Desk, targets: Sequence[Target]) -> Used:
    costs = [_price(desk.org.caps, target) or Decimal(0) for target in targets]
    return Used(len(costs), money.total(costs))


def _others(session: Any, plan: Plan) -> list[tuple[Plan, list[Step]]]:
    """The other runs of the same day under the same standing approval."""
    same = standing.of_the_day(session, plan.id)
    return [
        (plans.load(row), plans.steps(session, row.id))
        for key in same
        if key != plan.id and (row := session.get(tables.Plan, key)) is not None
    ]
