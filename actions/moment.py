"""What speaks against changing anything at this moment, deny first; each guard gives its reason in words."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from actions.hours import BusinessHours, Freeze
from spend.errors import Refused

#: An age is told in these steps, so that a reason stays the same while somebody waits.
AGES = (("1d", 86_400), ("4h", 14_400), ("1h", 3_600), ("15m", 900), ("5m", 300), ("1m", 60))


class NotNow(Refused):
    """Nothing speaks against the plan itself; the moment is wrong."""


@dataclass(frozen=True, slots=True)
class Budget:
    """An error budget: the query that tells which part of it is left, and how much must be.

    Attributes:
        least: a fraction of the whole, such as 0.2.
    """

    name: str
    query: str
    least: Decimal


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident that is open."""

    title: str
    source: str
    since: datetime | None = None

    def __str__(self) -> str:
        since = f", since {self.since:%Y-%m-%d %H:%M} UTC" if self.since else ""
        return f"{self.title} ({self.source}{since})"


@dataclass(frozen=True, slots=True)
class Told:
    """What a source was asked for.

    Attributes:
        wrong: why there is no answer now, in words; it names the source.
        at: when the source last gave an answer, now or earlier.
    """

    source: str
    wrong: str | None = None
    at: datetime | None = None
    incidents: tuple[Incident, ...] = ()
    left: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """Everything that the guards of the moment know. What is not asked for speaks against nothing.

    Attributes:
        until: when what is asked for now must have begun; only business hours look ahead.
        business: whether the runbook asks for business hours.
        hours: as the settings have them.
        incidents: those that were told to us and not closed.
        listed: what the system that lists incidents says.
        heard: when a source last told us of incidents at all; it has to within `heard_within`.
        budget: the error budget that the runbook names, if the settings have it.
        left: what is left of it; None where no budget is asked for.
    """

    now: datetime
    until: datetime | None = None
    freezes: tuple[Freeze, ...] = ()
    business: bool = False
    hours: BusinessHours | None = None
    incidents: tuple[Incident, ...] = ()
    listed: Told | None = None
    heard: datetime | None = None
    heard_within: timedelta | None = None
    budget: Budget | None = None
    left: Told | None = None


Guard = Callable[[Moment], str | None]


def frozen(moment: Moment) -> str | None:
    """Nothing is changed in a freeze."""
    return next((said for freeze in moment.freezes if (said := freeze.against(moment.now))), None)


def business_hours(moment: Moment) -> str | None:
    """A runbook may ask for people who are awake."""
    if not moment.business:
        return None
    if moment.hours is None:
        return "its runbook asks for business hours, and the settings have none"
    return moment.hours.against(moment.now, moment.until)


def open_incident(moment: Moment) -> str | None:
    """Nothing is changed while an incident is open, or while nobody can tell whether one is."""
    listed = moment.listed
    for one in (*moment.incidents, *(listed.incidents if listed else ())):
        return f"an incident is open: {one}"
    if listed is not None and listed.wrong:
        return f"nobody can tell whether an incident is open: {_silence(listed, moment.now)}"
    if moment.heard_within is not None and (
        moment.heard is None or moment.now - moment.heard > moment.heard_within
    ):
        return f"nobody can tell whether an incident is open: {_age('the webhook', moment.heard, moment.now)}"
    return None


def error_budget(moment: Moment) -> str | None:
    """Nothing is changed while a service has used up what may go wrong, or while nobody can tell."""
    told, budget = moment.left, moment.budget
    if told is None:
        return None
    if told.left is None or budget is None:
        return f"nobody can tell what is left of the error budget: {_silence(told, moment.now)}"
    if told.left < budget.least:
        return f"the error budget {budget.name} has {told.left:.0%} left of at least {budget.least:.0%}"
    return None


GUARDS: tuple[Guard, ...] = (frozen, business_hours, open_incident, error_budget)


def against(moment: Moment) -> str | None:
    """The first reason that speaks against acting at this moment, or None."""
    return next((said for guard in GUARDS if (said := guard(moment))), None)


def _silence(told: Told, now: datetime) -> str:
    return f"{told.wrong}; {_age(told.source, told.at, now)}"


def _age(source: str, at: datetime | None, now: datetime) -> str:
    if at is None:
        return f"{source} has never given an answer"
    seconds = (now - at).total_seconds()
    over = next((f"over {word}" for word, least in AGES if seconds >= least), "under 1m")
    return f"the last answer of {source} is {over} old"
