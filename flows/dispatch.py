"""What is asked of an approved plan just before it runs: each check lets it go, makes it wait, or ends it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from actions.approval import complete
from actions.plan import Plan, PlanState
from flows import cards
from flows.desk import Desk
from storage import plans, switches, tables
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
    """It may not begin yet; it stays approved and is asked again until its execute-by."""

    reason: str


@dataclass(frozen=True, slots=True)
class End:
    """It may not begin at all."""

    reason: str
    state: PlanState = PlanState.STALE


Look = Callable[[Desk, Plan, datetime], Any]
Check = Callable[[Case], Wait | End | None]


def look(desk: Desk, key: str, now: datetime) -> dict[str, Any]:
    """Ask everything outside the database that the checks need: no transaction waits for an answer."""
    with desk.store.reading() as session:
        row = session.get(tables.Plan, key)
    if row is None or row.state != PlanState.APPROVED:
        return {}
    plan = plans.load(row)
    return {name: asked(desk, plan, now) for name, asked in LOOKS.items()}


def ask(case: Case) -> Wait | End | None:
    """The first check that does not let the plan go."""
    return next((no for check in CHECKS if (no := check(case)) is not None), None)


def hold_back(unit: Unit, row: tables.Plan, no: Wait | End) -> None:
    """Write why a plan does not begin: once for each new reason, however often it is asked."""
    if isinstance(no, End):
        unit.move(row, no.state, ended_at=unit.now, outcome=no.reason, waits_for=None)
        unit.record(f"plan.{no.state}", actor="bursar", subject=row.id, reason=no.reason, plan_hash=row.hash)
    elif row.waits_for != no.reason:
        unit.change(row, waits_for=no.reason)
        unit.record("plan.wait", actor="bursar", subject=row.id, reason=no.reason, plan_hash=row.hash)
    else:
        return
    cards.refresh(unit, row)


def kill_switch(case: Case) -> Wait | None:
    """Thrown since somebody looked: the plan waits."""
    return Wait("the kill switch is on") if switches.is_on(case.unit.session, switches.KILL) else None


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


def votes(case: Case) -> Wait | End | None:
    """The quorum stands among those who are approvers now."""
    book = case.desk.runbooks[case.plan.runbook]
    entitled = case.desk.org.approvers(book.approval.groups, case.plan.team)
    voted = [
        vote.person for vote in plans.votes(case.unit.session, case.plan.id) if vote.decision == "approve"
    ]
    if not complete(case.plan, [person for person in voted if person in entitled]):
        return End("somebody who approved it is no longer an approver")
    return None


#: What is looked at outside the transaction, by the name under which the checks find it.
LOOKS: Mapping[str, Look] = {}
#: Cheap and final ones first; a check may rely on those before it.
CHECKS: tuple[Check, ...] = (kill_switch, mode, accounts, runbook, votes)
