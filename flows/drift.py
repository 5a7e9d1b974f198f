"""Whether what was approved is still what is there: each target read again, and priced again."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

from actions.base import Clouds, Target
from actions.errors import ActionFailed, Unreadable
from actions.plan import Plan
from actions.registry import action
from actions.rollout import steps_of
from flows import sweeps
from flows.desk import Desk

#: Targets that are read at the same time.
READERS = 8
#: How much dearer the targets may have become since the approval.
GROWTH = Decimal("1.2")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a second look at the targets of a plan found.

    Attributes:
        changed: how one of them is not what was approved, or how the price of all grew.
        unread: why one could not be read.
    """

    changed: str | None = None
    unread: str | None = None


def look(desk: Desk, plan: Plan, _now: datetime) -> Seen:
    """Read every target again. An undo is not asked: it skips what changed, target by target."""
    if plan.undo_of is not None or desk.clouds is None:
        return Seen()
    with ThreadPoolExecutor(READERS, thread_name_prefix="drift") as pool:
        seen = list(pool.map(partial(_again, desk.clouds, plan, _keys(plan)), plan.targets))
    changed = next((one.changed for one in seen if one.changed), None)
    return Seen(changed or _grown(desk, plan), next((one.unread for one in seen if one.unread), None))


def _keys(plan: Plan) -> dict[str, str]:
    """The key of each target's first step, under which what it creates would be found."""
    first = plan.steps[0].id
    return {step.target: step.key for step in steps_of(plan) if step.step == first}


def _again(clouds: Clouds, plan: Plan, keys: dict[str, str], target: Target) -> Seen:
    first = plan.steps[0]
    does, name = action(first.action), target.name or target.id
    try:
        fresh = does.read(clouds, target)
        if fresh is None:
            return Seen(f"{name}: it is gone")
        how = target.drift(fresh)
        if how is None:
            return Seen()
        params = does.Params.model_validate(first.params)
        there = fresh.identity == target.identity and does.reached(
            clouds, target, params, key=keys[target.id]
        )
    except Unreadable as error:
        return Seen(unread=f"{name} could not be looked at: {error}")
    except ActionFailed as error:
        return Seen(f"{name}: {error.detail}")
    return Seen() if there else Seen(f"{name}: {how}")


def _grown(desk: Desk, plan: Plan) -> str | None:
    """How the price of the targets grew past the limit, currency by currency, or None."""
    now = {target.currency: Decimal(0) for target in plan.targets}
    was = dict(now)
    for before, after in zip(plan.targets, sweeps.priced(desk, list(plan.targets)), strict=True):
        was[before.currency] += before.monthly_cost or 0
        now[after.currency] = now.get(after.currency, Decimal(0)) + (after.monthly_cost or 0)
    for currency, cost in sorted(now.items()):
        if cost > was.get(currency, Decimal(0)) * GROWTH:
            old = was.get(currency, Decimal(0))
            return f"its targets cost {cost:.2f} {currency} a month now, where {old:.2f} were approved"
    return None
