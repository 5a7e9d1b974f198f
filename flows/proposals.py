"""Proposing a plan: guards strike out, what is left is frozen, and the card asks its approvers."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from actions import guards, planning
from actions.base import Target
from actions.plan import Plan, Struck
from flows import cards
from flows.desk import Desk
from runbooks.schema import Runbook
from spend.errors import Refused
from storage import ids, plans, switches, tables


def strike(
    desk: Desk, runbook: Runbook, targets: Iterable[Target], now: datetime
) -> tuple[tuple[Target, ...], tuple[Struck, ...]]:
    """What the guards leave of these targets, and what they struck out with the reason."""
    found = list(targets)
    with desk.store.reading() as session:
        killed = switches.is_on(session, switches.KILL)
        touched = plans.last_touched(session, [target.id for target in found])
        busy = plans.busy_targets(session)
    facts = guards.Facts(
        now=now,
        accounts=desk.org.allowed_accounts,
        mode=guards.Mode.ACT if desk.org.act else guards.Mode.OBSERVE,
        killed=killed,
        never=desk.org.protected,
        touched=touched,
    )
    return _judge(runbook, [target for target in found if target.id not in busy], facts)


def worth_telling(
    desk: Desk, runbook: Runbook, targets: Iterable[Target], now: datetime
) -> tuple[Target, ...]:
    """What a finding tells of: the kill switch, the mode, the allow-list and a plan that waits keep
    Bursar from acting, not from telling."""
    found = list(targets)
    with desk.store.reading() as session:
        touched = plans.last_touched(session, [target.id for target in found])
    facts = guards.Facts(
        now=now,
        accounts=frozenset(target.account for target in found),
        mode=guards.Mode.ACT,
        never=desk.org.protected,
        touched=touched,
    )
    return _judge(runbook, found, facts)[0]


def _judge(
    runbook: Runbook, targets: Sequence[Target], facts: guards.Facts
) -> tuple[tuple[Target, ...], tuple[Struck, ...]]:
    actions = planning.actions_of(runbook)
    kept, struck = guards.strike(targets, guards.facts_for(runbook, actions, facts))
    if any(action.deletes for action in actions):
        kept, unseen = _on_the_bill(kept)
        struck = (*struck, *unseen)
    return kept, struck


def _on_the_bill(targets: Sequence[Target]) -> tuple[tuple[Target, ...], tuple[Struck, ...]]:
    """Nothing is deleted on one evidence: the bill has to know what the inventory shows."""
    kept = tuple(target for target in targets if target.monthly_cost is not None)
    reason = "no bill shows it yet, and nothing is deleted on the inventory alone"
    unseen = tuple(Struck(t.id, t.name, reason) for t in targets if t.monthly_cost is None)
    return kept, unseen


def propose(
    desk: Desk,
    runbook: Runbook,
    kept: Sequence[Target],
    struck: Sequence[Struck],
    *,
    findings: Sequence[tables.Finding],
    requested_by: str,
    reason: str,
    now: datetime,
) -> Plan:
    """Freeze a plan, keep it, and post its card in the on-call channel.

    Raises:
        Refused: there is nothing left to act on, too much, nobody who could say yes, or another
            plan names one of the targets since the guards looked.
    """
    org = desk.org
    team = findings[0].team if len({row.team for row in findings}) == 1 else None
    rollout = planning.pace(runbook)
    if org.wave_pause is not None:
        rollout = replace(rollout, pause=org.wave_pause)
    plan = planning.freeze(
        runbook,
        kept,
        plan_id=ids.new("plan"),
        approvers=org.approvers(runbook.approval.groups, team),
        requested_by=requested_by,
        reason=reason,
        now=now,
        struck=struck,
        team=team,
        findings=[row.id for row in findings],
        rollout=rollout,
        dollar_limit=org.dollar_limit,
    )
    with desk.store.writing(now) as unit:
        unit.alone("proposals")
        if plans.busy_targets(unit.session) & {target.id for target in plan.targets}:
            raise Refused("A plan for some of this waits already; look for it in the on-call channel.")
        row = plans.save(unit, plan)
        unit.record(
            "plan.propose",
            actor=requested_by,
            subject=plan.id,
            after=plan.content(),
            reason=reason,
            plan_hash=row.hash,
            runbook_hash=plan.runbook_hash,
        )
        unit.send("post", "plan", plan.id, channel=org.oncall_channel, surface=cards.plan(plan.id))
        if len(plan.targets) > cards.MOST_TARGETS:
            unit.send("post", "plan_detail", plan.id, channel=org.oncall_channel, thread=cards.plan(plan.id))
        for finding in findings:
            fresh = unit.get(tables.Finding, finding.id)
            unit.change(fresh, details={**fresh.details, "plan": plan.id})
            cards.refresh(unit, fresh)
    return plan
