"""The part of bursar.yaml that holds runs back: freezes, business hours, incidents, budgets and caps."""

import re
from datetime import date, datetime
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from actions.blast import Caps
from actions.hours import BusinessHours, Freeze, Span, is_holiday
from actions.moment import Budget
from actions.readers.asking import Address
from actions.readers.incidents import Incidents
from actions.readers.prometheus import Prometheus
from actions.window import MIDNIGHT, Window
from bot.settings_types import DAYS, Amount, Name, Part, Words, Zone, listed, once
from runbooks import schema
from runbooks.schema import Duration, Saving

USUAL = Caps()
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d( ([01]\d|2[0-3]):[0-5]\d)?", re.ASCII)


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.fragment:
        raise ValueError("write an address such as https://prometheus.internal:9090, without a user in it")
    return url


def _place(name: str) -> str:
    try:
        is_holiday(name, date(2026, 1, 1))
    except NotImplementedError:
        raise ValueError(
            f"nobody knows the holidays of {name!r}; write a country such as DE, or DE-BY"
        ) from None
    return name


Url = Annotated[str, AfterValidator(_address)]
Place = Annotated[str, AfterValidator(_place)]
Days = Annotated[
    tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...],
    BeforeValidator(listed),
    AfterValidator(once),
    Field(min_length=1),
]


class Between(Part):
    """From one time to another; what the two are depends on the part."""

    start: str = Field(alias="from")
    end: str = Field(alias="to")
    zone: Zone | None = None

    def window(self, days: tuple[str, ...], zone: str) -> Window:
        """The times as a window of these days."""
        return Window(tuple(day for day in DAYS if day in days), self.start, self.end, self.zone or zone)


def _times(part: Between) -> None:
    if not (_CLOCK.fullmatch(part.start) and (_CLOCK.fullmatch(part.end) or part.end == MIDNIGHT)):
        raise ValueError('write times of day such as "16:00", and "24:00" for the end of a day')
    if part.start == part.end:
        raise ValueError("it ends when it begins; give it some time")


class FreezePart(Between):
    """A time in which nothing is changed: once from a day to a day, or every week on some days."""

    name: Name
    days: Days | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.days is not None:
            _times(self)
        elif not (_MOMENT.fullmatch(self.start) and _MOMENT.fullmatch(self.end)):
            raise ValueError(
                "write days such as 2026-12-19 or 2026-12-19 18:00, or add `days:` for each week"
            )
        elif self._read(self.start) >= self._read(self.end):
            raise ValueError("it ends before it begins; `to` is the first moment after it")
        return self

    @staticmethod
    def _read(text: str) -> datetime:
        return datetime.fromisoformat(text)

    def freeze(self, zone: str) -> Freeze:
        """The freeze, in its own zone or this one."""
        if self.days is not None:
            return Freeze(self.name, self.window(self.days, zone))
        return Freeze(self.name, Span(self._read(self.start), self._read(self.end), self.zone or zone))


class BusinessPart(Between):
    """The hours in which somebody is there."""

    days: Days = DAYS[:5]  # type: ignore[assignment] # the names above, as a tuple
    holidays: Place | None = None

    @model_validator(mode="after")
    def _within_a_day(self) -> Self:
        _times(self)
        if self.start > self.end:
            raise ValueError("business hours end on the day on which they begin")
        return self

    def hours(self, zone: str) -> BusinessHours:
        """The hours, in their own zone or this one."""
        return BusinessHours(self.window(self.days, zone), self.holidays)


class PrometheusPart(Part):
    """Where error budgets and health are asked."""

    url: Url

    def reader(self, token: str | None) -> Prometheus:
        """What asks it."""
        return Prometheus(Address(self.url, token))


class ErrorBudgetPart(Part):
    """What tells which part of an error budget is left, and how much must be."""

    query: str = Field(min_length=1)
    least: Annotated[Amount, Field(le=1)]

    def budget(self, name: str) -> Budget:
        """The budget of this name."""
        return Budget(name, self.query, self.least)


class IncidentsPart(Part):
    """Who tells of open incidents."""

    url: Url | None = None
    items: str = ""
    title: str = "title"
    where: dict[str, Words] = Field(default_factory=dict)
    told_within: Duration | None = None

    def reader(self, token: str | None) -> Incidents | None:
        """What asks for the list, if there is one to ask for."""
        return Incidents(Address(self.url, token), self.items, self.title, self.where) if self.url else None


class CapsPart(Part):
    """How much may be touched in a day, over everything."""

    targets_per_day: int = Field(default=USUAL.targets_per_day, ge=0)
    percent_of_fleet: int = Field(default=USUAL.percent_of_fleet, ge=1, le=100)
    amount_per_day: Saving = schema.Amount(amount=USUAL.amount_per_day, currency=USUAL.currency)
    equivalents: dict[str, Annotated[Amount, Field(gt=0)]] = Field(default_factory=dict)
    zone: Zone | None = None

    def caps(self, zone: str) -> Caps:
        """The caps, whose day ends in their own zone or in this one."""
        most = self.amount_per_day
        return Caps(
            targets_per_day=self.targets_per_day,
            percent_of_fleet=self.percent_of_fleet,
            amount_per_day=most.amount,
            currency=most.currency,
            equivalents=self.equivalents,
            zone=self.zone or zone,
        )
