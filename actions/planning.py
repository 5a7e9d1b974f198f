"""Freezes what would be done into a plan, with the consent it needs; and what would take it back."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from actions import environments, guards
from actions.approval import BURSAR, Voters, able, satisfiable
from actions.base import Action, Grade, Target
from actions.plan import Health, Plan, PlanStep, Rollout, Struck, Tier
from actions.registry import action
from actions.step import Step
from runbooks.schema import Runbook, RunbookStep
from spend.errors import Refused

#: Monthly saving, in each currency by itself, over which two people must agree.
DOLLAR_LIMIT = Decimal(1000)
#: How many distinct approvers a tier asks for at least.
QUORUM = {Tier.T0: 0, Tier.T1: 1, Tier.T2: 2, Tier.T3: 2}
#: What is known of people where nobody asks for it.
NOBODY_KNOWN = Voters()
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
    if not any(one.changes for one in actions):
        return Tier.T0
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
    warn_hours: int | None = None,
    dollar_limit: Decimal = DOLLAR_LIMIT,
    voters: Voters = NOBODY_KNOWN,
    policy: str = "",
) -> Plan:
    """Freeze the targets that the guards left into a plan.

    Args:
        rollout: another pace than the runbook's.
        warn_hours: how long the owners are warned, where the settings say otherwise than the runbook.
        dollar_limit: monthly saving over which the plan is T2.
        voters: what is known of the approvers and of who wrote the runbook.
        policy: the hash of the policy in force.

    Raises:
        Refused: there is nothing to act on, too much, too little to save, a deletion without a
            snapshot before it, or nobody who could say yes.
        NotFound: the runbook names an action that does not exist.
    """
    once = tuple({target.id: target for target in targets}.values())
    guards.whole(once, struck, runbook.guards.max_targets)
    if reckless := unsaved(runbook):
        raise Refused(reckless)
    plan = Plan(
        **_page(runbook, _warning(runbook, warn_hours), now),
        id=plan_id,
        targets=once,
        struck=tuple(struck),
        tier=Tier.T1,
        approvers=frozenset(approvers),
        requested_by=requested_by,
        reason=reason,
        team=team,
        rollout=rollout or pace(runbook),
        findings=tuple(findings),
        policy=policy,
    )
    _worth(runbook, plan)
    saving = max(plan.saving.values(), default=Decimal(0))
    return _approvable(
        _tiered(plan, tier_of(actions_of(runbook), once, saving, dollar_limit), voters), voters
    )


def _page(runbook: Runbook, warned: int, now: datetime) -> dict[str, Any]:
    """What a plan takes from its runbook as it is written."""
    actions, approve_by = actions_of(runbook), now + runbook.approval.approve_within
    return {
        "title": runbook.title,
        "runbook": runbook.name,
        "runbook_hash": runbook.hash,
        "steps": tuple(_frozen(step, now) for step in runbook.steps),
        "grade": max(one.grade for one in actions),
        "quorum": runbook.approval.quorum,
        "created_at": now,
        "approve_by": approve_by,
        "execute_by": max(approve_by, now + timedelta(hours=warned)) + runbook.approval.execute_within,
        "undo_hours": int(runbook.undo_within / timedelta(hours=1)),
        "saves": all(one.saves for one in actions),
        "health": Health(runbook.verify.health, runbook.verify.minutes // timedelta(minutes=1)),
        "warn_hours": warned,
    }


def _tiered(plan: Plan, tier: Tier, voters: Voters) -> Plan:
    """The plan with the consent its tier asks for; a new version's first run is its authors' request."""
    if tier >= Tier.T2 and not plan.reason.strip():
        raise Refused(f"A plan of tier {int(tier)} is asked for with a reason; write one.")
    asking = tier is Tier.T3 or (tier is Tier.T2 and not voters.proven)
    quorum = 0 if tier is Tier.T0 else max(plan.quorum, QUORUM[tier])
    return replace(plan, tier=tier, quorum=quorum, authors=voters.authors if asking else frozenset())


def worst_tier(runbook: Runbook) -> Tier:
    """The tier that a plan of this runbook may come to by what it does, whatever it saves."""
    actions = actions_of(runbook)
    if any(one.deletes for one in actions) and runbook.guards.production == "allowed":
        return Tier.T3
    return tier_of(actions, (), Decimal(0), DOLLAR_LIMIT)


def unsaved(runbook: Runbook) -> str | None:
    """Say which step deletes what no step before it has snapshotted, or None."""
    kept: set[str] = set()
    for step, does in zip(runbook.steps, actions_of(runbook), strict=True):
        if does.deletes and does.kind not in kept:
            return (
                f"Runbook {runbook.name}: step {step.id} deletes a {does.kind} that no step before it "
                "has snapshotted; put a snapshot first."
            )
        if does.snapshots:
            kept.add(does.kind)
    return None


def _frozen(step: RunbookStep, now: datetime) -> PlanStep:
    """A step with its defaults spelt out, so that the hash covers them too."""
    found = action(step.action)
    params = found.frozen(found.Params.model_validate(step.params), now)
    return PlanStep(step.id, step.action, params.model_dump(mode="json"))


def interrupts(plan: Plan) -> str:
    """What it does that owners have a say in, such as "stops"; empty where it takes nothing from anybody."""
    return next((said for step in plan.steps if (said := action(step.action).interrupts)), "")


def _warning(runbook: Runbook, hours: int | None) -> int:
    """Hours from the owners' warning to the earliest start; none where nothing is taken from anybody."""
    if not any(one.interrupts for one in actions_of(runbook)):
        return 0
    return runbook.warn // timedelta(hours=1) if hours is None else hours


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
        rollout=replace(plan.rollout, pause=0, stop_after_failures=len(targets)),
        findings=plan.findings,
        undo_of=plan.id,
        saves=False,
    )
    return _approvable(undone, NOBODY_KNOWN)


def undo_until(plan: Plan) -> datetime:
    """Until when a run of this plan can be undone: its hours count from the last moment it could start."""
    return plan.execute_by + timedelta(hours=plan.undo_hours)


def _approvable(plan: Plan, voters: Voters) -> Plan:
    if satisfiable(plan, voters.teams, voters.enrolled):
        return plan
    could = len(able(plan))
    if plan.tier is Tier.T3 and could >= plan.quorum:
        raise Refused(
            "Deleting in production needs two approvers of different teams, each with an authenticator; "
            "enrol them with `bursar stepup enrol PERSON`, or take the production targets off."
        )
    raise Refused(
        f"This needs {plan.quorum} of its approvers to say yes and {could} could; "
        "add people to the approvers in the settings."
    )


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
