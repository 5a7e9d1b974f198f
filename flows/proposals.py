"""Proposing a plan: guards strike out, what is left is frozen, and the card asks its approvers."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from actions import grace, guards, planning
from actions.approval import BURSAR, Voters
from actions.base import Target
from actions.plan import Plan, PlanState, Struck, Tier
from flows import automatic, cards, directory, guarding
from flows.desk import Desk
from flows.directory import Roster
from flows.org import Org
from flows.say import warn
from runbooks.schema import Runbook
from spend.errors import Refused
from storage import ids, plans, say, switches, tables
from storage.unit import Unit


def strike(
    desk: Desk, runbook: Runbook, targets: Iterable[Target], now: datetime
) -> tuple[tuple[Target, ...], tuple[Struck, ...]]:
    """What the guards leave of these targets, and what they struck out with the reason."""
    found = list(targets)
    with desk.store.reading() as session:
        killed = switches.is_on(session, switches.KILL)
        touched = plans.last_touched(session, [target.id for target in found])
        kept = say.kept(session, [target.id for target in found], now)
        busy = plans.busy_targets(session)
    facts = guards.Facts(
        now=now,
        accounts=desk.org.allowed_accounts,
        mode=guards.Mode.ACT if desk.org.act else guards.Mode.OBSERVE,
        killed=killed,
        never=desk.org.protected,
        touched=touched,
        kept=kept,
    )
    return _judge(desk.org, runbook, [target for target in found if target.id not in busy], facts)


def worth_telling(
    desk: Desk, runbook: Runbook, targets: Iterable[Target], now: datetime
) -> tuple[Target, ...]:
    """What a finding tells of: the kill switch, the mode, the allow-list and a plan that waits keep
    Bursar from acting, not from telling."""
    found = list(targets)
    with desk.store.reading() as session:
        touched = plans.last_touched(session, [target.id for target in found])
        kept = say.kept(session, [target.id for target in found], now)
    facts = guards.Facts(
        now=now,
        accounts=frozenset(target.account for target in found),
        mode=guards.Mode.ACT,
        never=desk.org.protected,
        touched=touched,
        kept=kept,
    )
    return _judge(desk.org, runbook, found, facts)[0]


def _judge(
    org: Org, runbook: Runbook, targets: Sequence[Target], facts: guards.Facts
) -> tuple[tuple[Target, ...], tuple[Struck, ...]]:
    actions = planning.actions_of(runbook)
    kept, struck = guards.strike(targets, guards.facts_for(runbook, actions, facts))
    if any(action.deletes for action in actions):
        kept, unseen = _on_the_bill(kept)
        kept, early = _in_grace(org, runbook, kept, facts.now)
        struck = (*struck, *unseen, *early)
    return kept, struck


def _on_the_bill(targets: Sequence[Target]) -> tuple[tuple[Target, ...], tuple[Struck, ...]]:
    """Nothing is deleted on one evidence: the bill has to know what the inventory shows."""
    kept = tuple(target for target in targets if target.monthly_cost is not None)
    reason = "no bill shows it yet, and nothing is deleted on the inventory alone"
    unseen = tuple(Struck(t.id, t.name, reason) for t in targets if t.monthly_cost is None)
    return kept, unseen


def _in_grace(
    org: Org, runbook: Runbook, targets: Sequence[Target], now: datetime
) -> tuple[tuple[Target, ...], tuple[Struck, ...]]:
    """Nothing is deleted before its owners had their days of grace, counted from the mark on it."""
    hours = org.business_hours
    today, place = now.astimezone(ZoneInfo(org.zone)).date(), hours.holidays if hours else None
    reasons = {
        target.id: grace.against(
            target, runbook.grace, today, owned=org.team_tagged(target.tags) is not None, place=place
        )
        for target in targets
    }
    kept = tuple(target for target in targets if reasons[target.id] is None)
    return kept, tuple(Struck(one.id, one.name, reason) for one in targets if (reason := reasons[one.id]))


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
    standing: str | None = None,
    instead_of: str | None = None,
) -> Plan:
    """Freeze a plan, keep it, and post its card in the on-call channel.

    Args:
        standing: the standing approval by which it is approved at once.
        instead_of: the plan that went out of date and is replaced by it.

    Raises:
        Refused: there is nothing left to act on, too much, nobody who could say yes, another plan
            names one of the targets since the guards looked, or the standing approval does not cover it.
    """
    org = desk.org
    guarding.refuse(desk, runbook, now)
    team = findings[0].team if len({row.team for row in findings}) == 1 else None
    found = directory.remembered(desk, runbook.approval.groups, team, now)
    rollout = planning.pace(runbook)
    if org.wave_pause is not None:
        rollout = replace(rollout, pause=org.wave_pause)
    plan = planning.freeze(
        runbook,
        kept,
        plan_id=ids.new("plan"),
        approvers=found.approvers(),
        requested_by=requested_by,
        reason=reason,
        now=now,
        struck=struck,
        team=team,
        findings=[row.id for row in findings],
        rollout=rollout,
        warn_hours=org.owner_warning,
        dollar_limit=org.dollar_limit,
        voters=_voters(desk, runbook, found),
        policy=org.policy,
    )
    fleets = guarding.room(desk, runbook, plan.targets, now)
    return _keep(desk, replace(plan, standing=standing, fleets=fleets), findings, now, instead_of)


def _voters(desk: Desk, runbook: Runbook, found: Roster) -> Voters:
    with desk.store.reading() as session:
        proven = plans.has_run(session, runbook.name, runbook.hash)
    authors = desk.org.members_named(runbook.authors)
    return Voters(found.teams(), frozenset(desk.authenticators()), authors, proven)


def _keep(
    desk: Desk, plan: Plan, findings: Sequence[tables.Finding], now: datetime, instead_of: str | None
) -> Plan:
    """Keep a plan unless another names one of its targets, and tell everybody whom it concerns."""
    org = desk.org
    with desk.store.writing(now) as unit:
        unit.alone("proposals")
        if plans.busy_targets(unit.session) & {target.id for target in plan.targets}:
            raise Refused("A plan for some of this waits already; look for it in the on-call channel.")
        row = plans.save(unit, plan)
        unit.record(
            "plan.propose",
            actor=plan.requested_by,
            subject=plan.id,
            after=plan.content(),
            reason=plan.reason,
            plan_hash=row.hash,
            runbook_hash=plan.runbook_hash,
        )
        unit.send("post", "plan", plan.id, channel=org.oncall_channel, surface=cards.plan(plan.id))
        warn(org, unit, plan)
        if len(plan.targets) > cards.MOST_TARGETS:
            unit.send("post", "plan_detail", plan.id, channel=org.oncall_channel, thread=cards.plan(plan.id))
        for finding in findings:
            fresh = unit.get(tables.Finding, finding.id)
            unit.change(fresh, details={**fresh.details, "plan": plan.id})
            cards.refresh(unit, fresh)
        if instead_of is not None:
            _replace(unit, instead_of, plan.id)
        if plan.standing is not None:
            automatic.grant(desk, unit, row, plan)
        elif plan.tier is Tier.T0:
            unit.move(row, PlanState.APPROVED)
            unit.record("approval.exempt", actor=BURSAR, subject=plan.id, plan_hash=row.hash)
        return plans.load(row)


def _replace(unit: Unit, key: str, by: str) -> None:
    row = unit.get(tables.Plan, key, lock=True)
    unit.change(row, outcome=f"{row.outcome}; replaced by {by}")
    unit.record("plan.replace", actor=BURSAR, subject=key, after={"by": by}, plan_hash=row.hash)
    cards.refresh(unit, row)
