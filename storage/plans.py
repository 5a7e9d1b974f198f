"""Plans, votes and steps as rows, and the questions people and workers ask of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from actions.plan import UNDOABLE, Plan, PlanState, from_content
from actions.step import Step, StepState
from storage import ids, tables
from storage.locks import Hold
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
            standing=plan.standing,
            created_at=plan.created_at,
            not_before=plan.not_before,
        )
    )


def load(row: tables.Plan) -> Plan:
    """The plan that was kept, in the state it has now."""
    return from_content(row.content, state=PlanState(row.state), version=row.version)


def vote(
    unit: Unit, plan: str, person: str, decision: str, *, reason: str | None = None, proof: Any = None
) -> None:
    """Keep one person's word; a second word of the same person breaks a unique key.

    Args:
        proof: by which groups the person was an approver, and as of when.
    """
    unit.add(
        tables.Vote(
            id=ids.new("vote"),
            plan=plan,
            person=person,
            decision=decision,
            reason=reason,
            proof=proof,
            at=unit.now,
        )
    )


def take_back(unit: Unit, plan: str, person: str) -> None:
    """Drop a word that the same person goes back on; the audit log keeps it."""
    for one in votes(unit.session, plan):
        if one.person == person:
            unit.session.delete(one)
            unit.session.flush()


def void(unit: Unit, plan: str, person: str) -> None:
    """Keep that an approval counts no more."""
    for one in votes(unit.session, plan):
        if (one.person, one.decision) == (person, "approve"):
            one.decision = "void"
            unit.session.add(one)


def approvals(session: Session, plan: str) -> list[str]:
    """Who has approved a plan, in order."""
    return [vote.person for vote in votes(session, plan) if vote.decision == "approve"]


def has_run(session: Session, runbook: str, version: str) -> bool:
    """Whether this version of a runbook, by its hash, has ever begun a run."""
    table: Any = tables.Plan
    begun = [str(PlanState.RUNNING), *map(str, UNDOABLE)]
    query = select(table).where(table.runbook == runbook, table.state.in_(begun), table.undo_of.is_(None))
    rows = session.execute(query.order_by(table.created_at.desc())).scalars()
    return any(row.content["runbook_hash"] == version for row in rows)


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


@dataclass(frozen=True, slots=True)
class InLine:
    """What a worker must know of a plan to take it up; its content is large, and asked for often."""

    id: str
    state: str
    execute_by: datetime
    next_wave_at: datetime | None
    not_before: datetime | None
    hold: Hold


def in_line(session: Session) -> list[InLine]:
    """The plans that wait for a worker or run, the oldest first."""
    table: Any = tables.Plan
    when = (table.execute_by, table.next_wave_at, table.not_before)
    asked = (table.id, table.state, *when, table.worker, table.epoch)
    states = (str(PlanState.APPROVED), str(PlanState.RUNNING))
    rows = session.execute(select(*asked).where(table.state.in_(states)).order_by(table.created_at, table.id))
    return [InLine(*row[:5], Hold(row.worker, row.epoch)) for row in rows]


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


def step_of(row: tables.Step | Row[Any]) -> Step:
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
        attempts=row.attempts,
        send_by=row.send_by,
        ended_at=row.ended_at,
    )


def steps(session: Session, plan: str) -> list[Step]:
    """The steps of a run, in order."""
    table: Any = tables.Step
    asked = (getattr(table, one.name) for one in fields(Step))  # without objects: a run may have many
    rows = session.execute(select(*asked).where(table.plan == plan).order_by(table.number))
    return [step_of(row) for row in rows]


def runs_on(session: Session, targets: Collection[str], *, limit: int = 20) -> list[tables.Plan]:
    """The plans whose runs had a step on one of these targets, newest first."""
    table: Any = tables.Plan
    step: Any = tables.Step
    named = select(step.plan).where(step.target.in_(list(targets)))
    query = select(table).where(table.id.in_(named)).order_by(table.created_at.desc(), table.id)
    return list(session.execute(query.limit(limit)).scalars())


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
