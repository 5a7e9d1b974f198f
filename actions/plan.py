"""A plan: exactly what would be done to exactly which targets, frozen and hashed for its approvers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Any

from actions.base import Grade, Target
from spend import canonical, money
from spend.moves import Moves, check


class Tier(IntEnum):
    """How much consent a plan needs, by grade, money and environment."""

    T0 = 0  # reads only
    T1 = 1  # reversible: one approver
    T2 = 2  # destructive or over the dollar limit: two approvers and a snapshot first
    T3 = 3  # deletes in production: two approvers of different teams


class PlanState(StrEnum):
    """Where a plan is; from RUNNING on it is a run."""

    PENDING = "pending"
    APPROVED = "approved"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    HALTED = "halted"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    STALE = "stale"


P = PlanState
#: Every move there is. A move that is not here is illegal.
MOVES: Moves[PlanState] = {
    P.PENDING: frozenset({P.APPROVED, P.DENIED, P.EXPIRED, P.CANCELLED, P.STALE}),
    P.APPROVED: frozenset({P.RUNNING, P.EXPIRED, P.CANCELLED, P.STALE}),
    P.RUNNING: frozenset({P.SUCCEEDED, P.PARTIAL, P.FAILED, P.HALTED}),
}
#: States in which a run has ended with something done, so that there is something to undo.
UNDOABLE = frozenset({P.SUCCEEDED, P.PARTIAL, P.FAILED, P.HALTED})


@dataclass(frozen=True, slots=True)
class Struck:
    """A target that a guard took off the plan, and why."""

    target: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """How a run proceeds: canary first, then doubling waves.

    Attributes:
        pause: seconds between waves.
        stop_after_failures: how many failures end the run (1: nothing more after the first).
    """

    canary: int = 1
    pause: int = 0
    stop_after_failures: int = 1


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One action of the runbook, applied to each target in turn."""

    id: str
    action: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Health:
    """Which named health queries must hold after each wave, and for how long; no data is a failure.

    Attributes:
        minutes: how long they are asked before the wave counts as verified.
    """

    queries: tuple[str, ...] = ()
    minutes: int = 0


@dataclass(frozen=True)  # without slots, so that its hash is kept
class Plan:
    """What approvers see and what runs. Everything but `state` and `version` is in the hash.

    Attributes:
        authors: who changed the runbook last; that counts as requesting.
        standing: the standing approval under which it was proposed, or None.
        warn_hours: how long the owners are warned before a stop or a delete; 0 where nobody is.
        fleets: for each (type, account, environment) of the targets, how many there are in all.
        policy: the hash of the policy (approvers, limits, guards) under which it was frozen.
    """

    id: str
    title: str
    runbook: str
    runbook_hash: str
    steps: tuple[PlanStep, ...]
    targets: tuple[Target, ...]
    struck: tuple[Struck, ...]
    tier: Tier
    grade: Grade
    quorum: int
    approvers: frozenset[str]
    requested_by: str
    reason: str
    team: str | None
    created_at: datetime
    approve_by: datetime
    execute_by: datetime
    undo_hours: int = 72
    rollout: Rollout = Rollout()
    findings: tuple[str, ...] = ()
    undo_of: str | None = None
    saves: bool = True
    authors: frozenset[str] = frozenset()
    standing: str | None = None
    warn_hours: int = 0
    health: Health = Health()
    fleets: Mapping[str, int] = field(default_factory=dict)
    policy: str = ""
    state: PlanState = P.PENDING
    version: int = 1

    @property
    def saving(self) -> dict[str, Decimal]:
        """Monthly saving per currency, as far as the targets' costs are known; none for a mere cap."""
        if not self.saves:
            return {}
        currencies = sorted({target.currency for target in self.targets})
        return {
            currency: money.total(
                t.monthly_cost or money.ZERO for t in self.targets if t.currency == currency
            )
            for currency in currencies
        }

    @property
    def not_before(self) -> datetime | None:
        """When it may begin at the earliest, because owners were warned; None where it need not wait."""
        return self.created_at + timedelta(hours=self.warn_hours) if self.warn_hours else None

    def content(self) -> dict[str, Any]:
        """What the hash covers, as JSON data."""
        data: dict[str, Any] = canonical.data(self)
        return {key: value for key, value in data.items() if key not in {"state", "version"}}

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the canonical JSON of the content: what an approver says yes to."""
        return canonical.digest(self.content())

    def moved(self, to: PlanState) -> "Plan":
        """The plan in its next state.

        Raises:
            Conflict: the table of moves does not allow it.
        """
        check(MOVES, "plan", self.state, to)
        return replace(self, state=to)


def from_content(data: Mapping[str, Any], *, state: PlanState, version: int) -> Plan:
    """The plan that `Plan.content` described."""
    times = ("created_at", "approve_by", "execute_by")
    return Plan(
        **{
            **data,
            **{name: datetime.fromisoformat(data[name]) for name in times},
            "steps": tuple(PlanStep(**step) for step in data["steps"]),
            "targets": tuple(Target.from_data(target) for target in data["targets"]),
            "struck": tuple(Struck(**struck) for struck in data["struck"]),
            "tier": Tier(data["tier"]),
            "grade": Grade(data["grade"]),
            "approvers": frozenset(data["approvers"]),
            "rollout": Rollout(**data["rollout"]),
            "findings": tuple(data["findings"]),
            "authors": frozenset(data.get("authors", ())),
            "health": _health(data.get("health", {})),
            "state": state,
            "version": version,
        }
    )


def _health(data: Mapping[str, Any]) -> Health:
    return Health(tuple(data.get("queries", ())), data.get("minutes", 0))
