"""The expected cost of a day: level, weekday and place in the month, learned from earlier days only."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from statistics import median

from spend.period import DAY

#: Days of history that a baseline looks at; the level ends some days back, so that a drift cannot hide in it.
MEMORY = 56
LEVEL_FROM, LEVEL_TO = 18, 4
#: A median of fewer days than these is no level, and no slope.
ENOUGH_FOR_LEVEL, ENOUGH_FOR_SLOPE = 5, 10
#: Below this many days of history nothing can be said.
WARM_UP = 21
#: The least relative noise that any series is credited with.
LEAST_NOISE = 0.035
#: How fast a level may grow, per day, in logs.
MOST_SLOPE = 0.004


class EventKind(StrEnum):
    """Why a day is known to be unusual."""

    HOLIDAY = "holiday"
    LAUNCH = "launch"


@dataclass(frozen=True, slots=True)
class Event:
    """A registered event. A launch raises what is expected; a holiday excuses only a drop.

    Attributes:
        start, end: first and last day.
        factor: the declared multiple of the usual cost, for a launch.
    """

    start: date
    end: date
    kind: EventKind
    factor: float = 1.0

    def covers(self, day: date) -> bool:
        """Whether the day lies in it."""
        return self.start <= day <= self.end


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a day should cost.

    Attributes:
        log: the expected logarithm of amount + offset.
        noise: the usual relative error, in logs.
        offset: what is added to amounts before taking logs, in currency.
        usual_top: what nine of ten comparable days stay below, in currency.
        least: the lowest ratio of a day to its expectation seen so far.
        known: False on the first or last days of a month as long as no earlier month showed them.
    """

    log: float
    noise: float
    offset: float
    usual_top: float
    least: float
    known: bool = True

    @property
    def expected(self) -> float:
        """The expected cost, in currency."""
        return max(0.0, math.exp(self.log) - self.offset)

    def z(self, amount: float) -> float:
        """How many times the usual error the amount lies from the expected one."""
        return (math.log(max(amount, 0.0) + self.offset) - self.log) / self.noise


class History:
    """The days of one series, told in order, and what they lead one to expect next."""

    def __init__(self, events: Sequence[Event] = ()) -> None:
        self._events = tuple(events)
        self._amounts: dict[date, float] = {}
        self._odd: set[date] = set()
        self._errors: dict[date, float] = {}
        self._level_since = date.min

    def tell(self, day: date, amount: float, outlook: Outlook | None) -> None:
        """Add a day that was judged with this outlook; credits count as nothing."""
        self._amounts[day] = max(amount, 0.0)
        if outlook is not None:
            self._errors[day] = math.log(max(amount, 0.0) + outlook.offset) - outlook.log

    def set_aside(self, days: Iterable[date]) -> None:
        """Leave these days out of what is learned: they belong to an incident."""
        self._odd.update(days)

    def adopt(self, days: Iterable[date]) -> None:
        """Learn from these days after all. Their errors are forgotten."""
        for day in days:
            self._odd.discard(day)
            self._errors.pop(day, None)

    def settle(self, since: date) -> None:
        """Begin a new level on this day: what lasted is the new normal."""
        self._level_since = since

    def factor(self, day: date) -> float:
        """The declared multiple of the registered launches on this day."""
        launches = (e.factor for e in self._events if e.kind is EventKind.LAUNCH and e.covers(day))
        return math.prod(factor for factor in launches if factor > 0)

    def holiday(self, day: date) -> bool:
        """Whether the day is a registered holiday."""
        return any(e.kind is EventKind.HOLIDAY and e.covers(day) for e in self._events)

    def outlook(self, day: date) -> Outlook | None:
        """What this day should cost, or None while there is too little history."""
        plain = {d: a / self.factor(d) for d, a in self._amounts.items() if not self.holiday(d)}
        usual = {d: a for d, a in plain.items() if d not in self._odd and day - MEMORY * DAY <= d < day}
        if len(usual) < WARM_UP:
            return None
        offset = 1.0 + 0.02 * median(usual.values())
        logs = {d: math.log(a + offset) for d, a in usual.items()}
        around = _around(logs)
        weekdays = _weekdays(logs, around)
        flat = {d: log - weekdays.get(d.weekday(), 0.0) for d, log in logs.items()}
        known, place = _month_place(day, plain, self._odd, offset, weekdays)
        level = _level(day, flat, self._level_since)
        log = level + weekdays.get(day.weekday(), 0.0) + place
        most = max(plain.values())  # a place in the month promises no more than was ever seen
        expected = max(0.0, min(math.exp(log) - offset, most)) * self.factor(day)
        errors = [self._errors.get(d, flat[d] - around[d]) for d in logs if _month_end(d) is None]
        top = sorted(usual.values())[int(0.9 * (len(usual) - 1))] * self.factor(day)
        least = min(map(math.exp, errors)) if min(usual.values()) > 0 else 0.0
        return Outlook(math.log(expected + offset), _noise(errors), offset, max(top, 0.0), least, known)


