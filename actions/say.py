"""The owner's say: warned before a stop or a delete, and free to keep the thing."""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from actions.approval import able
from actions.plan import Plan
from spend.errors import Refused
from spend.moves import Moves

#: How long a Keep may hold; whoever needs a thing for longer tags it as protected.
LONGEST = timedelta(days=90)
#: Characters of the reason that an override asks for.
LEAST_REASON = 10
#: How the sentence begins that says who keeps a target; a card mentions the person by it.
KEPT = "kept by "
#: The code of a call that is not sent because the target was kept since it was read.
SPARED = "Spared"


class WarningState(StrEnum):
    """What an owner answered to the warning of a plan; silence lets its time pass."""

    OPEN = "open"
    FINE = "fine"
    KEPT = "kept"
    NOT_MINE = "not_mine"
    PASSED = "passed"


W = WarningState
#: A Keep may come late. What one team disowns opens the question to finance again.
WARNING_MOVES: Moves[WarningState] = {
    W.OPEN: frozenset({W.FINE, W.KEPT, W.NOT_MINE, W.PASSED}),
    W.FINE: frozenset({W.OPEN, W.KEPT}),
    W.NOT_MINE: frozenset({W.KEPT}),
    W.PASSED: frozenset({W.KEPT}),
}


class KeepState(StrEnum):
    """A Keep holds until its day, unless a second approver overrides it with a reason."""

    HELD = "held"
    OVERRIDDEN = "overridden"
    ENDED = "ended"


K = KeepState
KEEP_MOVES: Moves[KeepState] = {K.HELD: frozenset({K.OVERRIDDEN, K.ENDED})}


def end_of(day: date, now: datetime, zone: str) -> datetime:
    """When a Keep ends that holds through this day, in the zone of the people.

    Raises:
        Refused: the day is over, or too far away.
    """
    here = ZoneInfo(zone)
    today = now.astimezone(here).date()
    if not today <= day <= today + LONGEST:
        raise Refused(f"Choose a day between {today} and {today + LONGEST}.")
    return datetime.combine(day + timedelta(days=1), time(), here).astimezone(UTC)


def kept_by(who: str, until: datetime, reason: str) -> str:
    """Why a target is left alone that an owner keeps."""
    return f"{KEPT}<@{who}> until {until:%Y-%m-%d %H:%M} UTC: {reason}"


def admit_override(plan: Plan, voted: Collection[str], *, keeper: str, actor: str, reason: str) -> None:
    """Raise `Refused` unless this person is the second approver who may end somebody's Keep.

    Args:
        voted: who has approved the plan; a Keep falls to a second person, never to one alone.
    """
    if actor not in plan.approvers:
        raise Refused("Only the approvers named on the card may override a Keep; nothing was changed.")
    if actor not in able(plan):
        raise Refused("You asked for this, so somebody else has to override the Keep.")
    if actor == keeper:
        raise Refused("You keep this yourself: release it in Bursar's Home.")
    if not set(voted) & able(plan) - {actor}:
        raise Refused("A Keep falls to a second approver: somebody else has to approve this plan first.")
    if len(reason.strip()) < LEAST_REASON:
        raise Refused(f"Say why in at least {LEAST_REASON} characters; the owner reads it.")
