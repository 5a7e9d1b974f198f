"""Tells an idle instance from one that is quiet now and then: enough days, CPU and network, and its past."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from actions.aws.ec2 import midnight
from actions.aws.metrics import Query, Series, Span, read

#: Days that hold at least one turn of the month, whatever day it is.
HISTORY_DAYS = 45
#: Quiet days in a row after which work is called a burst, not a working week with its weekend.
QUIET_STRETCH = 7
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """Below which figures an instance is idle.

    Attributes:
        days: whole UTC days that must all be quiet; one of them may be without data.
        average, peak: percent of CPU, as a day's average and as its highest minute.
        network: megabytes a day, in and out together.
    """

    days: int
    average: int
    peak: int
    network: int


def idle(cloudwatch: Any, where: str, ids: Sequence[str], bounds: Bounds, now: datetime) -> dict[str, str]:
    """Which of these instances are idle, with the evidence in words.

    Raises:
        Unreadable: the metrics did not come in full.
    """
    start = midnight(now, days_ago=bounds.days)
    recent = read(cloudwatch, where, [q for i in ids for q in _queries(i)], Span(start, now))
    quiet = [i for i in ids if _quiet_throughout(recent, i, bounds)]
    long_ago = midnight(now, days_ago=HISTORY_DAYS)
    past: Mapping[Query, Series] = {}
    if quiet and long_ago < start:
        past = read(cloudwatch, where, [q for i in quiet for q in _queries(i)], Span(long_ago, start))
    return {i: _evidence(recent, i) for i in quiet if not past or not _works_in_bursts(past, i, bounds)}


def _queries(instance: str) -> list[Query]:
    def of(metric: str, stat: str) -> Query:
        return Query("AWS/EC2", metric, "InstanceId", instance, stat)

    return [
        of("CPUUtilization", "Average"),
        of("CPUUtilization", "Maximum"),
        of("NetworkIn", "Sum"),
        of("NetworkOut", "Sum"),
    ]


def _days(found: Mapping[Query, Series], instance: str) -> dict[datetime, tuple[float, float, float]]:
    """Average, peak and megabytes of each day for which all of them are there."""
    average, peak, received, sent = (found[query] for query in _queries(instance))
    whole = average.keys() & peak.keys() & received.keys() & sent.keys()
    return {day: (average[day], peak[day], (received[day] + sent[day]) / MEGABYTE) for day in sorted(whole)}


def _is_quiet(day: tuple[float, float, float], bounds: Bounds) -> bool:
    average, peak, network = day
    return average < bounds.average and peak < bounds.peak and network < bounds.network


def _quiet_throughout(found: Mapping[Query, Series], instance: str, bounds: Bounds) -> bool:
    days = _days(found, instance)
    return len(days) >= bounds.days - 1 and all(_is_quiet(day, bounds) for day in days.values())


def _works_in_bursts(found: Mapping[Query, Series], instance: str, bounds: Bounds) -> bool:
    """Whether it has come back to work after a quiet week before, as a batch machine does each month."""
    stretch = 0
    for _, day in sorted(_days(found, instance).items()):
        if _is_quiet(day, bounds):
            stretch += 1
        elif stretch >= QUIET_STRETCH:
            return True
        else:
            stretch = 0
    return False


def _evidence(found: Mapping[Query, Series], instance: str) -> str:
    days = _days(found, instance).values()
    _, peak, network = (max(day[n] for day in days) for n in range(3))
    return f"over {len(days)} days: CPU at most {peak:.1f} %, network at most {network:.1f} MB a day"
