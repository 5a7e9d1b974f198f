"""Half-open spans of days in UTC: weeks from Monday, months, billing periods."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Days from `start` up to, and without, `end`."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"a period must end after it starts: {self.start} to {self.end}")

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    def __len__(self) -> int:
        return (self.end - self.start).days

    def days(self) -> Iterator[date]:
        """Each day of the period in order."""
        return (self.start + DAY * n for n in range(len(self)))

    def before(self) -> "Period":
        """The period of the same length that ends where this one starts."""
        return Period(self.start - (self.end - self.start), self.start)


def week_of(day: date) -> Period:
    """The week, Monday to Monday, that holds this day."""
    monday = day - DAY * day.weekday()
    return Period(monday, monday + 7 * DAY)


def month_of(day: date) -> Period:
    """The calendar month that holds this day."""
    first = day.replace(day=1)
    return Period(first, (first + 32 * DAY).replace(day=1))
