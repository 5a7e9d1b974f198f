"""A fresh plan in place of one that went out of date: the same targets as they are now, asked for anew."""

from datetime import datetime

from actions.approval import BURSAR
from actions.errors import Unreadable
from actions.plan import Plan, PlanState
from flows import proposals, sweeps
from flows.desk import Desk
from spend.errors import NotFound, Refused
from spend.finding import LIVE
from storage import audit, plans, tables

#: What the reason of a fresh plan says before it names the old one.
INSTEAD = " In place of "


def renew(desk: Desk, key: str, now: datetime) -> Plan | None:
    """Propose what is left of a stale plan afresh; its approvals do not count for the new one.

    Once, however often it is asked for: a worker may die between this and the end of its job. An undo is
    asked for by a person again, and what a standing approval covered by the next sweep.
    """
    with desk.store.reading() as session:
        row = session.get(tables.Plan, key)
        done = any(entry["event"] == "plan.replace" for entry in audit.rows(session, subject=key))
    if row is None or row.state != PlanState.STALE or row.undo_of or row.standing or done:
        return None
    try:
        return _fresh(desk, plans.load(row), row.outcome or "", now)
    except (Refused, NotFound, Unreadable) as refusal:
        with desk.store.writing(now) as unit:
            unit.record("plan.refuse", actor=BURSAR, subject=key, reason=f"no fresh plan: {refusal}")
        return None


def _fresh(desk: Desk, old: Plan, why: str, now: datetime) -> Plan:
    runbook = desk.runbooks.get(old.runbook)
    if runbook is None:
        raise Refused(f"The runbook {old.runbook} is gone.")
    wanted = {target.id for target in old.targets}
    found = [target for target in sweeps.find(desk, runbook, now) if target.id in wanted]
    kept, struck = proposals.strike(desk, runbook, found, now)
    with desk.store.reading() as session:
        findings = [row for key in old.findings if (row := session.get(tables.Finding, key))]
    return proposals.propose(
        desk,
        runbook,
        kept,
        struck,
        findings=[row for row in findings if row.state in LIVE],
        requested_by=old.requested_by,
        reason=f"{old.reason.partition(INSTEAD)[0]}{INSTEAD}{old.id}, which went out of date: {why}.",
        now=now,
        instead_of=old.id,
    )
