"""A standing approval: consent given ahead, for one runbook, within bounds, until a date."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from actions import environments
from actions.base import Action, Grade, Target
from actions.window import Window
from spend import canonical, money
from spend.errors import Conflict, Refused
from spend.moves import Moves
from spend.record import from_data


class StandingState(StrEnum):
    """It is approved like a T2 plan, and anybody entitled ends it with one click."""

    PENDING = "pending"
    ACTIVE = "active"
    DENIED = "denied"
    EXPIRED = "expired"
    REVOKED = "revoked"


S = StandingState
MOVES: Moves[StandingState] = {
    S.PENDING: frozenset({S.ACTIVE, S.DENIED, S.EXPIRED, S.REVOKED}),
    S.ACTIVE: frozenset({S.REVOKED, S.EXPIRED}),
}
#: The states in which it can still be used, or come to be.
OPEN = (S.PENDING, S.ACTIVE)
#: As for a T2 plan.
QUORUM = 2
#: How long the question stands, and for how long the consent may be given.
ANSWER_WITHIN = timedelta(hours=24)
LONGEST = timedelta(days=90)
#: What can be taken back in full.
REVERSIBLE = frozenset({Grade.A, Grade.B})


@dataclass(frozen=True, slots=True)
class Selector:
    """Which targets are meant. Every part that is given must hold, and an empty selector means none.

    Attributes:
        environments: the target's tags name one of these, and no other.
        team: the team that the target's tags name.
        tags: `key`, or `key=value`; the target has all of them.
    """

    accounts: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    team: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing is asked, which must never come to mean everything."""
        return not (self.accounts or self.environments or self.team or self.tags)

    def matches(self, target: Target, team: str | None) -> bool:
        """Whether this target, which belongs to this team, is meant."""
        return (
            not self.empty
            and (not self.accounts or target.account in self.accounts)
            and (not self.environments or environments.is_within(target.tags, self.environments))
            and (self.team is None or self.team == team)
            and all(environments.bearing(target.tags, one) for one in self.tags)
        )


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a day may take: targets, and what they cost a month."""

    targets: int
    amount: Decimal
    currency: str

    def hold(self, used: "Used") -> bool:
        """Whether this much is within them."""
        return used.targets <= self.targets and used.amount <= self.amount


@dataclass(frozen=True, slots=True)
class Used:
    """What has been taken of a day's bounds, in their currency."""

    targets: int = 0
    amount: Decimal = money.ZERO

    def __add__(self, other: "Used") -> "Used":
        return Used(self.targets + other.targets, money.total((self.amount, other.amount)))


@dataclass(frozen=True, slots=True)
class Standing:
    """What its approvers see and what is in force. Everything but `state` and `version` is in the hash.

    Attributes:
        authors: who wrote this version of the runbook, while it has never run; that counts as asking.
    """

    id: str
    title: str
    runbook: str
    runbook_hash: str
    selector: Selector
    window: Window
    bounds: Bounds
    until: datetime
    approvers: tuple[str, ...]
    requested_by: str
    reason: str
    created_at: datetime
    answer_by: datetime
    authors: tuple[str, ...] = ()
    quorum: int = QUORUM
    state: StandingState = S.PENDING
    version: int = 1

    def content(self) -> dict[str, Any]:
        """What the hash covers, as JSON data."""
        data: dict[str, Any] = canonical.data(self)
        return {key: value for key, value in data.items() if key not in {"state", "version"}}

    @property
    def hash(self) -> str:
        """SHA-256 over the canonical JSON of the content: what an approver says yes to."""
        return canonical.digest(self.content())

    def over(self, runbook_hash: str | None, now: datetime) -> str | None:
        """Why it is not in force at any hour, in words, or None."""
        if self.state is not S.ACTIVE:
            return f"it is {self.state}"
        if now >= self.until:
            return "its last day has passed"
        if runbook_hash is None:
            return "its runbook is gone"
        return None if runbook_hash == self.runbook_hash else "its runbook changed after it was asked for"

    def covers(
        self,
        targets: Sequence[Target],
        team_of: Callable[[Target], str | None],
        price: Callable[[Target], Decimal | None],
        used: Used,
    ) -> tuple[Target, ...]:
        """Those of the targets that it selects, as many as its day has room for.

        Args:
            price: what a target costs a month in the currency of the bounds; None where nobody knows,
                and then it is not covered.
        """
        taken: list[Target] = []
        for target in targets:
            if not self.selector.matches(target, team_of(target)) or (cost := price(target)) is None:
                continue
            if self.bounds.hold(more := used + Used(1, cost)):
                taken.append(target)
                used = more
        return tuple(taken)


