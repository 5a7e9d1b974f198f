"""Freezes what would be done into a plan, with the consent it needs; and what would take it back."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from actions import environments, guards
from actions.approval import BURSAR, satisfiable
from actions.base import Action, Grade, Target
from actions.plan import Plan, PlanStep, Rollout, Struck, Tier
from actions.registry import action
from actions.step import Step
from runbooks.schema import Runbook, RunbookStep
from spend.errors import Refused

#: Monthly saving, in each currency by itself, over which two people must agree.
DOLLAR_LIMIT = Decimal(1000)
#: How many distinct approvers a tier asks for at least.
QUORUM = {Tier.T0: 0, Tier.T1: 1, Tier.T2: 2, Tier.T3: 2}
#: How long an undo waits for its click and its worker.
UNDO_WITHIN = timedelta(hours=1)


def actions_of(runbook: Runbook) -> tuple[Action, ...]:
    """The actions of a runbook in order.

    Raises:
        NotFound: it names one that does not exist.
    """
    return tuple(action(step.action) for step in runbook.steps)


def tier_of(actions: Sequence[Action], targets: Sequence[Target], saving: Decimal, limit: Decimal) -> Tier:
    """How much consent these actions on these targets need: grade, deletion, environment, money."""
    deletes = any(one.deletes for one in actions)
    if deletes and any(environments.is_production(target.tags) for target in targets):
        return Tier.T3
    if deletes or saving > limit or any(one.grade in {Grade.C, Grade.D} for one in actions):
        return Tier.T2
    return Tier.T1


def freeze(
    runbook: Runbook,
    targets: Sequence[Target],
    *,
    plan_id: str,
    approvers: Collection[str],
    requested_by: str,
    reason: str,
    now: datetime,
    struck: Sequence[Struck] = (),
    team: str | None = None,
    findings: Sequence[str] = (),
    rollout: Rollout | None = None,
    dollar_limit: Decimal = DOLLAR_LIMIT,
) -> Plan:
    """Freeze the targets that the guards left into a plan.

    Args:
        rollout: another pace than the runbook's.
        dollar_limit: monthly saving over which the plan is T2.

    Raises:
        Refused: there is nothing to act on, too much, too little to save, or nobody who could say yes.
        NotFound: the runbook names an action that does not exist.
    """
    once = tuple({target.id: target for target in targets}.values())
    guards.whole(once, struck, runbook.guards.max_targets)
    actions = actions_of(runbook)
    plan = Plan(
        id=plan_id,
        title=runbook.title,
        runbook=runbook.name,
        runbook_hash=runbook.hash,
        steps=tuple(_frozen(step) for step in runbook.steps),
        targets=once,
        struck=tuple(struck),
        tier=Tier.T1,
        grade=max(one.grade for one in actions),
        quorum=runbook.approval.quorum,
        approvers=frozenset(approvers),
        requested_by=requested_by,
        reason=reason,
        team=team,
        created_at=now,
        approve_by=now + runbook.approval.approve_within,
        execute_by=now + runbook.approval.approve_within + runbook.approval.execute_within,
        undo_hours=int(runbook.undo_within / timedelta(hours=1)),
        rollout=rollout or pace(runbook),
        findings=tuple(findings),
        saves=all(one.saves for one in actions),
    )
    _worth(runbook, plan)
    tier = tier_of(actions, once, max(plan.saving.values(), default=Decimal(0)), dollar_limit)
    if tier is Tier.T3:
        raise Refused(
            "Deleting in production needs approvers of two teams and a confirmation outside Slack, "
            "which this version does not offer; take the production targets off."
        )
    return _approvable(replace(plan, tier=tier, quorum=max(plan.quorum, QUORUM[tier])))


def _frozen(step: RunbookStep) -> PlanStep:
    """A step with its defaults spelt out, so that the hash covers them too."""
    params = action(step.action).Params.model_validate(step.params)
    return PlanStep(step.id, step.action, params.model_dump(mode="json"))


def pace(runbook: Runbook) -> Rollout:
    """The rollout as the runbook says it."""
    told = runbook.rollout
    return Rollout(told.canary, int(told.pause.total_seconds()), told.stop_after_failures)


def undo(
    plan: Plan, steps: Sequence[Step], *, plan_id: str, approvers: Collection[str], now: datetime
) -> Plan:
    """A plan of its own that takes back what a run did: the last change first, nothing it did not do.

    Each target is expected as the run left it; what changed since is skipped, and what is back
    already is left as it is. It is Bursar's own request, so whoever presses Undo may approve it.

    Raises:
        Refused: there is nothing to take back, it is too late, or nobody could approve it.
    """
    if now >= undo_until(plan):
        raise Refused(
            f"This run could be undone until {undo_until(plan):%Y-%m-%d %H:%M} UTC; that has passed."
        )
    back = [(one, action(name)) for one in reversed(plan.steps) if (name := action(one.action).undo)]
    takes_back = {one.id for one, _ in back}
    changed = [step for step in steps if step.changed and step.step in takes_back]
    latest = {step.target: step for step in sorted(changed, key=lambda step: step.number)}
    targets = tuple(
        replace(Target.from_data(step.after or {}), monthly_cost=None)
        for step in sorted(latest.values(), key=lambda step: -step.number)
    )
    if not targets:
        raise Refused("This run changed nothing that can be taken back.")
    names = {target.id: target.name for target in plan.targets}
    undone = Plan(
        id=plan_id,
        title=f"Undo: {plan.title}",
        runbook=plan.runbook,
        runbook_hash=plan.runbook_hash,
        steps=tuple(PlanStep(f"undo-{one.id}", inverse.name) for one, inverse in back),
        targets=targets,
        struck=tuple(
            Struck(target, name, "the run did not change it")
            for target, name in names.items()
            if target not in latest
        ),
        tier=Tier.T1,
        grade=max(inverse.grade for _, inverse in back),
        quorum=1,
        approvers=frozenset(approvers),
        requested_by=BURSAR,
        reason=f"takes back run {plan.id}",
        team=plan.team,
        created_at=now,
        approve_by=min(now + UNDO_WITHIN, undo_until(plan)),
        execute_by=min(now + UNDO_WITHIN, undo_until(plan)) + UNDO_WITHIN,
        undo_hours=0,
        rollout=replace(plan.rollout, stop_after_failures=len(targets)),
        findings=plan.findings,
        undo_of=plan.id,
        saves=False,
    )
    return _approvable(undone)


def undo_until(plan: Plan) -> datetime:
    """Until when a run of this plan can be undone: its hours count from the last moment it could start."""
    return plan.execute_by + timedelta(hours=plan.undo_hours)


def _approvable(plan: Plan) -> Plan:
    if not satisfiable(plan):
        able = len(plan.approvers - {plan.requested_by})
        raise Refused(
            f"This needs {plan.quorum} of its approvers to say yes and {able} could; "
            "add people to the approvers in the settings."
        )
    return plan


def _worth(runbook: Runbook, plan: Plan) -> None:
    """Refuse what the clock proposes for less than the runbook's minimum; unknown is not small."""
    least = runbook.when.minimum_monthly_saving
    known = all(target.monthly_cost is not None for target in plan.targets)
    if least is None or not known or plan.requested_by != BURSAR:
        return
    saved = plan.saving.get(least.currency)
    if saved is not None and saved < least.amount:
        raise Refused(
            f"This would save {saved:.2f} {least.currency} a month, less than the runbook's {least}."
        )
