"""Unit prices that the last days of a bill teach, for what costs money each hour that it is there."""

import re
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from spend.money import EXACT, ZERO, quantize, total

HOURS_A_DAY = 24
#: How the ids of such things begin in a bill, and their meters where it knows no ids.
RESOURCES = ("i-", "vol-")
METERS = ("BoxUsage:", "SpotUsage:", "EBS:VolumeUsage")
#: A meter of AWS: `EUC1-BoxUsage:m5.large`, `SpotUsage:m5.large`, `EUC1-EBS:VolumeUsage.gp3`.
METER = re.compile(r"(?:[A-Z0-9]+-)?(?:(Box|Spot)Usage:([a-z0-9.-]+)|EBS:VolumeUsage(?:\.([a-z0-9]+))?)")
HOURS = frozenset({"h", "hr", "hrs", "hour", "hours"})
GIGABYTE_MONTHS = frozenset({"gb-mo", "gb-month", "gb-months"})


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that costs money each hour that it is there.

    Attributes:
        unit: what it is an example of, such as `m5.large`, `m5.large spot` or `gp3`.
        size: how many units it is: the gigabytes of a volume, else 1.
        team: who owns it; None for what nobody does, and for what is shared.
    """

    id: str
    account: str
    region: str
    kind: str
    unit: str
    size: int
    team: str | None


@dataclass(frozen=True, slots=True)
class Metered:
    """What the bill says of one resource and meter on one day.

    Attributes:
        resource: None where the bill knows only the meter.
        quantity: how much was used, in `measure`, of what costs something.
        hours: of the day, those that the charges lie in.
    """

    day: date
    account: str | None
    region: str | None
    resource: str | None
    meter: str | None
    currency: str
    effective: Decimal
    quantity: Decimal | None
    measure: str | None
    hours: int


@dataclass(frozen=True, slots=True)
class Price:
    """What an hour of one unit costs (EffectiveCost), and what taught it: `resource`, `kind` or `meter`."""

    currency: str
    hourly: Decimal
    by: str


#: An account (None for all of them), a region, a kind and a unit.
Sort = tuple[str | None, str, str, str]


@dataclass(frozen=True, slots=True)
class Prices:
    """What was learned: of each resource for itself, and of each sort of thing."""

    own: Mapping[str, Price]
    sorts: Mapping[Sort, Price]

    def of(self, thing: Thing) -> Price | None:
        """The closest price: its own, its sort's in its account, its sort's in its region; or none."""
        if found := self.own.get(thing.id):
            return found
        sort = (thing.region, thing.kind, thing.unit)
        return self.sorts.get((thing.account, *sort)) or self.sorts.get((None, *sort))


@dataclass(slots=True)
class _Sum:
    """Money by currency, for so many hours of one unit."""

    money: dict[str, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    hours: Decimal = ZERO

    def add(self, money: Mapping[str, Decimal], hours: Decimal) -> None:
        for currency, amount in money.items():
            self.money[currency] = EXACT.add(self.money[currency], amount)
        self.hours = EXACT.add(self.hours, hours)

    def price(self, by: str, size: int = 1) -> Price | None:
        """The price in the currency in which most of it is; none where no time passed."""
        if not self.hours or not self.money:
            return None
        currency, amount = max(sorted(self.money.items()), key=lambda one: one[1])
        return Price(currency, quantize(EXACT.divide(amount, EXACT.multiply(self.hours, Decimal(size)))), by)


def learn(bill: Iterable[Metered], things: Iterable[Thing]) -> Prices:
    """The prices that these days of a bill teach.

    Args:
        bill: usage without corrections.
        things: what runs; it tells of which sort a resource of the bill is.
    """
    known = {thing.id: thing for thing in things}
    by_resource: dict[str, list[Metered]] = defaultdict(list)
    metered: dict[Sort, _Sum] = defaultdict(_Sum)
    for row in bill:
        if row.resource is not None:
            by_resource[row.resource].append(row)
        elif row.region and (read := _read(row)):
            (kind, unit), hours = read
            for account in (row.account, None):
                metered[account, row.region, kind, unit].add({row.currency: row.effective}, hours)
    own: dict[str, Price] = {}
    sums: dict[Sort, _Sum] = defaultdict(_Sum)
    for resource in by_resource.keys() & known.keys():
        thing, seen = known[resource], _sum(by_resource[resource])
        if price := seen.price("resource", thing.size):
            own[resource] = price
            for account in (thing.account, None):
                sort = (account, thing.region, thing.kind, thing.unit)
                sums[sort].add(seen.money, EXACT.multiply(seen.hours, Decimal(thing.size)))
    sorts = {sort: price for sort, one in metered.items() if (price := one.price("meter"))}
    return Prices(own, sorts | {sort: price for sort, one in sums.items() if (price := one.price("kind"))})


def _read(row: Metered) -> tuple[tuple[str, str], Decimal] | None:
    """Of a meter, what it counts and for how many hours of one unit; None where it counts something else."""
    found, measure = METER.fullmatch(row.meter or ""), (row.measure or "").casefold()
    if found is None or not row.quantity:
        return None
    how, kind, volume = found.groups()
    if how and measure in HOURS:
        return ("instance", f"{kind} spot" if how == "Spot" else kind), row.quantity
    if not how and measure in GIGABYTE_MONTHS:
        month = HOURS_A_DAY * monthrange(row.day.year, row.day.month)[1]
        return ("volume", volume or "standard"), EXACT.multiply(row.quantity, Decimal(month))
    return None


def _sum(rows: Sequence[Metered]) -> _Sum:
    """A resource's money, and its hours: those that one of its meters counts, else those of its charges."""
    counted: dict[str | None, list[Decimal]] = defaultdict(list)
    spans: dict[date, int] = {}
    found = _Sum()
    for row in rows:
        found.add({row.currency: row.effective}, ZERO)
        if row.quantity and (row.measure or "").casefold() in HOURS:
            counted[row.meter].append(row.quantity)
        spans[row.day] = max(row.hours, spans.get(row.day, 0))
    found.hours = max(map(total, counted.values())) if counted else Decimal(sum(spans.values()))
    return found
