"""What changed in a week that was told already: from what was told to what stands now, and why."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from spend import record
from spend.digest import Digest, Spent
from spend.ledger import Entry
from spend.money import CENT, ZERO, cents, minus, total
from spend.period import Period


class Why(StrEnum):
    """What changes the figures of a week."""

    DELIVERY = "delivery"
    RULING = "ruling"
    CLAIM = "claim"
    SHARED = "shared"
    RULES = "rules"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason, and by how many cents it changed the total.

    Attributes:
        subject: the snapshot that is current now, the dispute, the claim or the pool.
        former: the snapshot that the subject took the place of.
        what: the charge that was ruled on or claimed, in words.
        source, account, period: whose bill of which billing period was delivered.
        at: when it came, was ruled on or claimed.
    """

    kind: Why
    subject: str | None = None
    former: str | None = None
    what: str | None = None
    source: str | None = None
    account: str | None = None
    period: date | None = None
    at: datetime | None = None
    amount: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Total:
    """What a week costs in one currency, in cents."""

    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Told:
    """What people were told of a week, and from which snapshots.

    Attributes:
        at: the moment at which the ledger said so.
    """

    totals: tuple[Total, ...]
    daily: tuple[Spent, ...]
    snapshots: tuple[str, ...]
    at: datetime

    @classmethod
    def by_digest(cls, digest: Digest, at: datetime) -> "Told":
        """What a digest told of its own week."""
        totals = tuple(Total(figure.currency, figure.total) for figure in digest.figures)
        daily = tuple(one for one in digest.daily if one.day in digest.week)
        return cls(totals, daily, digest.snapshots, at)

    @classmethod
    def by_ledger(cls, entries: Iterable[Entry], snapshots: tuple[str, ...], at: datetime) -> "Told":
        """What the entries of a week would tell: EffectiveCost in cents."""
        sums: dict[tuple[str, date], list[Decimal]] = defaultdict(list)
        for entry in entries:
            sums[entry.currency, entry.day].append(entry.effective)
        days = {place: total(amounts) for place, amounts in sorted(sums.items())}
        totals = tuple(
            Total(name, cents(total(amount for place, amount in days.items() if place[0] == name)))
            for name in dict.fromkeys(place[0] for place in days)
        )
        daily = tuple(Spent(day, name, cents(amount)) for (name, day), amount in days.items())
        return cls(totals, daily, snapshots, at)


@dataclass(frozen=True, slots=True)
class DayChange:
    """One day, as it was told and as it is, in cents."""

    day: date
    old: Decimal
    new: Decimal

    @property
    def change(self) -> Decimal:
        """By how much it changed."""
        return minus(self.new, self.old)


@dataclass(frozen=True, slots=True)
class Change:
    """The money of one currency: as it was told and as it is, in cents; the causes add up to the change."""

    currency: str
    old: Decimal
    new: Decimal
    days: tuple[DayChange, ...]
    causes: tuple[Cause, ...] = ()

    @property
    def change(self) -> Decimal:
        """By how much the total changed."""
        return minus(self.new, self.old)

    @property
    def moved(self) -> Decimal:
        """How much its days changed, whether up or down; at least what the total did."""
        return max(total(abs(one.change) for one in self.days), abs(self.change))


@dataclass(frozen=True, slots=True)
class Threshold:
    """From when on a change is told: when it exceeds the amount and the percentage of what was told.

    Attributes:
        amount: in the currency of the figure; currencies are not converted.
    """

    amount: Decimal = Decimal(1)
    percent: Decimal = Decimal(1)

    def exceeded(self, change: Change) -> bool:
        """Whether this is worth telling."""
        return change.moved > max(self.amount, abs(change.old) * self.percent / 100)


@dataclass(frozen=True, slots=True)
class Restatement:
    """What the thread of a digest is told, and what the next one is compared with.

    Attributes:
        since: when people were told the old figures.
        now: what they are told with this one.
    """

    team: str
    week: Period
    since: datetime
    changes: tuple[Change, ...]
    now: Told

    def to_data(self) -> dict[str, Any]:
        """Plain JSON data, amounts as text."""
        data: dict[str, Any] = record.to_data(self)
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Restatement":
        """The restatement that `to_data` wrote."""
        return record.from_data(cls, data)


def compare(old: Told, new: Told) -> tuple[Change, ...]:
    """What is not as it was told, by currency, without causes; days in order."""
    found = []
    for currency in sorted({one.currency for one in (*old.totals, *new.totals)}):
        before, after = _days(old, currency), _days(new, currency)
        days = (
            DayChange(day, before.get(day, ZERO), after.get(day, ZERO))
            for day in sorted(before.keys() | after.keys())
        )
        change = Change(
            currency, _whole(old, currency), _whole(new, currency), tuple(one for one in days if one.change)
        )
        if change.moved:
            found.append(change)
    return tuple(found)


def _days(told: Told, currency: str) -> dict[date, Decimal]:
    return {one.day: one.amount for one in told.daily if one.currency == currency}


def _whole(told: Told, currency: str) -> Decimal:
    return next((one.amount for one in told.totals if one.currency == currency), ZERO)


def because(change: Change, parts: Iterable[tuple[Cause, date, Decimal]]) -> Change:
    """The change with its causes, largest first; what rounding leaves goes to the largest.

    Args:
        parts: what was written in the ledger since, with the cause of each; exact amounts.
    """
    sums: dict[Cause, dict[date, list[Decimal]]] = defaultdict(lambda: defaultdict(list))
    for cause, day, amount in parts:
        sums[cause][day].append(amount)
    causes = [
        replace(cause, amount=cents(total(by_day)))
        for cause, days in sums.items()
        for by_day in ([total(amounts) for amounts in days.values()],)
        if any(cents(amount) for amount in by_day)
    ]
    causes.sort(key=lambda cause: (-abs(cause.amount), cause.kind, str(cause.subject)))
    rest = minus(change.change, total(cause.amount for cause in causes))
    if rest and causes and abs(rest) <= CENT * (len(sums) + 1):
        causes[0] = replace(causes[0], amount=total((causes[0].amount, rest)))
    elif rest:
        causes.append(Cause(Why.REST, amount=rest))
    return replace(change, causes=tuple(causes))
