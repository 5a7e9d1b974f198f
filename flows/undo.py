"""Taking a run back: a plan of its own, on exactly what the run changed."""

from collections.abc import Sequence
from datetime import datetime

from actions import planning
from actions.approval import BURSAR
from actions.base import Grade
from actions.crash import crashpoint
from actions.plan import UNDOABLE, Plan, PlanState
from actions.step import Step
from flows import approvals, cards, directory
from flows.desk import Desk
from spend.errors import Refused
from storage import ids, plans, tables
from storage.unit import Unit

#: An undo in one of these states stands in the way of a second one.
STANDING = frozenset(
    {PlanState.PENDING, PlanState.APPROVED, PlanState.RUNNING, PlanState.SUCCEEDED, PlanState.PARTIAL}
)


def undo(desk: Desk, key: str, *, actor: str, now: datetime) -> Plan:
    """Propose the undo of a run and count this person's approval of it.

    Raises:
        Refused: with the sentence the person reads: not an approver, too late, done already,
            or nothing that can be undone.
    """
    with desk.store.reading() as session:
        row = session.get(tables.Plan, key)
        if row is None:
            raise Refused("This run is not known any more; nothing was changed.")
        plan, steps = plans.load(row), plans.steps(session, key)
        earlier = [undone for undone in plans.find(session, undo_of=key) if undone.state in STANDING]
    approvers = _approvers(desk, plan, now)
    if actor not in approvers:
        raise Refused("Only the approvers named on the card may undo this run; nothing was changed.")
    refuse(desk, plan, row, undone=bool(earlier))
    new = planning.undo(plan, steps, plan_id=ids.new("plan"), approvers=approvers, now=now)
    with desk.store.writing(now) as unit:
        unit.alone("proposals")
        unit.get(tables.Plan, key, lock=True)
        if any(other.state in STANDING for other in plans.find(unit.session, undo_of=key)):
            raise Refused("Somebody else was faster: this run is being undone already.")
        if plans.busy_targets(unit.session) & {target.id for target in new.targets}:
            raise Refused("Another plan for some of this waits or runs; decide that one first.")
        _keep(desk, unit, new, actor)
    crashpoint("undo.proposed")
    return approvals.approve(desk, new.id, actor=actor, shown=new.hash, now=now)


def by_itself(desk: Desk, unit: Unit, plan: Plan, steps: Sequence[Step], why: str) -> Plan | None:
    """The approved undo of a run that did harm, where it can be undone in full and at once.

    Nobody is asked again: who approved the run, or stood behind it, approved that it can be taken back.
    """
    if plan.grade is not Grade.A or plan.undo_of is not None:
        return None
    try:
        new = planning.undo(plan, steps, plan_id=ids.new("plan"), approvers=plan.approvers, now=unit.now)
    except Refused:
        return None  # nothing was changed that can be taken back
    row = _keep(desk, unit, new, BURSAR)
    unit.move(row, PlanState.APPROVED)
    approved = [vote.person for vote in plans.votes(unit.session, plan.id) if vote.decision == "approve"]
    unit.record(
        "approval.auto_undo",
        actor=BURSAR,
        subject=new.id,
        after={"run": plan.id, "approvals": sorted(approved), "standing": plan.standing},
        reason=why,
        plan_hash=row.hash,
        runbook_hash=new.runbook_hash,
    )
    return new


def _keep(desk: Desk, unit: Unit, new: Plan, actor: str) -> tables.Plan:
    """Keep an undo, linked both ways, with its card in the thread of the run."""
    run = str(new.undo_of)
    saved = plans.save(unit, new)
    unit.record("plan.propose", actor=actor, subject=new.id, after={"undo_of": run}, plan_hash=saved.hash)
    unit.record("plan.undo", actor=actor, subject=run, after={"undo": new.id})
    unit.send(
        "post",
        "plan",
        new.id,
        channel=desk.org.oncall_channel,
        surface=cards.plan(new.id),
        thread=cards.plan(run),
    )
    cards.refresh(unit, unit.get(tables.Plan, run))
    return saved


def refuse(desk: Desk, plan: Plan, row: tables.Plan, *, undone: bool) -> None:
    """Raise `Refused` unless there is something to undo."""
    if undone:
        raise Refused("This run is undone already, or is being undone.")
    if plan.state not in UNDOABLE or row.ended_at is None:
        raise Refused(f"There is nothing to undo: this plan is {plan.state}.")
    if plan.runbook not in desk.runbooks:
        raise Refused(
            f"The runbook {plan.runbook} is gone, so nobody knows who may undo this; put it back first."
        )


def _approvers(desk: Desk, plan: Plan, now: datetime) -> frozenset[str]:
    runbook = desk.runbooks.get(plan.runbook)
    if runbook is None:
        return plan.approvers
    return directory.remembered(desk, runbook.approval.groups, plan.team, now).approvers()
