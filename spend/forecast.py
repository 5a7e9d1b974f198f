"""The month-end forecast: what was spent plus what the remaining days should cost, with an interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import fmean, median, pstdev

from spend.money import ZERO, cents, total
from spend.period import DAY, Period

#: Days that a mean day is learned from, and days that the weekday pattern is learned from.
RECENT, PATTERN = 28, 56
#: How much the weekday pattern counts against a flat mean: all of it with a whole PATTERN of days.
MOST_PATTERN = 0.75
#: Where eight of ten outcomes of a normal distribution lie, in standard deviations either side.
EIGHTY_PERCENT = 1.2816
#: Errors of neighbouring days go together, and the level itself moves: measured, not derived.
PERSISTENCE, MOVING_LEVEL = 1.7, 0.03
#: A day this many usual deviations from its week is a one-off and tells nothing of other days; the
#: usual deviation is taken for at least this share of a median day.
ONE_OFF, LEAST_NOISE = 6.0, 0.05


@dataclass(frozen=True, slots=True)
class Forecast:
    """The whole month's cost, to the cent.

    Attributes:
        expected: the forecast for the month.
        low, high: the interval that should hold eight months of ten.
        spent: what the days up to the day of asking cost.
    """

    expected: Decimal
    low: Decimal
    high: Decimal
    spent: Decimal


def forecast(series: Sequence[tuple[date, Decimal]], month: Period, as_of: date) -> Forecast:
    """Forecast the month from daily totals in one currency and basis.

    Args:
        series: (day, amount); later amounts than `as_of` are not looked at, days that are not
            there cost nothing.
        month: what to forecast.
        as_of: the last day whose figures are complete.
    """
    known = [(day, amount) for day, amount in series if day <= as_of]
    spent = total(amount for day, amount in known if day in month)
    ahead = [day for day in month.days() if day > as_of]
    if not known or not ahead:
        return Forecast(cents(spent), cents(spent), cents(spent), cents(spent))
    daily = _daily(known, as_of)
    plain, fees = _without_one_offs(daily)
    floor = 0.0 if all(amount >= 0 for _, amount in known) else -math.inf
    fee = sum(fees.get(day.day, 0.0) for day in ahead)
    rest = max(floor, _rest(plain, ahead, floor) + fee)
    margin = EIGHTY_PERCENT * _error(plain, len(ahead))
    ends = (rest, max(floor, rest - margin), rest + margin)
    expected, low, high = (cents(total((spent, _money(end)))) for end in ends)
    return Forecast(expected, low, high, cents(spent))


def _daily(known: Sequence[tuple[date, Decimal]], as_of: date) -> dict[date, float]:
    """The last days, each with its total; a gap inside the series is a day that cost nothing."""
    first = max(min(day for day, _ in known), as_of - (PATTERN - 1) * DAY)
    amounts: dict[date, Decimal] = {first + n * DAY: ZERO for n in range((as_of - first).days + 1)}
    for day, amount in known:
        if day in amounts:
            amounts[day] += amount
    return {day: float(amount) for day, amount in amounts.items()}


def _without_one_offs(daily: dict[date, float]) -> tuple[dict[date, float], dict[int, float]]:
    """The days with one-offs cut to their surroundings, and what the last first-of-month cost above.

    A day is held against the week around it, so that a step which lasts is no one-off.
    """
    rhythm: dict[int, list[float]] = {}
    for day, amount in daily.items():
        rhythm.setdefault(day.weekday(), []).append(amount - _around(daily, day))
    weekday = {name: median(found) if len(found) > 1 else 0.0 for name, found in rhythm.items()}
    flat = {day: amount - weekday[day.weekday()] for day, amount in daily.items()}
    beyond = {day: amount - _around(flat, day) for day, amount in flat.items()}
    spread = 1.48 * median(map(abs, beyond.values()))
    limit = ONE_OFF * max(spread, LEAST_NOISE * abs(median(daily.values())))
    one_offs = {day: extra for day, extra in beyond.items() if abs(extra) > limit}
    plain = {day: amount - one_offs.get(day, 0.0) for day, amount in daily.items()}
    fees = [extra for day, extra in one_offs.items() if day.day == 1]
    return plain, {1: fees[-1]} if fees else {}


def _around(daily: dict[date, float], day: date) -> float:
    """The median of the week around a day."""
    return median(daily[near] for n in range(-3, 4) if (near := day + n * DAY) in daily)


def _rest(plain: dict[date, float], ahead: Sequence[date], floor: float) -> float:
    """What the days ahead cost: the weekday pattern, shrunk to the flat mean, no day below the floor."""
    recent = [plain[day] for day in sorted(plain)[-RECENT:]]
    mean = fmean(recent)
    shrink = MOST_PATTERN * min(1.0, len(plain) / PATTERN)
    weekday = _by_weekday(plain, mean)
    days = (mean + shrink * (weekday.get(day.weekday(), mean) - mean) for day in ahead)
    return sum(max(floor, amount) for amount in days)


def _by_weekday(plain: dict[date, float], mean: float) -> dict[int, float]:
    """The mean of each weekday, moved to the recent level; a weekday seen once only is not used."""
    days: dict[int, list[float]] = {}
    for day, amount in plain.items():
        days.setdefault(day.weekday(), []).append(amount)
    move = mean - fmean(plain.values())
    return {weekday: fmean(found) + move for weekday, found in days.items() if len(found) > 1}


def _error(plain: dict[date, float], ahead: int) -> float:
    """The standard error of the sum of the days ahead."""
    mean = fmean(plain.values())
    weekday = _by_weekday(plain, mean)
    noise = pstdev([amount - weekday.get(day.weekday(), mean) for day, amount in plain.items()])
    level = noise / math.sqrt(min(len(plain), RECENT)) + MOVING_LEVEL * abs(mean)
    few = 1 + 7 / len(plain)
    return few * math.hypot(PERSISTENCE * noise * math.sqrt(ahead), level * ahead)


def _money(amount: float) -> Decimal:
    return cents(Decimal(repr(amount)))
