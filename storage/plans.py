"""Plans, votes and steps as rows, and the questions people and workers ask of them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from actions.plan import Plan, PlanState, from_content
from actions.step import Step, StepState
from storage import ids, tables
from storage.unit import Unit

#: The states of plans that wait or run.
LIVE = (PlanState.PENDING, PlanState.APPROVED, PlanState.RUNNING)


def save(unit: Unit, plan: Plan) -> tables.Plan:
    """Keep a new plan as it was hashed."""
    return unit.add(
        tables.Plan(
            id=plan.id,
            state=plan.state,
            hash=plan.hash,
            content=plan.content(),
            runbook=plan.runbook,
            team=plan.team,
            approve_by=plan.approve_by,
            execute_by=plan.execute_by,
            undo_of=plan.undo_of,
            created_at=plan.created_at,
        )
    )


def load(row: tables.Plan) -> Plan:
    """The plan that was kept, in the state it has now."""
    return from_content(row.content, state=PlanState(row.state), version=row.version)


def vote(unit: Unit, plan: str, person: str, decision: str, reason: str | None = None) -> None:
    """Keep one person's word; a second word of the same person breaks a unique key."""
    unit.add(
        tables.Vote(
            id=ids.new("vote"), plan=plan, person=person, decision=decision, reason=reason, at=unit.now
        )
    )


def votes(session: Session, plan: str) -> list[tables.Vote]:
    """The votes on a plan, in order."""
    table: Any = tables.Vote
    return list(
        session.execute(select(table).where(table.plan == plan).order_by(table.at, table.id)).scalars()
    )


def find(
    session: Session,
    *,
    states: Collection[PlanState] = (),
    undo_of: str | None = None,
    limit: int | None = 200,
) -> list[tables.Plan]:
    """Plans in these states (all, if none is named), newest first; without a limit, all there are."""
    table: Any = tables.Plan
    query = select(table).order_by(table.created_at.desc(), table.id).limit(limit)
    if states:
        query = query.where(table.state.in_([str(state) for state in states]))
    if undo_of is not None:
        query = query.where(table.undo_of == undo_of)
    return list(session.execute(query).scalars())


def overdue(session: Session, now: datetime) -> list[tables.Plan]:
    """Plans whose clock ran out: not approved by approve-by, or not begun by execute-by."""
    table: Any = tables.Plan
    late = ((table.state == str(PlanState.PENDING)) & (table.approve_by <= now)) | (
        (table.state == str(PlanState.APPROVED)) & (table.execute_by <= now)
    )
    return list(session.execute(select(table).where(late)).scalars())


def add_steps(unit: Unit, steps: Sequence[Step]) -> None:
    """Keep the steps of a run, all NEW."""
    unit.add_all(
        tables.Step,
        [
            {
                "id": step.id,
                "state": str(step.state),
                "version": step.version,
                "plan": step.plan,
                "number": step.number,
                "wave": step.wave,
                "target": step.target,
                "step": step.step,
                "action": step.action,
                "key": step.key,
            }
            for step in steps
        ],
    )


def step_of(row: tables.Step) -> Step:
    """The step that a row keeps."""
    return Step(
        id=row.id,
        plan=row.plan,
        number=row.number,
        wave=row.wave,
        target=row.target,
        step=row.step,
        action=row.action,
        state=StepState(row.state),
        before=row.before,
        after=row.after,
        code=row.code,
        detail=row.detail,
        version=row.version,
    )


def steps(session: Session, plan: str) -> list[Step]:
    """The steps of a run, in order."""
    table: Any = tables.Step
    rows = session.execute(select(table).where(table.plan == plan).order_by(table.number)).scalars()
    return [step_of(row) for row in rows]


def may_be_sent(session: Session, after: datetime) -> set[str]:
    """The plans with an intent whose call may still be sent, or be answered, after this moment."""
    table: Any = tables.Step
    query = select(table.plan).where(table.state == str(StepState.INTENT), table.send_by > after)
    return set(session.execute(query).scalars())


def last_touched(session: Session, targets: Collection[str]) -> dict[str, datetime]:
    """When a run of ours last changed each of these targets."""
    table: Any = tables.Step
    query = (
        select(table.target, table.ended_at)
        .where(
            table.target.in_(list(targets)),
            table.state == str(StepState.DONE),
            table.before.is_not(None),  # done without an intent: nothing was called
        )
        .order_by(table.ended_at)
    )
    return {target: ended for target, ended in session.execute(query) if ended is not None}


def busy_targets(session: Session) -> set[str]:
    """Targets of plans that wait or run: no second plan may name them."""
    rows = find(session, states=LIVE, limit=None)
    return {target["id"] for row in rows for target in row.content["targets"]}
