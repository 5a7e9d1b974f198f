"""Taking a run back: a plan of its own, on exactly what the run changed."""

from datetime import datetime

from actions import planning
from actions.plan import UNDOABLE, Plan, PlanState
from flows import approvals, cards
from flows.desk import Desk
from spend.errors import Refused
from storage import ids, plans, tables

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
    refuse(desk, plan, row, undone=bool(earlier), actor=actor)
    approvers = _approvers(desk, plan)
    new = planning.undo(plan, steps, plan_id=ids.new("plan"), approvers=approvers, now=now)
    with desk.store.writing(now) as unit:
        unit.get(tables.Plan, key, lock=True)
        if any(other.state in STANDING for other in plans.find(unit.session, undo_of=key)):
            raise Refused("Somebody else was faster: this run is being undone already.")
        saved = plans.save(unit, new)
        unit.record("plan.propose", actor=actor, subject=new.id, after={"undo_of": key}, plan_hash=saved.hash)
        unit.record("plan.undo", actor=actor, subject=key, after={"undo": new.id})
        unit.send(
            "post",
            "plan",
            new.id,
            channel=desk.org.oncall_channel,
            surface=cards.plan(new.id),
            thread=cards.plan(key),
        )
        cards.refresh(unit, unit.get(tables.Plan, key))
    return approvals.approve(desk, new.id, actor=actor, shown=new.hash, now=now)


def refuse(desk: Desk, plan: Plan, row: tables.Plan, *, undone: bool, actor: str) -> None:
    """Raise `Refused` unless this person may undo this run now."""
    if actor not in _approvers(desk, plan):
        raise Refused("Only the approvers named on the card may undo this run; nothing was changed.")
    if undone:
        raise Refused("This run is undone already, or is being undone.")
    if plan.state not in UNDOABLE or row.ended_at is None:
        raise Refused(f"There is nothing to undo: this plan is {plan.state}.")
    if plan.runbook not in desk.runbooks:
        raise Refused(
            f"The runbook {plan.runbook} is gone, so nobody knows who may undo this; put it back first."
        )


def _approvers(desk: Desk, plan: Plan) -> frozenset[str]:
    runbook = desk.runbooks.get(plan.runbook)
    return desk.org.approvers(runbook.approval.groups, plan.team) if runbook else plan.approvers
