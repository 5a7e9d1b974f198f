"""Two-phase reclaim: what is marked for deletion is left alone until its owners had their days of grace."""

from datetime import date, timedelta

from actions.base import RECLAIM_TAG, Target
from actions.hours import is_holiday
from runbooks.schema import Grace

SATURDAY = 5


def against(target: Target, grace: Grace, today: date, *, owned: bool, place: str | None) -> str | None:
    """Why a target may not be deleted yet, in words, or None once its grace is over.

    Args:
        owned: whether a team answers for it; else the longer time counts.
        place: whose public holidays are no business days, such as `DE-BY`.
    """
    marked = since(target)
    if marked is None:
        return "it is not marked for deletion yet"
    over = over_on(marked, grace, owned=owned, place=place)
    return None if today >= over else f"it is marked since {marked} and may be deleted from {over} on"


def since(target: Target) -> date | None:
    """The day on which a target was marked for deletion, as its own tag says, or None."""
    try:
        return date.fromisoformat(target.tags.get(RECLAIM_TAG, ""))
    except ValueError:
        return None


def over_on(marked: date, grace: Grace, *, owned: bool, place: str | None) -> date:
    """The first day on which it may be deleted: after whole business days, or whole days without an owner."""
    if not owned:
        return marked + timedelta(days=grace.unowned_days)
    day, left = marked, grace.business_days
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < SATURDAY and not is_holiday(place, day)
    return day
