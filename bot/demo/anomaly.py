"""The one thing that goes wrong in the demo's bill: the seed picks what, whose and when."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import product
from random import Random

from bot.demo.inventory import forgotten
from bot.demo.meter import Meter, Service, days_to, midnight
from bot.demo.thing import TEAMS, Thing
from bot.demo.usage import new_service, of_things


class Trouble(StrEnum):
    """The five kinds of anomaly."""

    RUNAWAY = "runaway"  # one usage type costs 6 to 10 times as much for 2 to 4 days
    RETRY_STORM = "retry_storm"  # calls, compute and logs of one function jump together
    FORGOTTEN_DEV = "forgotten_dev"  # a big GPU machine appears in development and stays on
    EGRESS_RAMP = "egress_ramp"  # data transfer out rises for 4 or 5 days
    NEW_SERVICE = "new_service"  # a service that was never on the bill


@dataclass(frozen=True, slots=True)
class Anomaly:
    """What was planted.

    Attributes:
        service, usage: FOCUS ServiceName and SkuMeter of the series that it is named after.
        services: every service whose series shows it; a retry storm shows in two.
        start: its first day; it lasts `days` days.
        excess: dollars above an ordinary course of the same days, to the last digit of the bill.
    """

    kind: Trouble
    team: str
    account: str
    service: str
    services: frozenset[str]
    usage: str
    start: date
    days: int
    excess: Decimal

    @property
    def last(self) -> date:
        """Its last day."""
        return self.start + timedelta(days=self.days - 1)


@dataclass(frozen=True, slots=True)
class Planted:
    """The bill's lines with the anomaly in them, and the things that came with it."""

    meters: tuple[Meter, ...]
    things: tuple[Thing, ...]
    anomaly: Anomaly


def plant(seed: int, until: date, meters: tuple[Meter, ...]) -> Planted:
    """Plant the seed's anomaly, so that its last days lie within the week that ends with `until`."""
    rng = Random(f"anomaly/{seed}")  # noqa: S311 a demo is not a secret
    kind, team = _pick(seed)
    still_on = kind in {Trouble.FORGOTTEN_DEV, Trouble.NEW_SERVICE}
    last = until if still_on else until - timedelta(days=rng.randint(0, 2))
    days = days_to(
        last, {Trouble.EGRESS_RAMP: rng.randint(4, 5), Trouble.RUNAWAY: rng.randint(2, 4)}.get(kind, 3)
    )
    if still_on:
        return _appear(seed, kind, team, days, meters)
    factors = _factors(kind, rng, len(days))
    touched = {
        meter.key: factors[meter.usage] for meter in meters if _hits(meter, team) and meter.usage in factors
    }
    after = tuple(
        replace(meter, surge=tuple(zip(days, touched[meter.key], strict=True)))
        if meter.key in touched
        else meter
        for meter in meters
    )
    pairs = [pair for pair in zip(meters, after, strict=True) if pair[0] is not pair[1]]
    excess = sum(new.cost(seed, day) - old.cost(seed, day) for old, new in pairs for day in days)
    return Planted(after, (), _anomaly(kind, team, [new for _, new in pairs], days, excess))


def _pick(seed: int) -> tuple[Trouble, str]:
    """Deal the ten pairs of kind and team to every ten seeds in a row."""
    block, place = divmod(seed, len(Trouble) * len(TEAMS))
    deck = list(product(Trouble, TEAMS))
    Random(f"deck/{block}").shuffle(deck)  # noqa: S311 a demo is not a secret
    return deck[place]


def _appear(seed: int, kind: Trouble, team: str, days: list[date], meters: tuple[Meter, ...]) -> Planted:
    since = midnight(days[0])
    things = (forgotten(team, since),) if kind is Trouble.FORGOTTEN_DEV else ()
    more = tuple(of_things(things)) or (new_service(team, since),)
    excess = sum(meter.cost(seed, day) for meter in more for day in days)
    return Planted(meters + more, things, _anomaly(kind, team, more, days, excess))


def _hits(meter: Meter, team: str) -> bool:
    return meter.tags.get("team") == team and meter.service in {
        Service.LAMBDA,
        Service.CLOUDWATCH,
        Service.TRANSFER,
    }


def _factors(kind: Trouble, rng: Random, days: int) -> dict[str, list[int]]:
    """Per mille of the ordinary amount, by usage type, for each day."""
    match kind:
        case Trouble.RUNAWAY:
            return {"EUC1-Lambda-GB-Second": [rng.randint(6000, 10_000)] * days}
        case Trouble.RETRY_STORM:
            calls, work, logs = rng.randint(7000, 9000), rng.randint(3500, 4500), rng.randint(6000, 8000)
            factors = {
                "EUC1-Request": calls,
                "EUC1-Lambda-GB-Second": work,
                "EUC1-DataProcessing-Bytes": logs,
            }
            return {usage: [factor] * days for usage, factor in factors.items()}
        case _:
            step = rng.randint(1300, 1700)
            return {"EUC1-DataTransfer-Out-Bytes": [1000 + step * (n + 1) for n in range(days)]}


def _anomaly(kind: Trouble, team: str, meters: Sequence[Meter], days: Sequence[date], excess: int) -> Anomaly:
    first = meters[0]
    return Anomaly(
        kind=kind,
        team=team,
        account=first.account,
        service=first.service.value[0],
        services=frozenset(meter.service.value[0] for meter in meters),
        usage=first.usage,
        start=days[0],
        days=len(days),
        excess=Decimal(excess).scaleb(-10),
    )
