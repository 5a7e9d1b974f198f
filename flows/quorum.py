"""Whether the approvals of a plan still stand, asked live before it runs: what Slack cannot tell waits."""

from datetime import datetime

from actions.approval import Unknown, able, complete
from actions.plan import Plan
from flows import directory
from flows.desk import Desk
from flows.directory import Roster
from storage import plans
from storage.unit import Unit


def look(desk: Desk, plan: Plan, now: datetime) -> Roster:
    """Who of those who approved is an approver now, as Slack says it this moment."""
    book = desk.runbooks.get(plan.runbook)
    with desk.store.reading() as session:
        voted = plans.approvals(session, plan.id)
    return directory.asked(desk, book.approval.groups if book else (), plan.team, now, voted)


def judge(unit: Unit, plan: Plan, found: Roster) -> Unknown | str | None:
    """Void what does not count any more; say what cannot be told, or why the rest is not enough."""
    voted = plans.approvals(unit.session, plan.id)
    told = {person: found.entitled(person) for person in voted}
    for person in voted:
        if told[person] is False:
            plans.void(unit, plan.id, person)
            barred = found.barred.get(person)
            unit.record(
                "approval.void",
                actor="bursar",
                subject=plan.id,
                after={"person": person},
                reason=f"the account {barred}" if isinstance(barred, str) else "no longer an approver",
                plan_hash=plan.hash,
            )
    if complete(plan, [person for person in voted if told[person] is True], found.teams()):
        return None
    open_ = {person for person in voted if told[person] is not False}
    unknown = next((one for one in told.values() if isinstance(one, Unknown)), None)
    if unknown and len(open_ & able(plan)) >= plan.quorum:
        return unknown
    return "somebody who approved it is no longer an approver"
