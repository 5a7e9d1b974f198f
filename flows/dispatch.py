"""What is asked of an approved plan just before it runs: each check lets it go, makes it wait, or ends it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from actions.approval import Unknown
from actions.plan import Plan, PlanState
from flows import automatic, cards, drift, guarding, health, quorum
from flows.desk import Desk
from flows.directory import Roster
from spend.errors import Refused
from storage import blast, plans, recovery, say, switches, tables
from storage.unit import Unit


@dataclass(frozen=True, slots=True)
class Case:
    """What the checks judge: the plan as it stands in this transaction, and what was looked at before it.

    Attributes:
        seen: the answers of `LOOKS`, by name.
    """

    desk: Desk
    unit: Unit
    row: tables.Plan
    plan: Plan
    seen: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wait:
    """It may not begin yet; it stays approved and is asked again until its execute-by.

    Attributes:
        pause: how long nobody is asked again, as asking takes calls to others.
    """

    reason: str
    pause: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class End:
    """It may not begin at all."""

    reason: str
    state: PlanState = PlanState.STALE


#: How long nobody else is asked again for a plan that waits for an answer.
ASK_AGAIN = timedelta(seconds=30)
KILLED = "the kill switch is on"
NOT_YET = Unknown("it is being looked at")
Look = Callable[[Desk, Plan, datetime], Any]
Check = Callable[[Case], Wait | End | None]


def look(desk: Desk, key: str, now: datetime) -> dict[str, Any]:
    """Ask everything outside the database that the checks need: no transaction waits for an answer.

    Nobody is asked for a plan that its own rows hold back.
    """
    with desk.store.writing(now) as unit:
        row = unit.get(tables.Plan, key, lock=True)
        plan = plans.load(row)
        if plan.state is not PlanState.APPROVED or _first(CHECKS, Case(desk, unit, row, plan, {})):
            return {}
    return {name: asked(desk, plan, now) for name, asked in LOOKS.items()}


def ask(case: Case) -> Wait | End | None:
    """The first check that does not let the plan go; who outside was asked is not asked again at once."""
    if (no := _first(CHECKS, case)) is not None:
        return no
    no = _first(LOOKED_AT, case)
    return replace(no, pause=ASK_AGAIN) if isinstance(no, Wait) else no


def _first(checks: Iterable[Check], case: Case) -> Wait | End | None:
    return next((no for check in checks if (no := check(case)) is not None), None)


def hold_back(unit: Unit, row: tables.Plan, no: Wait | End) -> None:
    """Write why a plan does not begin: once for each new reason, however often it is asked."""
    if isinstance(no, End):
        unit.move(row, no.state, ended_at=unit.now, outcome=no.reason, waits_for=None)
        blast.release(unit, row.id)
        unit.record(f"plan.{no.state}", actor="bursar", subject=row.id, reason=no.reason, plan_hash=row.hash)
        if no.state is PlanState.STALE:
            unit.enqueue("replace", row.id, args={"plan": row.id})
        cards.refresh(unit, row)
        return
    news = row.waits_for != no.reason
    if news or no.pause:
        unit.change(row, waits_for=no.reason, next_wave_at=unit.now + no.pause if no.pause else None)
    if news:
        unit.record("plan.wait", actor="bursar", subject=row.id, reason=no.reason, plan_hash=row.hash)
        cards.refresh(unit, row)


def waits_for(session: Any, row: tables.Plan) -> str | None:
    """What holds a plan back, as people read it: nobody asks for more while the kill switch is on."""
    killed = row.state == PlanState.APPROVED and switches.is_on(session, switches.KILL)
    return KILLED if killed else row.waits_for


def kill_switch(case: Case) -> Wait | None:
    """Thrown since somebody looked: the plan waits."""
    return Wait(KILLED) if switches.is_on(case.unit.session, switches.KILL) else None


def restored(case: Case) -> Wait | None:
    """A database restored from an old copy: nothing begins before two people resumed it."""
    waits = recovery.waiting(case.unit.session)
    return Wait("the database was restored, and two people have to resume it") if waits else None


def mode(case: Case) -> End | None:
    """An installation that observes changes nothing."""
    return None if case.desk.org.act else End("Bursar is set to observe only")


def accounts(case: Case) -> End | None:
    """Every target's account is still on the allow-list."""
    forbidden = {target.account for target in case.plan.targets} - case.desk.org.allowed_accounts
    return (
        End(f"account {', '.join(sorted(forbidden))} is no longer on the allow-list") if forbidden else None
    )


def runbook(case: Case) -> End | None:
    """The runbook says what it said when the plan was frozen."""
    found = case.desk.runbooks.get(case.plan.runbook)
    if found is None or (case.plan.undo_of is None and found.hash != case.plan.runbook_hash):
        return End("its runbook changed after it was proposed")
    return None


def standing(case: Case) -> Wait | End | None:
    """The standing approval that it was proposed under is in force, in its window, and has room."""
    if case.plan.standing is None:
        return None
    over, later = automatic.hold(case.desk, case.unit, case.plan)
    return End(over) if over else Wait(later) if later else None


def votes(case: Case) -> Wait | End | None:
    """Those who approved it, or what it runs under, are enough of those who are approvers now."""
    judge = automatic.judge if case.plan.standing else quorum.judge
    no = judge(case.unit, case.plan, case.seen["voters"]) if "voters" in case.seen else NOT_YET
    if isinstance(no, Unknown):
        return Wait(no.why)
    return End(no) if no else None


def targets(case: Case) -> Wait | End | None:
    """Every target is what was approved, at about the price that was shown; else a fresh plan is made."""
    seen: drift.Seen = case.seen.get("targets", drift.Seen(unread=NOT_YET.why))
    if seen.changed:
        return End(seen.changed)
    return Wait(seen.unread) if seen.unread else None


def owners(case: Case) -> Wait | None:
    """The owners' warning has passed, and they do not keep all of it; what they keep the run skips."""
    reason = say.waits(case.unit.session, case.row, case.plan, case.unit.now)
    return Wait(reason) if reason else None


def healthy(case: Case) -> Wait | None:
    """What must hold after each wave holds now; else the first wave would be blamed for it."""
    reason = case.seen.get("health")
    return Wait(reason) if reason else None


def moment(case: Case) -> Wait | None:
    """No freeze, no open incident, enough error budget, and business hours where its runbook wants them."""
    reason = case.seen.get("moment", NOT_YET.why)
    return Wait(reason) if reason else None


def room(case: Case) -> Wait | None:
    """What was approved on an earlier day counts on the day on which it runs."""
    try:
        blast.carry_over(case.unit, case.plan, case.desk.org.caps)
    except Refused as refusal:
        return Wait(str(refusal))
    return None


def _voters(desk: Desk, plan: Plan, now: datetime) -> Roster:
    return (automatic.look if plan.standing else quorum.look)(desk, plan, now)


#: What is looked at outside the transaction, by the name under which the checks find it.
LOOKS: Mapping[str, Look] = {
    "voters": _voters,
    "targets": drift.look,
    "moment": guarding.against,
    "health": health.look,
}
#: Answered from the rows alone: cheap and final ones first; a check may rely on those before it.
CHECKS: tuple[Check, ...] = (kill_switch, restored, mode, accounts, runbook, standing, owners)
#: Answered by what was looked at; only asked where nothing above holds the plan back.
LOOKED_AT: tuple[Check, ...] = (votes, targets, moment, healthy, room)
