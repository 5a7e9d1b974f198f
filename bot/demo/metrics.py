"""The demo's CloudWatch history: what each machine, volume, function and load balancer did, hour by hour."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from bot.demo.thing import Kind, Profile, Thing

#: Hourly points reach this far back; before that one point stands for six hours, and for busy
#: machines there is none: nobody asks for their past.
HOURLY, HISTORY = timedelta(days=15), timedelta(days=46)
_HOUR, _STEP = timedelta(hours=1), timedelta(hours=6)
_MORNING, _EVENING, _SATURDAY = 8, 19, 5

_PEAK = (7000, 9800)
#: CPU in hundredths of a per cent and bytes an hour in each direction: (least, most).
_CPU = {
    Profile.IDLE: (30, 180),
    Profile.BUSY: (2000, 7500),
    Profile.RELAY: (80, 280),
    Profile.MONTH_END: (30, 160),
}
_BYTES = {
    Profile.IDLE: (20_000, 60_000),
    Profile.BUSY: (200_000_000, 2_000_000_000),
    Profile.RELAY: (2_000_000_000, 6_000_000_000),
    Profile.MONTH_END: (20_000, 60_000),
}


@dataclass(frozen=True, slots=True)
class Point:
    """One data point of a thing's metric; the value holds for the hour from `at`."""

    namespace: str
    metric: str
    unit: str
    at: datetime
    value: float


def points(thing: Thing, now: datetime, seed: int) -> Iterator[Point]:
    """Every data point of a thing up to the last full hour before `now`, newest first.

    Machines in production have six-hourly points only; those that a sweep looks at have hourly
    ones for 15 days and six-hourly ones for 46. Nothing is older than the thing itself.
    """
    rng = Random(f"metrics/{seed}/{thing.name}")  # noqa: S311 a demo is not a secret
    match thing.kind:
        case Kind.INSTANCE if thing.profile is not Profile.SILENT:
            for at in _moments(now, thing, coarse=_is_production(thing)):
                yield from _machine(thing, at, rng)
        case Kind.FUNCTION:
            for at in _moments(now, thing, coarse=False):
                yield from _function(thing, at, rng)
        case Kind.VOLUME if thing.attached_to is not None:
            for at in _moments(now, thing, coarse=True):
                yield Point("AWS/EBS", "VolumeReadOps", "Count", at, float(rng.randint(500, 90_000)))
        case Kind.LOAD_BALANCER if thing.targets:
            for at in _moments(now, thing, coarse=True):
                calls = rng.randint(200_000, 900_000)
                yield Point("AWS/ApplicationELB", "RequestCount", "Count", at, float(calls))


def _is_production(thing: Thing) -> bool:
    return any(value.lower().startswith("prod") for value in thing.tags.values())


def _moments(now: datetime, thing: Thing, *, coarse: bool) -> Iterator[datetime]:
    last = now.replace(minute=0, second=0, microsecond=0) - _HOUR
    reach = HOURLY if thing.profile is Profile.BUSY else HISTORY
    at, oldest = last, max(thing.launched_at, now - reach)
    while at >= oldest:
        yield at
        at -= _STEP if coarse or last - at >= HOURLY else _HOUR


def _machine(thing: Thing, at: datetime, rng: Random) -> Iterator[Point]:
    profile = Profile.BUSY if thing.profile is Profile.MONTH_END and _month_turns(at) else thing.profile
    least, most = _CPU[profile] if profile is thing.profile else _PEAK
    if thing.profile is Profile.BUSY and not _at_work(at):
        most = (least + most) // 2
    yield Point("AWS/EC2", "CPUUtilization", "Percent", at, rng.randint(least, most) / 100)
    for metric in ("NetworkIn", "NetworkOut"):
        yield Point("AWS/EC2", metric, "Bytes", at, float(rng.randint(*_BYTES[profile])))


def _function(thing: Thing, at: datetime, rng: Random) -> Iterator[Point]:
    """A function without a reserved concurrency takes nearly all of the account's thousand."""
    least, most = (620, 960) if thing.reserved is None else (8, 34)
    yield Point("AWS/Lambda", "ConcurrentExecutions", "Count", at, float(rng.randint(least, most)))
    yield Point("AWS/Lambda", "Invocations", "Count", at, float(rng.randint(450_000, 800_000)))


def _month_turns(at: datetime) -> bool:
    return at.day == 1 or (at + timedelta(days=1)).day == 1


def _at_work(at: datetime) -> bool:
    return at.weekday() < _SATURDAY and _MORNING <= at.hour < _EVENING
