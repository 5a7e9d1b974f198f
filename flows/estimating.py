"""Estimates between two bills: each hour a look at what runs, which the bill is held against later."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from actions.aws import inventory
from actions.base import Target
from actions.errors import Unreadable
from flows import allocating
from flows.desk import Desk
from spend import canonical, estimate
from spend.allocation import AnyRule, evaluate
from spend.charge import USAGE, Charge
from spend.errors import NotFound, Refused
from spend.estimate import Accuracy, Coverage, Estimated, Look, Reckoned
from spend.money import ZERO, total
from spend.period import DAY, Period
from spend.prices import Prices, Thing, learn
from storage import estimates, metered, records, tables
from storage.costs import complete_through

#: Days of the bill that prices are learned from; days that an estimate goes back at most; days that are
#: held against the bill anew when it is restated, and kept until then.
TAUGHT, BACK, RESTATED = 7, 31, 62


@dataclass(frozen=True, slots=True)
class Told:
    """The estimate of what was spent since the bill's last complete day.

    Attributes:
        complete_through: the last day that every source has told something about.
        days: by day, account, team and currency.
        coverage: how much of each day was looked at, and what had no price.
        accuracy: how far off estimates were, as the bills of their days told.
    """

    complete_through: date | None
    days: tuple[Estimated, ...]
    coverage: tuple[Coverage, ...]
    accuracy: tuple[Accuracy, ...]

    def totals(self, team: str | None = None) -> dict[str, Decimal]:
        """The amounts added up by currency, of one team or of all."""
        sums: dict[str, list[Decimal]] = defaultdict(list)
        for one in self.days:
            if team is None or one.team == team:
                sums[one.currency].append(one.amount)
        return {currency: total(amounts) for currency, amounts in sorted(sums.items())}

    @property
    def looks(self) -> tuple[int, int]:
        """How often an account was looked at, of how many hours that have passed in all of them."""
        return sum(one.hours for one in self.coverage), sum(one.of_hours for one in self.coverage)


def look(desk: Desk, now: datetime) -> int:
    """Look at what runs in this hour in each account, and keep what it costs; say how many accounts were new.

    Raises:
        NotFound: the settings name no account.
        Unreadable: an account did not answer in full, so that its hour is missing; the others are kept.
    """
    if desk.clouds is None:
        raise Unreadable("this process has no access to a cloud")
    if not desk.org.accounts:
        raise NotFound("There is no account to look at; name them in the settings, under accounts.")
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    with desk.store.reading() as session:
        missing = sorted(desk.org.accounts.keys() - estimates.looked(session, hour))
    rules, unread = allocating.rules(desk), []
    seen: dict[str, list[Thing]] = {}
    for account in missing:
        places = (inventory.hourly(desk.clouds, account, region) for region in desk.org.regions)
        try:
            seen[account] = [_thing(one, rules, hour.date()) for place in places for one in place]
        except (Unreadable, Refused) as error:
            unread.append(str(error))
    prices = _prices(desk, [thing for things in seen.values() for thing in things])
    with desk.store.writing(now) as unit:
        new = estimates.keep(unit, [estimate.look(hour, *one, prices) for one in seen.items()])
        estimates.forget(unit, hour - RESTATED * DAY)
    if unread:
        raise Unreadable("; ".join(unread))
    return new


def _thing(target: Target, rules: Sequence[AnyRule], day: date) -> Thing:
    charge = Charge(
        day=day,
        billing_account_id="",
        billing_currency=target.currency,
        charge_category=USAGE,
        sub_account_id=target.account,
        region_id=target.region,
        resource_id=target.id,
        resource_name=target.name,
        tags=target.tags,
    )
    spot = " spot" if target.facts.get("lifecycle") == "spot" else ""
    return Thing(
        id=target.id,
        account=target.account,
        region=target.region,
        kind=target.kind,
        unit=f"{target.facts.get('type', 'unknown')}{spot}",
        size=int(target.facts.get("size", 1)),
        team=evaluate(rules, charge).team,
    )


def _prices(desk: Desk, things: list[Thing]) -> Prices:
    """What the last days of the bill teach; nothing before the first bill."""
    with desk.store.reading() as session:
        snapshots = records.counted_snapshots(session, desk.org.counts)
    through = complete_through(snapshots)
    if through is None or not things:
        return Prices({}, {})
    taught = Period(through - (TAUGHT - 1) * DAY, through + DAY)
    ids = sorted(thing.id for thing in things)
    return learn(metered.metered(desk.lake, [row.id for row in snapshots], ids, taught), things)


def since_bill(desk: Desk, now: datetime) -> Told:
    """The estimate of the days that the bill has not told yet, from the rows; the lake is not opened."""
    today = now.astimezone(UTC).date()
    with desk.store.reading() as session:
        through = complete_through(records.counted_snapshots(session, desk.org.counts))
        first = max(today - (BACK - 1) * DAY, through + DAY) if through else today - (BACK - 1) * DAY
        reckoned = estimates.reckoned(session, today - BACK * DAY)
        looks = estimates.looks(session, Period(first, today + DAY)) if first <= today else []
    if through is None and looks:
        first = looks[0].hour.date()
    days = [*Period(first, today + DAY).days()] if looks else []
    return Told(
        through,
        tuple(estimate.by_day(looks)),
        tuple(estimate.coverage(looks, desk.org.accounts, days, now)),
        tuple(estimate.accuracy(reckoned)),
    )


def reckoned(desk: Desk, now: datetime) -> list[Reckoned]:
    """The estimated days of which the bill has told since, each with what it says."""
    with desk.store.reading() as session:
        return estimates.reckoned(session, now.astimezone(UTC).date() - RESTATED * DAY)


def reconcile(desk: Desk, now: datetime) -> int:
    """Hold each estimated day that the bill has told against it, anew where the bill changed.

    Returns how many days those are.
    """
    with desk.store.reading() as session:
        snapshots = records.counted_snapshots(session, desk.org.counts)
        through = complete_through(snapshots)
        if through is None:
            return 0
        span = Period(through - RESTATED * DAY, through + DAY)
        looks = estimates.looks(session, span)
        bill = canonical.digest(sorted(row.id for row in snapshots))
        stale = {one.hour.date() for one in looks} - estimates.reckoned_by(session, bill)
    if stale:
        rows = _reckon(desk, snapshots, [one for one in looks if one.hour.date() in stale])
        with desk.store.writing(now) as unit:
            estimates.reckon(unit, rows, bill)
    return len(stale)


def _reckon(desk: Desk, snapshots: Sequence[tables.Snapshot], looks: Sequence[Look]) -> list[Reckoned]:
    estimated: dict[tuple[date, str, str], list[Decimal]] = defaultdict(list)
    for one in estimate.by_day(looks):
        estimated[one.day, one.account, one.currency].append(one.amount)
    hours: dict[tuple[date, str], int] = defaultdict(int)
    for each in looks:
        hours[each.hour.date(), each.account] += 1
    days = [day for day, _ in hours]
    billed = metered.billed(
        desk.lake,
        [row.id for row in snapshots],
        accounts=sorted({account for _, account in hours}),
        regions=desk.org.regions,
        period=Period(min(days), max(days) + DAY),
    )
    keys = {key for key in {*estimated, *billed} if key[:2] in hours}
    return [
        Reckoned(*key, hours[key[:2]], total(estimated[key]), billed.get(key, ZERO)) for key in sorted(keys)
    ]
