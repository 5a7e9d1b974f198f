"""Who did what to a resource, and who is about to: from the rows, as far as this person may see them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from actions.base import Grade, Target
from actions.plan import UNDOABLE, Plan, PlanState
from actions.planning import undo_until
from actions.step import Step
from flows.desk import Desk
from flows.org import Org
from flows.undo import STANDING
from spend.errors import NotFound
from storage import plans, say, tables

#: How many of the newest plans a name is looked for in; an id is found however old it is.
REMEMBERED = 200
#: Characters of what is asked for; the longest ids of a cloud are shorter.
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's yes."""

    person: str
    at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a run on the resource: what was called, when, and what came of it."""

    target: str
    action: str
    state: str
    at: datetime | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class Undo:
    """Whether what was done can be taken back.

    Attributes:
        how: in words, with the way to do it.
        until: the last moment, where there is one left.
    """

    how: str
    until: datetime | None = None
    run: str | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """A run that touched the resource, or a plan that names it; `run` stands in its tag `bursar:run`."""

    run: str
    title: str
    runbook: str
    state: str
    requested_by: str
    reason: str
    approved_by: tuple[Approval, ...]
    standing: str | None
    changes: tuple[Change, ...]
    undo: Undo | None
    not_before: datetime | None = None
    undo_of: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A Keep that there is or was."""

    said_by: str
    at: datetime
    until: datetime
    reason: str
    state: str
    overridden_by: str | None
    override_reason: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """All that is known of one resource.

    Attributes:
        done: what runs did to it, the newest first.
        waiting: the plans that name it and have not begun.
    """

    resource: str
    name: str
    account: str
    kind: str
    team: str | None
    done: tuple[Deed, ...]
    waiting: tuple[Deed, ...]
    keeps: tuple[Kept, ...]


def why(desk: Desk, resource: str, *, now: datetime, actor: str | None = None) -> tuple[Answer, ...]:
    """What happened to a resource and why, by its id, its name, or the run in its tag `bursar:run`.

    Args:
        actor: who asks in Slack, and sees only what is theirs; None where the database itself is at hand.

    Raises:
        NotFound: nothing was done to it and nothing is planned, or this person may not know.
    """
    word = resource.strip()[:LONGEST]
    with desk.store.reading() as session:
        answers = [_answer(desk.org, session, target, now, actor) for target in _meant(session, word)]
    found = tuple(answer for answer in answers if answer is not None)
    if actor is not None:
        with desk.store.writing(now) as unit:
            unit.record("report.view", actor=actor, subject=word, after={"found": len(found)})
    if not found:
        raise NotFound(
            f"Bursar knows of nothing that was done to {word or 'that'} or is planned for it. "
            "If it carries the tag bursar:run, ask for that tag's value."
        )
    return found


def _meant(session: Any, word: str) -> list[str]:
    """The ids that a person may mean: this one, those of this name, or those that this run touched."""
    if run := session.get(tables.Plan, word):
        return [target.id for target in plans.load(run).targets]
    if plans.runs_on(session, [word], limit=1) or say.keeps_of(session, word):
        return [word]
    recent = [plans.load(row) for row in plans.find(session, limit=REMEMBERED)]
    named = (target for plan in recent for target in plan.targets if word in {target.id, target.name})
    return list(dict.fromkeys(target.id for target in named)) if word else []


def _answer(org: Org, session: Any, target: str, now: datetime, actor: str | None) -> Answer | None:
    ran = plans.runs_on(session, [target])
    waiting = [
        row
        for row in plans.find(session, states=(PlanState.PENDING, PlanState.APPROVED), limit=None)
        if any(one["id"] == target for one in row.content["targets"])
    ]
    keeps = say.keeps_of(session, target)
    asked = [session.get(tables.Plan, keep.plan) for keep in keeps if keep.plan]
    if not (naming := [*waiting, *ran, *asked]):
        return None
    thing = _thing(naming, target)
    team = org.team_tagged(thing.tags)
    shown = [row for row in naming if _may_see(org, team, row, actor)]
    if not shown:
        return None
    return Answer(
        resource=target,
        name=thing.name,
        account=org.account_name(thing.account),
        kind=thing.kind,
        team=team,
        done=tuple(_deed(session, row, {target}, now) for row in ran if row in shown),
        waiting=tuple(_deed(session, row, {target}, now) for row in waiting if row in shown),
        keeps=tuple(_kept(row) for row in keeps),
    )


def _thing(rows: Sequence[tables.Plan], target: str) -> Target:
    """The resource as the newest of these plans froze it, or as the last one left it out."""
    return next(one for row in rows for one in plans.load(row).targets if one.id == target)


def _may_see(org: Org, team: str | None, row: tables.Plan, actor: str | None) -> bool:
    """An owner and finance see all of it, an approver what was theirs to approve."""
    return actor is None or actor in org.answerable(team) | org.finance | plans.load(row).approvers


def _kept(row: tables.Keep) -> Kept:
    return Kept(row.said_by, row.at, row.until, row.reason, row.state, row.overridden_by, row.override_reason)


def _deed(session: Any, row: tables.Plan, targets: Collection[str], now: datetime) -> Deed:
    plan, steps = plans.load(row), plans.steps(session, row.id)
    votes = [vote for vote in plans.votes(session, row.id) if vote.decision == "approve"]
    return Deed(
        run=plan.id,
        title=plan.title,
        runbook=plan.runbook,
        state=plan.state,
        requested_by=plan.requested_by,
        reason=plan.reason,
        approved_by=tuple(Approval(vote.person, vote.at, vote.reason) for vote in votes),
        standing=plan.standing,
        changes=tuple(
            Change(step.target, step.action, step.state, step.ended_at, step.detail)
            for step in steps
            if step.target in targets
        ),
        undo=_undo(session, row, plan, [step for step in steps if step.target in targets], now),
        not_before=row.not_before,
        undo_of=plan.undo_of,
    )


def _undo(session: Any, row: tables.Plan, plan: Plan, steps: Sequence[Step], now: datetime) -> Undo | None:
    """How what the run did to these targets is taken back; None where it did nothing yet."""
    if plan.state not in UNDOABLE or row.ended_at is None or not any(step.changed for step in steps):
        return None
    if plan.undo_of:
        return Undo(f"this took back what {plan.undo_of} did", run=plan.undo_of)
    if back := next((one for one in plans.find(session, undo_of=plan.id) if one.state in STANDING), None):
        return Undo(f"{back.id} takes it back; it is {back.state}", run=back.id)
    if plan.grade is Grade.D:
        return Undo("it cannot be undone")
    until = min(row.ended_at + timedelta(hours=plan.undo_hours), undo_until(plan))
    if now >= until:
        return Undo(f"it could be undone until {until:%Y-%m-%d %H:%M} UTC")
    return Undo(f"an approver presses Undo on the run's card, or types `bursar undo {plan.id}`", until)