def from_content(data: Any, *, state: StandingState, version: int) -> Standing:
    """The standing approval that `Standing.content` described."""
    return replace(from_data(Standing, data), state=state, version=version)


def permissible(one: Standing, actions: Sequence[Action], *, production: bool) -> None:
    """Raise `Refused`, with the sentence the person reads, unless people may consent to this ahead.

    Args:
        production: whether the runbook may touch production at all.
    """
    if lost := [action.name for action in actions if action.grade not in REVERSIBLE]:
        raise Refused(
            f"{', '.join(lost)} cannot be taken back in full, so people are asked each time; "
            "a standing approval is for the undo grades A and B."
        )
    within = one.selector.environments
    named = any(environments.is_production({"environment": name}) for name in within)
    if any(action.deletes for action in actions) and (named or (production and not within)):
        raise Refused(
            "Deleting in production is never approved ahead; name the environments that are meant, "
            "without production."
        )
    _sensible(one)


def _sensible(one: Standing) -> None:
    if one.selector.empty:
        raise Refused("Name an account, an environment, a team or a tag: an empty selector means nothing.")
    if one.bounds.targets < 1 or one.bounds.amount <= 0:
        raise Refused("Its bounds leave room for nothing; allow at least one target and some money a day.")
    if one.until <= one.created_at:
        raise Refused("Its last day has passed already; choose a later one.")
    if one.until > one.created_at + LONGEST + timedelta(days=1):  # until the end of the ninetieth day
        raise Refused(f"A standing approval lasts at most {LONGEST.days} days; choose an earlier last day.")
    if not one.reason.strip():
        raise Refused("Say why people need not be asked each time; its approvers and the audit log read it.")
    if not complete(one, one.approvers):
        raise Refused(
            f"This needs {one.quorum} of its runbook's approvers beside you, and fewer could say yes; "
            "add people to the approvers in the settings."
        )


def admit(one: Standing, voted: Collection[str], actor: str, shown: str, now: datetime) -> None:
    """Raise `Refused`, with the sentence the person reads, unless this person may vote now.

    Args:
        voted: who has approved already.
        shown: the start of the hash on the card that was clicked.
    """
    if one.state is not S.PENDING:
        raise Conflict(f"This standing approval is already {one.state}; your click changed nothing.")
    if now >= one.answer_by:
        raise Refused("Nobody answered this in time; it has to be asked for anew.")
    if not shown or not one.hash.startswith(shown):
        raise Refused("The card you clicked shows another version of this; look at the newest card.")
    if actor == one.requested_by:
        raise Refused("You asked for this standing approval, so others have to approve it.")
    if actor in one.authors:
        raise Refused("You wrote this version of the runbook, so others have to approve this.")
    if actor not in one.approvers:
        raise Refused("Only the approvers named on the card may decide this; nothing was changed.")
    if actor in voted:
        raise Refused("Your approval is already counted; a second person has to approve too.")


def complete(one: Standing, voted: Collection[str]) -> bool:
    """Whether enough distinct, entitled people said yes; who asked for it never counts."""
    return len((set(voted) & set(one.approvers)) - {one.requested_by, *one.authors}) >= one.quorum