def _around(logs: Mapping[date, float]) -> dict[date, float]:
    """The median of the week around each day: one of each weekday, so it knows no weekend."""
    week = [n * DAY for n in range(-3, 4)]
    return {day: median(logs[day + n] for n in week if day + n in logs) for day in logs}


def _weekdays(logs: Mapping[date, float], around: Mapping[date, float]) -> dict[int, float]:
    """How each weekday differs from its week; a weekday seen once only is not trusted."""
    found: dict[int, list[float]] = {}
    for day, log in logs.items():
        if _month_end(day) is None:
            found.setdefault(day.weekday(), []).append(log - around[day])
    return {weekday: median(diffs) for weekday, diffs in found.items() if len(diffs) > 1}


def _level(day: date, flat: Mapping[date, float], since: date) -> float:
    """The lagged median, carried forward by a slope that is bounded; a new level has no lag yet."""

    def between(first: int, last: int) -> list[float]:
        return [flat[d] for n in range(last, first + 1) if (d := day - n * DAY) in flat and d >= since]

    if day - LEVEL_FROM * DAY < since:
        return median(between(LEVEL_FROM, 1) or list(flat.values()))
    recent = between(LEVEL_FROM, LEVEL_TO)
    if len(recent) < ENOUGH_FOR_LEVEL:  # an incident took the days out: look further back
        return median(between(MEMORY, LEVEL_TO)[:15] or list(flat.values()))
    old = between(LEVEL_FROM + 28, LEVEL_TO + 28)
    if len(old) < ENOUGH_FOR_SLOPE:
        return median(recent)
    slope = (median(recent) - median(old)) / 28
    return median(recent) + max(-MOST_SLOPE, min(MOST_SLOPE, slope)) * (LEVEL_FROM + LEVEL_TO) / 2


def _noise(errors: Sequence[float]) -> float:
    """The usual error: robust, but never below what the tail of errors shows; wider with few days."""
    sizes = sorted(abs(error) for error in errors)
    middle = median(errors)
    spread = 1.48 * median(abs(error - middle) for error in errors)
    tail = sizes[int(0.97 * (len(sizes) - 1))] / 2.6
    return max(spread, tail, LEAST_NOISE) * (1 + 3 / len(errors))


def _month_end(day: date) -> int | None:
    """Which special place of the month this day has: first, last, last but one, or none."""
    if day.day == 1:
        return 1
    return next((-n for n in (1, 2) if (day + n * DAY).day == 1), None)


def _month_place(
    day: date, amounts: Mapping[date, float], odd: set[date], offset: float, weekdays: Mapping[int, float]
) -> tuple[bool, float]:
    """How far the same place of earlier months rose above its surroundings: the largest rise seen.

    A day that was an incident counts only when it came back in a second month. The first value
    tells whether an earlier month was seen at all.
    """
    place = _month_end(day)
    if place is None:
        return True, 0.0
    same = [d for d in amounts if _month_end(d) == place and d < day]
    same = same if len(same) > 1 else [d for d in same if d not in odd]
    rises = [_rise(d, amounts, offset, weekdays) for d in same]
    return bool(same), max([0.0, *rises])


def _rise(day: date, amounts: Mapping[date, float], offset: float, weekdays: Mapping[int, float]) -> float:
    near = [d for n in range(-10, 11) if _month_end(d := day + n * DAY) is None and d in amounts]

    def flat(d: date) -> float:
        return math.log(amounts[d] + offset) - weekdays.get(d.weekday(), 0.0)

    return flat(day) - median(map(flat, near)) if near else 0.0
