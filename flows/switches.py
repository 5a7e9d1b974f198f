"""The kill switch: nothing further is called while it is on."""

from datetime import datetime

from actions.plan import PlanState
from flows import cards, directory
from flows.desk import Desk
from spend.errors import Refused
from storage import plans, switches


def throw_as_approver(desk: Desk, *, on: bool, actor: str, reason: str, now: datetime) -> None:
    """Throw it as somebody in Slack: an approver of any runbook may.

    Raises:
        Refused: they are none, or nobody can tell; or no reason was given.
    """
    if directory.anywhere(desk, actor, now).entitled(actor) is not True:
        raise Refused(
            "Only an approver can throw it here; on Bursar's machine there is `bursar kill-switch`."
        )
    throw(desk, on=on, actor=actor, reason=reason, now=now)


def throw(desk: Desk, *, on: bool, actor: str, reason: str, now: datetime) -> None:
    """Throw the kill switch and tell the on-call channel; the cards of what waits say so too.

    Raises:
        Refused: no reason was given.
    """
    if not reason.strip():
        raise Refused("Say why: the reason is kept in the audit log.")
    with desk.store.writing(now) as unit:
        switches.throw(unit, switches.KILL, on=on, actor=actor, reason=reason)
        if desk.org.oncall_channel:
            state = "on: no remediation makes another call" if on else "off: approved plans run again"
            who = actor if ":" in actor else f"<@{actor}>"  # an account of the machine is nobody to mention
            text = f"The kill switch is {state}. Thrown by {who}: {reason}"
            cards.tell(unit, desk.org.oncall_channel, text)
        for row in plans.find(unit.session, states=(PlanState.APPROVED,), limit=None):
            cards.refresh(unit, row)
