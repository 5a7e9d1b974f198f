"""What strikes a target off a plan, deny first; each guard gives its reason in words."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from actions import environments
from actions.base import Action, Target
from actions.plan import Struck
from runbooks.schema import Runbook, spelt
from spend.errors import Refused


class Mode(StrEnum):
    """What an installation may do; a fresh one observes."""

    OBSERVE = "observe"
    ACT = "act"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the guards know beside the target. The defaults allow nothing.

    Attributes:
        accounts: the allow-list; empty means no account.
        never: tag patterns (`key` or `key=value`) on top of `environments.PROTECTED`.
        production: whether the runbook may touch production.
        cooldown: how long a touched resource is left alone.
        touched: when a run last touched which id.
        kept: which ids their owners keep, with who, until when and why.
        actions: what would be done; each may find a target unfit.
    """

    now: datetime
    accounts: frozenset[str] = frozenset()
    mode: Mode = Mode.OBSERVE
    killed: bool = False
    never: tuple[str, ...] = ()
    production: bool = False
    cooldown: timedelta = timedelta(hours=24)
    touched: Mapping[str, datetime] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    actions: tuple[Action, ...] = ()


Guard = Callable[[Target, Facts], str | None]


def kill_switch(_target: Target, facts: Facts) -> str | None:
    """Nothing is planned while the kill switch is on."""
    return "the kill switch is on" if facts.killed else None


def mode(_target: Target, facts: Facts) -> str | None:
    """An installation that observes changes nothing."""
    return None if facts.mode is Mode.ACT else "Bursar only observes here; set the mode to act to change that"


def allow_list(target: Target, facts: Facts) -> str | None:
    """Only accounts that somebody listed; an empty list allows nothing."""
    if target.account in facts.accounts:
        return None
    return f"account {target.account} is not on the allow-list"


def protected(target: Target, facts: Facts) -> str | None:
    """A protecting tag, however it is spelt; also one of what the target hangs on."""
    return protection(target, facts.never)


def protection(target: Target, never: Collection[str]) -> str | None:
    """Why its tags, or those of what it hangs on, protect a target, or None."""
    if tag := environments.protection(target.tags, never):
        return f"its tag {tag} protects it"
    if tag := environments.protection(target.inherited, never):
        return f"the tag {tag} of what it hangs on protects it"
    return None


def kept(target: Target, facts: Facts) -> str | None:
    """What its owner keeps stays as it is."""
    return facts.kept.get(target.id)


def production(target: Target, facts: Facts) -> str | None:
    """Production, unless the runbook was written for it."""
    if facts.production or not environments.is_production(target.tags):
        return None
    return "it is in production, which this runbook does not touch"


def fit(target: Target, facts: Facts) -> str | None:
    """What the actions themselves cannot do to this target at their grade."""
    for action in facts.actions:
        if target.kind != action.kind:
            return f"it is no {action.kind}, which {action.name} needs"
        if reason := action.unfit(target):
            return reason
    return None


def cooldown(target: Target, facts: Facts) -> str | None:
    """A resource that a run touched is left alone for a while."""
    last = facts.touched.get(target.id)
    if last is None or facts.now >= last + facts.cooldown:
        return None
    left = last + facts.cooldown - facts.now
    minutes = timedelta(minutes=-(-left // timedelta(minutes=1)))
    return f"a run touched it at {last:%Y-%m-%d %H:%M} UTC; it is left alone for another {spelt(minutes)}"


GUARDS: tuple[Guard, ...] = (kill_switch, mode, allow_list, protected, kept, production, fit, cooldown)


def facts_for(runbook: Runbook, actions: Sequence[Action], facts: Facts) -> Facts:
    """The facts with what the runbook itself says added to them."""
    return replace(
        facts,
        never=(*facts.never, *runbook.guards.never),
        production=runbook.guards.production == "allowed",
        cooldown=runbook.guards.cooldown,
        actions=tuple(actions),
    )


def strike(targets: Iterable[Target], facts: Facts) -> tuple[tuple[Target, ...], tuple[Struck, ...]]:
    """Split targets into those that stay and those that a guard strikes out, with the first reason."""
    kept: list[Target] = []
    struck: list[Struck] = []
    for target in targets:
        reason = next((said for guard in GUARDS if (said := guard(target, facts))), None)
        if reason is None:
            kept.append(target)
        else:
            struck.append(Struck(target.id, target.name, reason))
    return tuple(kept), tuple(struck)


def whole(kept: Sequence[Target], struck: Sequence[Struck], max_targets: int) -> None:
    """Look at the plan as a whole: never empty, never over its cap, never quietly cut to it.

    Raises:
        Refused: with the sentence the person reads.
    """
    if not kept and struck:
        reasons = "; ".join(dict.fromkeys(f"{one.name}: {one.reason}" for one in struck[:5]))
        raise Refused(f"Nothing is left to act on, because the guards struck out everything. {reasons}.")
    if not kept:
        raise Refused("Nothing was found to act on.")
    if len(kept) > max_targets:
        raise Refused(
            f"{len(kept)} targets are more than the {max_targets} this runbook may touch; narrow it down."
        )
