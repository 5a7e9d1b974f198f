"""Running approved plans, and taking them up again after a crash."""

from collections.abc import Callable
from datetime import datetime, timedelta

from actions import registry, rollout
from actions.clouds import CONNECT_TIMEOUT, READ_TIMEOUT
from actions.plan import Plan, PlanState
from actions.runner import Runner
from actions.step import Step, StepState
from flows import cards, dispatch
from flows.desk import Desk
from spend.finding import LIVE, FindingState
from storage import journal, plans, switches, tables
from storage.store import Store
from storage.unit import Unit

#: How long after its last moment a call may still be on its way.
UNDER_WAY = timedelta(seconds=CONNECT_TIMEOUT + READ_TIMEOUT)


def ready(store: Store, now: datetime) -> list[str]:
    """Approved plans to begin, and runs of this worker to take up; none while the kill switch is on.

    A run that another worker left in the middle of a call waits until that call cannot be sent any more.
    """
    with store.reading() as session:
        if switches.is_on(session, switches.KILL):
            return []
        rows = plans.find(session, states=(PlanState.APPROVED, PlanState.RUNNING), limit=None)
        sending = plans.may_be_sent(session, now - UNDER_WAY)
    hold = store.hold
    return [
        row.id
        for row in reversed(rows)
        if (row.state == PlanState.APPROVED and now < row.execute_by)
        or (
            hold
            and row.state == PlanState.RUNNING
            and (row.worker, row.epoch) == (hold.worker, hold.epoch)
            and row.id not in sending
        )
    ]


def execute(desk: Desk, key: str, *, now: Callable[[], datetime], wait: Callable[[float], None]) -> None:
    """Run one plan to its end: canary, then waves; every step is durable before and after its call."""
    if desk.clouds is None:
        return
    plan = _begin(desk, key, now())
    if plan is None:
        return
    book = journal.RunJournal(desk.store, key, card=cards.plan(key))
    runbook = desk.runbooks.get(plan.runbook)  # gone, where it was removed while the plan ran
    never = (*desk.org.protected, *(runbook.guards.never if runbook else ()))
    running = Runner(desk.clouds, book, registry.ACTIONS, now=now, wait=wait, never=never)
    outcome = running.run(plan, book.steps())
    _finish(desk, plan, outcome, now())


def _begin(desk: Desk, key: str, now: datetime) -> Plan | None:
    """Take the plan, if everything that is asked of it now lets it go; then its steps are written."""
    seen = dispatch.look(desk, key, now)
    with desk.store.writing(now) as unit:
        row = unit.get(tables.Plan, key, lock=True)
        plan = plans.load(row)
        if plan.state is PlanState.RUNNING:
            return plan
        if plan.state is not PlanState.APPROVED or unit.hold is None or now >= plan.execute_by:
            return None
        if (no := dispatch.ask(dispatch.Case(desk, unit, row, plan, seen))) is not None:
            dispatch.hold_back(unit, row, no)
            return None
        unit.move(row, PlanState.RUNNING, worker=unit.hold.worker, epoch=unit.hold.epoch)
        plans.add_steps(unit, rollout.steps_of(plan))
        unit.record(
            "run.begin",
            actor=unit.hold.worker,
            subject=key,
            after={"targets": [target.id for target in plan.targets]},
            plan_hash=row.hash,
            runbook_hash=plan.runbook_hash,
        )
        cards.refresh(unit, row)
        return plans.load(row)


def _finish(desk: Desk, plan: Plan, outcome: PlanState, now: datetime) -> None:
    with desk.store.writing(now) as unit:
        row = unit.get(tables.Plan, plan.id, lock=True)
        steps = plans.steps(unit.session, plan.id)
        why = _why(plan, steps)
        unit.move(row, outcome, held=True, ended_at=now, outcome=why)
        unit.record(
            "run.finish",
            actor=unit.hold.worker if unit.hold else "bursar",
            subject=plan.id,
            after={"outcome": outcome, "steps": {step.id: step.state for step in steps}},
            reason=why,
            plan_hash=row.hash,
        )
        cards.refresh(unit, row)
        unit.send(
            "post",
            "plan_detail",
            plan.id,
            channel=desk.org.oncall_channel,
            thread=cards.plan(plan.undo_of or plan.id),
        )
        _tell_owners(desk, unit, plan, steps)
        _close_findings(unit, plan, outcome)


def _why(plan: Plan, steps: list[Step]) -> str | None:
    """What stopped the run or stood out in it, in words: the first failure names its target."""
    names = {target.id: target.name or target.id for target in plan.targets}
    for state in (StepState.NEEDS_HUMAN, StepState.FAILED, StepState.SKIPPED):
        for step in steps:
            if step.state is state:
                return f"{names.get(step.target, step.target)}: {step.detail}"
    return None


def _tell_owners(desk: Desk, unit: Unit, plan: Plan, steps: list[Step]) -> None:
    """The owners read in their own channel what was done to what is theirs."""
    changed = {step.target for step in steps if step.changed}
    names: dict[str | None, list[str]] = {}
    for target in plan.targets:
        if target.id in changed:
            names.setdefault(desk.org.team_tagged(target.tags), []).append(target.name or target.id)
    for team, touched in names.items():
        if team is not None:
            unit.send(
                "post",
                "run_told",
                plan.id,
                channel=cards.channel_of(desk.org, team),
                args={"team": team, "names": sorted(touched)},
            )


def _close_findings(unit: Unit, plan: Plan, outcome: PlanState) -> None:
    if outcome is not PlanState.SUCCEEDED or plan.undo_of is not None:
        return
    for key in plan.findings:
        row = unit.get(tables.Finding, key, lock=True)
        if row.state in LIVE:
            unit.move(row, FindingState.RESOLVED)
            unit.record("finding.resolve", actor="bursar", subject=key, reason=f"done by {plan.id}")
            cards.refresh(unit, row)
