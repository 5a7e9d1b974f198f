"""The kinds of values in bursar.yaml, each with the sentence that a wrong one gets."""

import re
from datetime import time
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from storage.sources import anchors, gitremote
from storage.sources.dialects import DIALECTS

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: How the time of a schedule begins that falls due every hour.
HOURLY = "*:"
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"there is no time zone {name!r}; write an IANA name such as Europe/Berlin"
        ) from None
    return name


def clock(value: str) -> str:
    if value.startswith(HOURLY) and _CLOCK.fullmatch(f"00:{value.removeprefix(HOURLY)}"):
        return value
    if not _CLOCK.fullmatch(value):
        raise ValueError(
            f'{value!r} is no time of day; write it as "09:00", or as "*:05" for every hour, with the quotes'
        )
    return time.fromisoformat(value).strftime("%H:%M")


def once(values: tuple[Any, ...]) -> tuple[Any, ...]:
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


def remotes(values: tuple[str, ...]) -> tuple[str, ...]:
    for one in values:
        if one.startswith(anchors.GIT) and not gitremote.URL.fullmatch(one.removeprefix(anchors.GIT)):
            raise ValueError(
                "a git remote is git+ssh://, git+https:// or git+file:///, without a password: git "
                "reads that from the machine's own ssh key or .netrc"
            )
    return values


def listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _format(value: str) -> str:
    if value not in DIALECTS:
        raise ValueError(f"bills are read as {', '.join(DIALECTS)}, not as {value!r}")
    return value


def _role(value: str) -> str:
    if not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+", value):
        raise ValueError("a role of AWS is written as arn:aws:iam::ACCOUNT:role/NAME")
    return value


Format = Annotated[str, AfterValidator(_format)]
Role = Annotated[str, AfterValidator(_role)]
Zone = Annotated[str, AfterValidator(_zone)]
Person = Annotated[str, AfterValidator(_person)]
Channel = Annotated[str, AfterValidator(_channel)]
People = Annotated[tuple[Person, ...], BeforeValidator(listed), AfterValidator(once)]
Words = Annotated[tuple[str, ...], BeforeValidator(listed), AfterValidator(once)]
Amount = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, max_digits=38, decimal_places=20)]
HealthName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,62}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._/-]{0,62}$")]


class Part(BaseModel):
    """A part of the settings: no unknown keys, no later change."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)
