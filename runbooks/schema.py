"""What a runbook may say: a closed shape of nouns, without expressions, templates or code."""

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic import field_validator as field_check
from pydantic import model_validator as model_check

from spend import canonical, money

_DURATION = re.compile(r"([1-9][0-9]{0,3})([smhd])|0s")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_AMOUNT = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,2})?) ([A-Z]{3})")


def _duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("write a duration as a whole number with s, m, h or d, such as 90s, 10m, 4h or 2d")
    if found[1] is None:
        return timedelta(0)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def spelt(span: timedelta) -> str:
    """Write a duration as runbooks do: in the largest unit that divides it."""
    seconds = int(span.total_seconds())
    sizes = {"d": 86_400, "h": 3_600, "m": 60}
    return next(
        (f"{seconds // n}{u}" for u, n in sizes.items() if seconds and not seconds % n), f"{seconds}s"
    )


def _texts(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _listed(value: tuple[str, ...]) -> tuple[str, ...]:
    if not all(item.strip() for item in value):
        raise ValueError("an entry is empty; take it out or fill it in")
    if len(set(value)) != len(value):
        raise ValueError("an entry stands here twice; keep one of them")
    return value


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(spelt),
    WithJsonSchema({"type": "string", "pattern": "^([1-9][0-9]{0,3}[smhd]|0s)$"}),
]
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,62}$")]
Sentence = Annotated[str, Field(min_length=3, max_length=1000)]


class Closed(BaseModel):
    """A part of a runbook: no unknown keys, no guessed types, no later change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Amount(Closed):
    """Money with its currency, written `50.00 USD`."""

    amount: Decimal
    currency: str

    @model_check(mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return value
        found = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise ValueError("write an amount with its currency, such as 50.00 USD")
        return {"amount": Decimal(found[1]), "currency": found[2]}

    def __str__(self) -> str:
        return f"{money.plain(self.amount)} {self.currency}"


Saving = Annotated[
    Amount,
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,12}([.][0-9]{1,2})? [A-Z]{3}$"}),
]


class When(Closed):
    """Which finding brings this runbook up, and who brings it."""

    finding: Literal["idle", "orphan", "runaway", "anomaly"]
    propose: Literal["automatically", "on request"] = "on request"
    minimum_monthly_saving: Saving | None = None


class Guards(Closed):
    """What is struck out, on top of the guards that every runbook has."""

    never: Texts = ()
    production: Literal["never", "allowed"] = "never"
    max_targets: int = Field(ge=1, le=500)
    cooldown: Duration = timedelta(hours=24)
    hours: Literal["any", "business"] = "any"
    error_budget: Name | None = None

    _checked = field_check("never")(_listed)


class Approval(Closed):
    """Who may say yes, how many must at least, and for how long the question stands."""

    groups: Texts = Field(alias="from", min_length=1)
    quorum: int = Field(default=1, ge=1, le=10)
    approve_within: Duration = timedelta(hours=4)
    execute_within: Duration = timedelta(hours=2)

    _checked = field_check("groups")(_listed)

    @field_check("approve_within", "execute_within")
    @classmethod
    def _bounded(cls, value: timedelta) -> timedelta:
        if not timedelta(minutes=1) <= value <= timedelta(days=7):
            raise ValueError("a consent stands for at least 1m and at most 7d")
        return value


class RunbookStep(Closed):
    """One action, with its parameters."""

    id: Name
    action: str = Field(pattern=r"^[a-z]+\.[a-z_]+$")
    params: dict[str, Any] = Field(default_factory=dict, alias="with")


class Pace(Closed):
    """How a run proceeds: canary first, then doubling waves."""

    canary: int = Field(default=1, ge=1, le=10)
    pause: Duration = timedelta(seconds=60)
    stop_after_failures: int = Field(default=1, ge=1, le=10)


class Verify(Closed):
    """What must hold after each wave besides the targets' state: named health queries, for how long."""

    health: Texts = ()
    minutes: Duration = Field(default=timedelta(0), alias="for")

    _checked = field_check("health")(_listed)

    @model_check(mode="after")
    def _meant(self) -> Self:
        if bool(self.health) != bool(self.minutes):
            raise ValueError(
                "health queries are asked for a while: write both `health` and `for`, or neither"
            )
        if self.minutes % timedelta(minutes=1) or self.minutes > timedelta(hours=1):
            raise ValueError("health is asked for whole minutes, at most 1h")
        return self


class Grace(Closed):
    """How long after its mark a thing is left alone before it may be deleted."""

    business_days: int = Field(default=7, ge=1, le=60)
    unowned_days: int = Field(default=14, ge=1, le=120)


class Runbook(Closed):
    """A page that a reviewer can sign: what is done, to what, when, and who must agree."""

    runbook: Name
    title: Sentence
    owner: str = Field(min_length=1)
    reviewed: date
    authors: Texts = ()
    why: Sentence
    when: When
    guards: Guards
    approval: Approval
    steps: tuple[RunbookStep, ...] = Field(min_length=1, max_length=10)
    rollout: Pace = Pace()
    verify: Verify = Verify()
    warn: Duration = timedelta(hours=24)
    grace: Grace = Grace()
    undo_within: Duration = timedelta(hours=72)

    _authors = field_check("authors")(_listed)

    @field_check("steps", mode="before")
    @classmethod
    def _steps(cls, value: Any) -> Any:
        return _texts(value)

    @field_check("undo_within")
    @classmethod
    def _whole_hours(cls, value: timedelta) -> timedelta:
        if value % timedelta(hours=1) or not value:
            raise ValueError("an undo is offered for whole hours, at least 1h")
        return value

    @field_check("warn")
    @classmethod
    def _within_a_week(cls, value: timedelta) -> timedelta:
        if value % timedelta(hours=1) or value > timedelta(days=7):
            raise ValueError("owners are warned whole hours ahead, at most 7d; 0s means no waiting")
        return value

    @model_check(mode="after")
    def _step_ids(self) -> Self:
        ids = [step.id for step in self.steps]
        if len(set(ids)) != len(ids):
            raise ValueError("two steps have the same id; give each its own")
        return self

    @property
    def name(self) -> str:
        """What people and scripts call it."""
        return self.runbook

    @property
    def hash(self) -> str:
        """SHA-256 over the canonical content: comments and layout do not count, everything else does."""
        return canonical.digest(self.model_dump(mode="json", by_alias=True))
