"""Running approved plans, and taking them up again after a crash."""

from collections.abc import Callable
from datetime import datetime

from actions import registry, rollout
from actions.base import Target
from actions.crash import crashpoint
from actions.plan import Plan, PlanState
from actions.runner import Outcome, Runner
from actions.say import KEPT
from actions.sending import UNDER_WAY
from actions.step import Step, StepState
from flows import automatic, cards, dispatch, guarding, health, undo
from flows.desk import Desk
from spend.finding import LIVE, FindingState
from storage import blast, journal, plans, recovery, say, switches, tables
from storage.locks import Hold
from storage.store import Store
from storage.unit import Unit


def ready(store: Store, now: datetime) -> list[str]:
    """Approved plans to begin, and runs of this worker to take up: those whose pause is over.

    A run that another worker left in the middle of a call waits until that call cannot be sent any more.
    While the kill switch is on nothing begins, and a run that pauses is taken up at once, to be halted.
    """
    with store.reading() as session:
        if recovery.waiting(session):
            return []
        killed = switches.is_on(session, switches.KILL)
        found = plans.in_line(session)
        sending = plans.may_be_sent(session, now - UNDER_WAY)
    return [
        one.id
        for one in found
        if (
            one.state == PlanState.APPROVED
            and not killed
            and max(one.not_before or now, one.next_wave_at or now) <= now < one.execute_by
        )
        or (
            one.state == PlanState.RUNNING
            and one.hold == store.hold
            and (killed or one.next_wave_at is None or one.next_wave_at <= now)
            and one.id not in sending
        )
    ]


def execute(desk: Desk, key: str, *, now: Callable[[], datetime], wait: Callable[[float], None]) -> None:
    """Run one plan until it ends or pauses between two waves; each step is durable around its call."""
    if desk.clouds is None:
        return
    plan = _begin(desk, key, now())
    if plan is None:
        return
    crashpoint("run.begun")
    book = journal.RunJournal(desk.store, key, card=cards.plan(key))
    runbook = desk.runbooks.get(plan.runbook)  # gone, where it was removed while the plan ran
    never = (*desk.org.protected, *(runbook.guards.never if runbook else ()))
    running = Runner(
        desk.clouds,
        book,
        registry.ACTIONS,
        now=now,
        wait=wait,
        never=never,
        spared=lambda target: _kept(desk, plan, target, now()),
        held=lambda: _held(desk, plan, now()),
        health=health.of(desk),
    )
    outcome = running.run(plan, book.steps(), was_held=_waits(desk, key) is not None)
    crashpoint("run.passed")
    if outcome.until is not None:
        _pause(desk, key, outcome.until, now())
    else:
        _finish(desk, plan, outcome, now())
    crashpoint("run.kept")


def _kept(desk: Desk, plan: Plan, target: Target, now: datetime) -> str | None:
    """Who keeps this target as it is; what a run changed is taken back all the same."""
    if plan.undo_of is not None:
        return None
    with desk.store.reading() as session:
        return say.kept(session, [target.id], now).get(target.id)


def _held(desk: Desk, plan: Plan, now: datetime) -> str | None:
    """What speaks against a further wave at this moment; told once where it is new, and when it is over."""
    reason = guarding.against(desk, plan, now)
    if reason == _waits(desk, plan.id):
        return reason
    with desk.store.writing(now) as unit:
        row = unit.change(unit.get(tables.Plan, plan.id, lock=True), held=True, waits_for=reason)
        unit.record(
            "run.wait" if reason else "run.resume",
            actor=unit.hold.worker if unit.hold else "bursar",
            subject=plan.id,
            reason=reason,
            plan_hash=row.hash,
        )
        cards.refresh(unit, row)
    return reason


def _waits(desk: Desk, key: str) -> str | None:
    """What holds a run back, as its row has it."""
    with desk.store.reading() as session:
        return session.get_one(tables.Plan, key).waits_for


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
        return _start(unit, row, plan, unit.hold)


def _start(unit: Unit, row: tables.Plan, plan: Plan, hold: Hold) -> Plan:
    unit.move(
        row,
        PlanState.RUNNING,
        worker=hold.worker,
        epoch=hold.epoch,
        waits_for=None,
        next_wave_at=None,
    )
    plans.add_steps(unit, rollout.steps_of(plan))
    unit.record(
        "run.begin",
        actor=hold.worker,
        subject=row.id,
        after={"targets": [target.id for target in plan.targets]},
        plan_hash=row.hash,
        runbook_hash=plan.runbook_hash,
    )
    cards.refresh(unit, row)
    return plans.load(row)


def _pause(desk: Desk, key: str, until: datetime, now: datetime) -> None:
    with desk.store.writing(now) as unit:
        row = unit.change(unit.get(tables.Plan, key, lock=True), held=True, next_wave_at=until)
        cards.refresh(unit, row)


def _finish(desk: Desk, plan: Plan, outcome: Outcome, now: datetime) -> None:
    with desk.store.writing(now) as unit:
        if outcome.sick:
            unit.alone("proposals")  # an undo may follow, and this is always locked first
        row = unit.get(tables.Plan, plan.id, lock=True)
        steps = plans.steps(unit.session, plan.id)
        why = outcome.sick or _over(outcome) or _why(plan, steps)
        unit.move(row, outcome.state, held=True, ended_at=now, outcome=why, waits_for=None)
        unit.record(
            "run.finish",
            actor=unit.hold.worker if unit.hold else "bursar",
            subject=plan.id,
            after={"outcome": outcome.state, "steps": {step.id: step.state for step in steps}},
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
        _close_findings(unit, plan, outcome.state)
        blast.settle(unit, plan, steps, desk.org.caps)
        automatic.account(desk, unit, plan, steps)
        if outcome.sick and outcome.state is PlanState.FAILED and unit.hold:
            # The dispatch is not asked again: who let the run begin let it be taken back, and an incident
            # or a freeze is no reason to leave a failing change standing. The kill switch stops this too.
            back = undo.by_itself(desk, unit, plan, steps, outcome.sick)
            if back is not None:
                _start(unit, unit.get(tables.Plan, back.id), back, unit.hold)


def _over(outcome: Outcome) -> str | None:
    return f"it was held back until its time was over: {outcome.held}" if outcome.held else None


def _why(plan: Plan, steps: list[Step]) -> str | None:
    """What stopped the run or stood out in it, in words: the first failure names its target."""
    names = {target.id: target.name or target.id for target in plan.targets}
    for state in (StepState.NEEDS_HUMAN, StepState.FAILED, StepState.SKIPPED):
        for step in steps:
            if step.state is state and not (step.detail or "").startswith(KEPT):
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
