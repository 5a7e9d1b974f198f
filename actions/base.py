"""What an action is: it finds, reads and changes one target; the runner owns everything else."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from spend import canonical
from spend.errors import Refused


class Grade(StrEnum):
    """How well an action can be undone, from best to not at all."""

    A = "A"  # full and immediate
    B = "B"  # full, but slow or with a new id
    C = "C"  # data only
    D = "D"  # not at all


@dataclass(frozen=True, slots=True)
class Target:
    """One cloud resource as it was read, with what a person needs to judge it.

    Attributes:
        id: the provider's id (`i-…`, `vol-…`, a function's ARN).
        identity: what a namesake cannot share: launch or creation time, UID.
        state: the provider's word (`running`, `available`, a concurrency as text).
        facts: what else must not change between the plan and the call (type, size, attachments).
        monthly_cost: what it costs per month, or None where nothing is known.
        why: the evidence, in words ("CPU below 2 % for 14 days").
        inherited: the tags of what it hangs on (a volume's instance); they protect it too.
    """

    id: str
    account: str
    region: str
    kind: str
    name: str
    identity: str
    state: str
    tags: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    monthly_cost: Decimal | None = None
    currency: str = "USD"
    why: str = ""
    inherited: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (self.id and self.account and self.region):
            raise ValueError("a target without an id, an account or a region could mean everything")

    def to_data(self) -> dict[str, Any]:
        """The target as JSON data."""
        return canonical.data(self)  # type: ignore[no-any-return] # a dataclass becomes a dict

    @classmethod
    def from_data(cls, row: Mapping[str, Any]) -> "Target":
        """The target that `to_data` wrote."""
        cost = row.get("monthly_cost")
        return cls(**{**row, "monthly_cost": None if cost is None else Decimal(cost)})

    def drift(self, now: "Target") -> str | None:
        """Say in words what a fresh read shows that the plan did not, or None."""
        if now.identity != self.identity:
            return f"it is another {self.kind} under the same name"
        if now.state != self.state:
            return f"it was {self.state} and is {now.state}"
        was, tags = ours_apart(self.tags), ours_apart(now.tags)
        if changed := sorted(key for key in {*was, *tags} if was.get(key) != tags.get(key)):
            return f"its tags changed ({', '.join(changed)})"
        for name in sorted({*self.facts, *now.facts}):
            if self.facts.get(name) != now.facts.get(name):
                return f"its {name} was {self.facts.get(name)} and is {now.facts.get(name)}"
        return None


#: Tags that Bursar itself writes on what it touched.
RUN_TAG = "bursar:run"
STEP_TAG = "bursar:step"
#: The day from which a thing is marked for deletion.
RECLAIM_TAG = "bursar:reclaim"


def ours_apart(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags without those that a run of ours left."""
    return {key: value for key, value in tags.items() if key != RUN_TAG}


class Params(BaseModel):
    """The `with:` of a runbook step: closed, so that a misspelt key is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Clouds(Protocol):
    """Builds the clients of one account; only `actions/clouds.py` knows how."""

    def client(self, account: str, service: str, region: str = ..., *, mutating: bool = False) -> Any: ...


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look: the accounts and regions of the settings, and the moment of asking."""

    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    now: datetime


class Action(ABC):
    """One remediation. Stateless; its class says everything about it at its head.

    Attributes:
        name: as runbooks call it, e.g. `aws.stop_instances`.
        kind: the kind of target it works on.
        grade: how well it can be undone.
        undo: the name of the action that takes it back, or None with the reason in `no_undo`.
        saves: whether a target's whole cost is saved; a cap only keeps it from growing.
        deletes: whether a target is gone afterwards (tier T2 at least).
        changes: whether it changes anything; what only reads needs no vote (tier T0).
        snapshots: whether it keeps the data, so that a later step may delete.
        repeatable: whether the same call once more does no harm where the first was not applied: it sets
            a state, or what it makes is named after its step. Else a person looks.
        marks: whether the target itself carries the run's tag before the change is sent, so that a look
            tells whose change it was.
        interrupts: what it does to a thing that somebody may need, as its owner reads it in the warning
            before; empty where nobody has to be warned.
        permissions: the cloud permissions it needs, reading ones included.
    """

    name: ClassVar[str]
    kind: ClassVar[str]
    grade: ClassVar[Grade]
    undo: ClassVar[str | None] = None
    no_undo: ClassVar[str] = ""
    saves: ClassVar[bool] = True
    deletes: ClassVar[bool] = False
    changes: ClassVar[bool] = True
    snapshots: ClassVar[bool] = False
    repeatable: ClassVar[bool] = False
    marks: ClassVar[bool] = True
    interrupts: ClassVar[str] = ""
    permissions: ClassVar[tuple[str, ...]]
    Params: ClassVar[type[Params]] = Params

    @abstractmethod
    def find(self, clouds: Clouds, scope: Scope, params: Any) -> Iterator[Target]:
        """List the targets that this action would change, each with its evidence.

        Raises:
            Unreadable: an account did not answer in full; an incomplete list is no list.
        """

    @abstractmethod
    def fleet(self, clouds: Clouds, scope: Scope) -> Iterator[Target]:
        """List everything of its kind, whether it would change it or not: what a share is counted of.

        Raises:
            Unreadable: an account did not answer in full; an incomplete list is no list.
        """

    @abstractmethod
    def read(self, clouds: Clouds, target: Target) -> Target | None:
        """Read one target afresh; None where it is gone.

        Raises:
            Unreadable: the cloud could not be asked.
        """

    def frozen(self, params: Any, now: datetime) -> Any:
        """The parameters as a plan freezes them at this moment."""
        return params

    def unfit(self, target: Target) -> str | None:
        """Why this target cannot take this action at this grade, in words, or None; a guard asks."""
        return None

    @abstractmethod
    def apply(self, clouds: Clouds, target: Target, params: Any, *, run: str, key: str) -> None:
        """Make the one change, and tag what was touched with the run. Sent once, never repeated here.

        Args:
            run: the run's id, written to the tag `bursar:run`.
            key: the step's key; a created thing is named after it, so that a repeat finds it.

        Raises:
            ActionFailed: the cloud refused; nothing changed.
            OutcomeUnknown: it cannot be told whether it was applied.
            Unreadable: what the change depends on could not be read; nothing was sent.
        """

    @abstractmethod
    def reached(self, clouds: Clouds, target: Target, params: Any, *, key: str) -> Target | None:
        """The target as it is now if the goal is reached, else None (look again later).

        What undo needs to know (the concurrency before, the snapshot's id) goes into its facts.

        Raises:
            ActionFailed: the cloud gave the change up for good.
            Unreadable: the cloud could not be asked.
        """


class TakesBack(Action):
    """An action that only undoes: no sweep proposes it, as only a run's record says what to undo."""

    def find(self, clouds: Clouds, scope: Scope, params: Any) -> Iterator[Target]:
        """Refuse: what to take back is in the record of a run.

        Raises:
            Refused: always.
        """
        raise Refused(f"{self.name} only takes back what a run did; press Undo on that run.")

    def fleet(self, clouds: Clouds, scope: Scope) -> Iterator[Target]:
        """Nothing: an undo takes no room, so that nobody asks."""
        return iter(())
