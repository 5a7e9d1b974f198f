"""Saying yes or no to a plan."""

from datetime import datetime

from actions.approval import Unknown, admit, complete, confirm, differ, explain
from actions.plan import Plan, PlanState, Tier
from flows import cards, directory, stepup
from flows.desk import Desk
from flows.directory import Roster
from spend.errors import NotFound, Refused
from storage import blast, plans, tables
from storage.unit import Unit


def consider(desk: Desk, key: str, *, actor: str, shown: str, now: datetime, yes: bool = True) -> Plan:
    """The plan that this person is about to decide; its tier says what the decision takes.

    Args:
        yes: whether to approve it, which nobody does twice.

    Raises:
        Refused: with the sentence the person reads.
    """
    return _considered(desk, key, actor, shown, now, yes=yes)[0]


def _considered(
    desk: Desk, key: str, actor: str, shown: str, now: datetime, *, yes: bool
) -> tuple[Plan, Roster]:
    with desk.store.reading() as session:
        if (row := session.get(tables.Plan, key)) is None:
            raise NotFound(f"There is no plan {key}.")
        plan, voted = plans.load(row), plans.approvals(session, key)
    admit(plan, voted if yes else (), actor, shown, now)
    found = roster(desk, plan, now)
    entitle(found, actor)
    return plan, found


def roster(desk: Desk, plan: Plan, now: datetime) -> Roster:
    """The approvers of a plan as the rows have them."""
    book = desk.runbooks.get(plan.runbook)
    return directory.remembered(desk, book.approval.groups if book else (), plan.team, now)


def entitle(found: Roster, actor: str) -> None:
    """Raise `Refused` unless this person is an approver now, whatever the card says."""
    told = found.entitled(actor)
    if isinstance(told, Unknown):
        raise Refused(f"Nobody can tell whether you may decide this: {told.why}. Try again in a minute.")
    if not told:
        barred = found.barred.get(actor)
        why = f"your account {barred}" if isinstance(barred, str) else "you are no approver any more"
        raise Refused(f"You cannot decide this: {why}. Nothing was changed.")


def approve(
    desk: Desk,
    key: str,
    *,
    actor: str,
    shown: str,
    now: datetime,
    reason: str | None = None,
    typed: str | None = None,
    code: str | None = None,
) -> Plan:
    """Count one approval; the one that completes the quorum hands the plan to the workers.

    Args:
        shown: the start of the plan hash on the card that was clicked.
        reason: why; needed from tier T2 on.
        typed: the phrase that a deletion in production is confirmed with.
        code: what the person's authenticator shows; for a deletion in production.

    Raises:
        Refused: with the sentence the person reads.
    """
    plan, found = _considered(desk, key, actor, shown, now, yes=True)
    explain(plan, reason)
    confirm(plan, typed)
    counter = stepup.check(desk, actor, code, now) if plan.tier is Tier.T3 else None
    with desk.store.writing(now) as unit:
        row = unit.get(tables.Plan, key, lock=True)
        plan, voted = plans.load(row), plans.approvals(unit.session, key)
        admit(plan, voted, actor, shown, now)
        differ(plan, voted, actor, found.teams())
        if counter is not None:
            stepup.burn(unit, actor, counter)
        proof = directory.proof(desk, unit, found, actor)
        plans.vote(unit, key, actor, "approve", reason=reason, proof=proof)
        voted.append(actor)
        if complete(plan, voted, found.teams()):
            unit.move(row, PlanState.APPROVED)
            blast.reserve(unit, plan, desk.org.caps)
        else:
            unit.change(row)
        _tell(unit, row, plan, voted, reason)
        return plans.load(row)


def _tell(unit: Unit, row: tables.Plan, plan: Plan, voted: list[str], reason: str | None) -> None:
    unit.record(
        "approval.approve",
        actor=voted[-1],
        subject=plan.id,
        after={"approvals": sorted(voted), "needed": plan.quorum, "state": row.state},
        reason=reason,
        plan_hash=row.hash,
        runbook_hash=plan.runbook_hash,
    )
    cards.refresh(unit, row)


def deny(desk: Desk, key: str, *, actor: str, shown: str, reason: str | None, now: datetime) -> Plan:
    """End a plan with a no. One entitled person is enough, whoever said yes before, this one too.

    Raises:
        Refused: with the sentence the person reads.
    """
    plan, found = _considered(desk, key, actor, shown, now, yes=False)
    explain(plan, reason)
    with desk.store.writing(now) as unit:
        row = unit.get(tables.Plan, key, lock=True)
        admit(plans.load(row), (), actor, shown, now)
        plans.take_back(unit, key, actor)
        proof = directory.proof(desk, unit, found, actor)
        plans.vote(unit, key, actor, "deny", reason=reason, proof=proof)
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
        blast.release(unit, key)
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
            blast.release(unit, key)
            unit.record("approval.expire", actor="bursar", subject=key, after={"clock": clock})
            cards.refresh(unit, row)
    return ended


def _is_over(row: tables.Plan, now: datetime) -> bool:
    clocks = {str(PlanState.PENDING): row.approve_by, str(PlanState.APPROVED): row.execute_by}
    return row.state in clocks and now >= clocks[row.state]
