"""The shape of bursar.yaml: closed, so that a misspelt key is an error and not a silence."""

import re
from datetime import time
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"there is no time zone {name!r}; write an IANA name such as Europe/Berlin"
        ) from None
    return name


def _at(value: str) -> str:
    if not _CLOCK.fullmatch(value):
        raise ValueError(f'{value!r} is no time of day; write it as "09:00", with the quotes')
    return time.fromisoformat(value).strftime("%H:%M")


def _once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) != len(values):
        raise ValueError("an entry stands here twice; keep one of them")
    return values


def _person(value: str) -> str:
    if not re.fullmatch(r"[UWB][A-Z0-9_]{1,20}", value):
        raise ValueError(f"{value!r} is no Slack member id (U…); copy it from the person's profile")
    return value


def _channel(value: str) -> str:
    if not re.fullmatch(r"[CGD][A-Z0-9_]{1,20}", value):
        raise ValueError(f"{value!r} is no Slack channel id (C…); copy it from the channel's details")
    return value


def _exact(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError("an amount must not have been rounded to binary; write it as plain decimal digits")  # noqa: TRY004 - pydantic turns ValueError into the sentence
    return value


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Zone = Annotated[str, AfterValidator(_zone)]
Person = Annotated[str, AfterValidator(_person)]
Channel = Annotated[str, AfterValidator(_channel)]
People = Annotated[tuple[Person, ...], BeforeValidator(_listed), AfterValidator(_once)]
Words = Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_once)]
Amount = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, max_digits=38, decimal_places=20)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._/-]{0,62}$")]


class Part(BaseModel):
    """A part of the settings: no unknown keys, no later change."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class Budget(Part):
    """A team's budget of a month."""

    amount: Amount
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")


class TeamPart(Part):
    """A team that owns charges."""

    title: str | None = None
    channel: Channel
    owners: People = ()
    budget: Budget | None = None


class Finance(Part):
    """Where money is disputed, and who rules."""

    channel: Channel
    people: People = ()


class Oncall(Part):
    """Where plans are put to a vote."""

    channel: Channel


class AccountPart(Part):
    """A cloud account."""

    id: str = Field(min_length=1)
    name: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    act: bool = False


class SharedPart(Part):
    """Charges that belong to everybody, and how they are split."""

    tag: str
    value: str
    name: str | None = None
    split: Literal["even", "proportional", "fixed"] = "proportional"
    weights: dict[str, Amount] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _weighted(self) -> Self:
        if (self.split == "fixed") != bool(self.weights):
            raise ValueError("weights belong to `split: fixed`, which needs them; no other split has any")
        if self.weights and sum(self.weights.values()) <= 0:
            raise ValueError("the weights add up to nothing; give at least one team a part")
        return self


class SchedulePart(Part):
    """When a kind of job falls due."""

    name: Name
    job: Literal["digest", "detect", "sweep", "import"]
    days: Annotated[
        tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...],
        BeforeValidator(_listed),
        AfterValidator(_once),
    ] = DAYS  # type: ignore[assignment] # the names above, as a tuple
    at: Annotated[str, AfterValidator(_at)]
    zone: Zone | None = None
    args: dict[str, Any] = Field(default_factory=dict)


class SourcePart(Part):
    """A place from which deliveries are read."""

    name: Name
    path: str = Field(min_length=1)
    kind: str = "focus"


class LakePart(Part):
    """Which engine counts the line items."""

    engine: Literal["duckdb"] = "duckdb"


class File(Part):
    """All of bursar.yaml."""

    mode: Literal["observe", "act"] = "observe"
    zone: Zone = "UTC"
    teams: dict[Name, TeamPart] = Field(default_factory=dict)
    people: dict[Person, str] = Field(default_factory=dict)
    finance: Finance | None = None
    oncall: Oncall | None = None
    approvers: dict[Name, People] = Field(default_factory=dict)
    terminal_accounts: dict[str, Person] = Field(default_factory=dict)
    fallback_channel: Channel | None = None
    accounts: Annotated[tuple[AccountPart, ...], BeforeValidator(_listed)] = ()
    regions: Words = ("eu-central-1",)
    owner_tags: Words = ("team", "owner")
    tag_aliases: dict[str, str] = Field(default_factory=dict)
    promoted_tags: Words = ("team", "owner", "environment", "env")
    protected_tags: Words = ("bursar:protect", "do-not-stop")
    shared: Annotated[tuple[SharedPart, ...], BeforeValidator(_listed)] = ()
    dollar_limit: Amount = Decimal(1000)
    wave_pause: int | None = Field(default=None, ge=0, le=86_400)
    schedules: Annotated[tuple[SchedulePart, ...], BeforeValidator(_listed)] = ()
    sources: Annotated[tuple[SourcePart, ...], BeforeValidator(_listed)] = ()
    lake: LakePart = LakePart()
