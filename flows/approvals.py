"""Saying yes or no to a plan."""

from datetime import datetime

from actions.approval import admit, complete
from actions.plan import Plan, PlanState
from flows import cards
from flows.desk import Desk
from spend.errors import Refused
from storage import plans, tables
from storage.unit import Unit


def approve(desk: Desk, key: str, *, actor: str, shown: str, now: datetime) -> Plan:
    """Count one approval; the one that completes the quorum hands the plan to the workers.

    Args:
        shown: the start of the plan hash on the card that was clicked.

    Raises:
        Refused: with the sentence the person reads.
    """
    with desk.store.writing(now) as unit:
        row = unit.get(tables.Plan, key, lock=True)
        plan = plans.load(row)
        voted = approvers_so_far(unit, key)
        admit(plan, voted, actor, shown, now)
        plans.vote(unit, key, actor, "approve")
        return _count(unit, row, plan, [*voted, actor], actor)


def _count(unit: Unit, row: tables.Plan, plan: Plan, voted: list[str], actor: str) -> Plan:
    done = complete(plan, voted)
    if done:
        unit.move(row, PlanState.APPROVED)
    else:
        unit.change(row)
    unit.record(
        "approval.approve",
        actor=actor,
        subject=plan.id,
        after={"approvals": sorted(voted), "needed": plan.quorum, "state": row.state},
        plan_hash=row.hash,
        runbook_hash=plan.runbook_hash,
    )
    cards.refresh(unit, row)
    return plans.load(row)


def deny(desk: Desk, key: str, *, actor: str, shown: str, reason: str | None, now: datetime) -> Plan:
    """End a plan with a no. One entitled person is enough.

    Raises:
        Refused: with the sentence the person reads.
    """
    with desk.store.writing(now) as unit:
        row = unit.get(tables.Plan, key, lock=True)
        plan = plans.load(row)
        admit(plan, (), actor, shown, now)
        plans.vote(unit, key, actor, "deny", reason)
        unit.move(row, PlanState.DENIED, ended_at=now, outcome=reason)
        unit.record("approval.deny", actor=actor, subject=key, reason=reason, plan_hash=row.hash)
        cards.refresh(unit, row)
        return plans.load(row)


def cancel(desk: Desk, key: str, *, actor: str, now: datetime) -> Plan:
    """Take one's own request back before it runs.

    Raises:
        Refused: somebody else asked for it, or it runs already.
    """
    with desk.store.writing(now) as unit:
        row = unit.get(tables.Plan, key, lock=True)
        plan = plans.load(row)
        if actor != plan.requested_by and actor not in plan.approvers:
            raise Refused("Only who asked for this plan, or an approver, can cancel it.")
        unit.move(row, PlanState.CANCELLED, ended_at=now)
        unit.record("approval.cancel", actor=actor, subject=key, plan_hash=row.hash)
        cards.refresh(unit, row)
        return plans.load(row)


def expire(desk: Desk, now: datetime) -> int:
    """End the plans whose clock ran out; say how many."""
    with desk.store.reading() as session:
        late = [row.id for row in plans.overdue(session, now)]
    ended = 0
    for key in late:
        with desk.store.writing(now) as unit:
            row = unit.get(tables.Plan, key, lock=True)
            if not _is_over(row, now):
                continue  # somebody decided it between the two looks
            ended += 1
            clock = "approve-by" if row.state == PlanState.PENDING else "execute-by"
            unit.move(row, PlanState.EXPIRED, ended_at=now, outcome=f"its {clock} passed")
            unit.record("approval.expire", actor="bursar", subject=key, after={"clock": clock})
            cards.refresh(unit, row)
    return ended


def _is_over(row: tables.Plan, now: datetime) -> bool:
    clocks = {str(PlanState.PENDING): row.approve_by, str(PlanState.APPROVED): row.execute_by}
    return row.state in clocks and now >= clocks[row.state]


def approvers_so_far(unit: Unit, key: str) -> list[str]:
    """Who has approved this plan, in order."""
    return [vote.person for vote in plans.votes(unit.session, key) if vote.decision == "approve"]
