"""Who may say yes to a plan, and how many must."""

from collections.abc import Collection
from datetime import datetime

from actions.plan import Plan, PlanState
from spend.errors import Conflict, Refused

#: Who a plan is requested by when the clock proposed it.
BURSAR = "bursar"


def admit(plan: Plan, voted: Collection[str], actor: str, shown_hash: str, now: datetime) -> None:
    """Raise `Refused`, with the sentence the person reads, unless this person may vote now.

    Args:
        voted: who has approved already.
        shown_hash: the start of the plan hash on the card that was clicked.
    """
    if plan.state is not PlanState.PENDING:
        raise Conflict(f"This plan is already {plan.state}; your click changed nothing.")
    if now >= plan.approve_by:
        raise Refused("This plan has expired; the next sweep proposes a fresh one.")
    if not shown_hash or not plan.hash.startswith(shown_hash):
        raise Refused("The card you clicked shows another version of this plan; look at the newest card.")
    if actor == plan.requested_by:
        raise Refused("You asked for this plan, so somebody else has to approve it.")
    if actor not in plan.approvers:
        raise Refused("Only the approvers named on the card may decide this plan; nothing was changed.")
    if actor in voted:
        raise Refused("Your approval is already counted; a second person has to approve too.")


def complete(plan: Plan, voted: Collection[str]) -> bool:
    """Whether enough distinct, entitled people said yes; the requester never counts."""
    return len((set(voted) & plan.approvers) - {plan.requested_by}) >= plan.quorum


def satisfiable(plan: Plan) -> bool:
    """Whether the quorum can ever be met; an empty list of approvers means nobody."""
    return len(plan.approvers - {plan.requested_by}) >= plan.quorum > 0
