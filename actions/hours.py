"""When nothing is changed: freezes, and the time outside business hours, each in a named zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from actions.window import DAYS, MIDNIGHT, Window


@dataclass(frozen=True, slots=True)
class Span:
    """From one local moment to another, such as the days around the end of a year.

    Where the clocks are turned inside it, it is the longer of what could be meant.
    """

    start: datetime
    end: datetime
    zone: str

    def covers(self, now: datetime) -> bool:
        """Whether this moment is in it."""
        first = min(self._moments(self.start))
        return first <= now < max(self._moments(self.end))

    def _moments(self, local: datetime) -> tuple[datetime, datetime]:
        """What a wall clock's time can mean: twice where it comes twice, or is skipped."""
        here = local.replace(tzinfo=ZoneInfo(self.zone))
        return here.replace(fold=0).astimezone(UTC), here.replace(fold=1).astimezone(UTC)

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} {self.zone}"


@dataclass(frozen=True, slots=True)
class Freeze:
    """A time in which nothing is changed, with its name."""

    name: str
    when: Window | Span

    def against(self, now: datetime) -> str | None:
        """Say that this moment is in the freeze, or None."""
        return f"the freeze {self.name} is on ({self.when})" if self.when.covers(now) else None


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """The hours of a working day in which somebody is there to see what a run does.

    Attributes:
        window: its days and hours; it does not go past midnight.
        holidays: a country, or a country and a part of it (`DE`, `DE-BY`), whose public holidays are no
            working days.
    """

    window: Window
    holidays: str | None = None

    def against(self, now: datetime, until: datetime | None = None) -> str | None:
        """Say that this moment is outside, or, with `until`, that all the time from here to there is."""
        opens = self.opens(now)
        if opens <= now or (until is not None and opens < until):
            return None
        local = opens.astimezone(ZoneInfo(self.window.zone))
        return f"it is outside business hours ({self}), which begin again at {local:%Y-%m-%d %H:%M %Z}"

    def opens(self, now: datetime) -> datetime:
        """The first moment from now on that is in business hours; a time that has begun opens now."""
        today = now.astimezone(ZoneInfo(self.window.zone)).date()
        for ahead in range(31):
            day = today + timedelta(days=ahead)
            start, end = self._at(day, self.window.start), self._at(day, self.window.end)
            if now < end and self._works(day):
                return max(start, now)
        return datetime.max.replace(tzinfo=UTC)

    def _at(self, day: date, clock: str) -> datetime:
        if clock == MIDNIGHT:
            day, clock = day + timedelta(days=1), "00:00"
        return datetime.combine(day, time.fromisoformat(clock), ZoneInfo(self.window.zone)).astimezone(UTC)

    def _works(self, day: date) -> bool:
        return DAYS[day.weekday()] in self.window.days and not is_holiday(self.holidays, day)

    def __str__(self) -> str:
        return f"{self.window}{f', not on holidays of {self.holidays}' if self.holidays else ''}"


def is_holiday(place: str | None, day: date) -> bool:
    """Whether a day is a public holiday there.

    Raises:
        NotImplementedError: nobody knows the holidays of this place.
    """
    if place is None:
        return False
    from holidays import country_holidays

    country, _, part = place.partition("-")
    return day in country_holidays(country, subdiv=part or None)
