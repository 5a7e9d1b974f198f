"""Estimates between two bills: what runs, times the prices that the last days of the bill teach.

An estimate is no bill: it enters no ledger, no budget and no dispute. What has no price is counted and told,
and so is an hour in which nobody looked; nothing is filled in.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any

from spend.money import EXACT, minus, plain, quantize, total
from spend.prices import HOURS_A_DAY, Prices, Thing

#: The days that tell how good estimates are.
LAST_DAYS = 7


@dataclass(frozen=True, slots=True)
class Line:
    """What the things of one sort and team cost in one hour, by one kind of price."""

    kind: str
    unit: str
    team: str | None
    things: int
    currency: str
    amount: Decimal
    by: str

    def to_data(self) -> dict[str, Any]:
        """Plain data, with the amount as text."""
        return {name: getattr(self, name) for name in self.__slots__} | {"amount": plain(self.amount)}

    @classmethod
    def from_data(cls, row: Mapping[str, Any]) -> "Line":
        """The line that `to_data` wrote."""
        return cls(**{**row, "amount": Decimal(row["amount"])})


@dataclass(frozen=True, slots=True)
class Look:
    """What ran in an account in one hour.

    Attributes:
        unpriced: how many things of each sort (`instance m5.large`) have no price.
    """

    hour: datetime
    account: str
    lines: tuple[Line, ...]
    unpriced: Mapping[str, int]


def look(hour: datetime, account: str, things: Iterable[Thing], prices: Prices) -> Look:
    """Price what runs in an account in one hour."""
    amounts: dict[tuple[str, str, str | None, str, str], list[Decimal]] = defaultdict(list)
    unpriced: Counter[str] = Counter()
    for thing in things:
        if (price := prices.of(thing)) is None:
            unpriced[f"{thing.kind} {thing.unit}"] += 1
            continue
        amount = EXACT.multiply(price.hourly, Decimal(thing.size))
        amounts[thing.kind, thing.unit, thing.team, price.currency, price.by].append(amount)
    lines = tuple(
        Line(kind, unit, team, len(each), currency, quantize(total(each)), by)
        for (kind, unit, team, currency, by), each in sorted(amounts.items(), key=str)
    )
    return Look(hour, account, lines, dict(sorted(unpriced.items())))


@dataclass(frozen=True, slots=True)
class Estimated:
    """An estimate of what one team's running things in an account cost on a day.

    Attributes:
        priced_by: how many hours of things have a price of which kind.
    """

    day: date
    account: str
    team: str | None
    currency: str
    amount: Decimal
    priced_by: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Coverage:
    """In how many hours of a day an account was looked at, of how many that have passed.

    Attributes:
        unpriced: the most things of each sort that had no price in one hour.
    """

    day: date
    account: str
    hours: int
    of_hours: int
    unpriced: Mapping[str, int]


def by_day(looks: Iterable[Look]) -> list[Estimated]:
    """The looks added up by day, account, team and currency."""
    amounts: dict[tuple[date, str, str | None, str], list[Decimal]] = defaultdict(list)
    priced: dict[tuple[date, str, str | None, str], Counter[str]] = defaultdict(Counter)
    for one in looks:
        for line in one.lines:
            key = (one.hour.date(), one.account, line.team, line.currency)
            amounts[key].append(line.amount)
            priced[key][line.by] += line.things
    return [
        Estimated(*key, total(each), dict(sorted(priced[key].items())))
        for key, each in sorted(amounts.items(), key=str)
    ]


def coverage(
    looks: Iterable[Look], accounts: Iterable[str], days: Iterable[date], now: datetime
) -> list[Coverage]:
    """For each day and account, how much of it was looked at; a day without any look is there too."""
    mine: dict[tuple[date, str], list[Look]] = defaultdict(list)
    for one in looks:
        mine[one.hour.date(), one.account].append(one)
    found = []
    known = sorted({*accounts, *(account for _, account in mine)})
    for day in days:
        for account in known:
            here = mine[day, account]
            passed = HOURS_A_DAY if day < now.date() else max(now.hour, len(here))
            most: Counter[str] = Counter()
            for one in here:
                most |= Counter(one.unpriced)
            found.append(Coverage(day, account, len(here), passed, dict(sorted(most.items()))))
    return found


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What was estimated of a day of an account, and what the bill then said of the same sorts of things."""

    day: date
    account: str
    currency: str
    hours: int
    estimated: Decimal
    billed: Decimal

    @property
    def error(self) -> Decimal | None:
        """By how many percent it was above the bill; None where hours lack or nothing was billed."""
        error = _error(self.estimated, self.billed) if self.hours >= HOURS_A_DAY else None
        return None if error is None else EXACT.quantize(error, Decimal("0.1"))


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How far off estimates were lately: at most `within` percent of a day, over so many whole days."""

    currency: str
    days: int
    within: int


def accuracy(reckoned: Iterable[Reckoned], days: int = LAST_DAYS) -> list[Accuracy]:
    """For each currency, the largest error of the last days that were looked at whole in every account."""
    by_day: dict[str, dict[date, list[Reckoned]]] = defaultdict(lambda: defaultdict(list))
    for one in reckoned:
        by_day[one.currency][one.day].append(one)
    found = []
    for currency, every in sorted(by_day.items()):
        errors = []
        for _, rows in sorted(every.items(), reverse=True):
            if all(row.hours >= HOURS_A_DAY for row in rows):
                error = _error(total(row.estimated for row in rows), total(row.billed for row in rows))
                errors += [abs(error)] if error is not None else []
        if last := errors[:days]:
            found.append(Accuracy(currency, len(last), int(max(last).to_integral_value(ROUND_CEILING))))
    return found


def _error(estimated: Decimal, billed: Decimal) -> Decimal | None:
    if not billed:
        return None
    return EXACT.divide(EXACT.multiply(minus(estimated, billed), Decimal(100)), abs(billed))
