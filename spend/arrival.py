"""What to expect of a source of bills, learned from what it delivered: when it is late, silent or shrunk.

The limits are Bursar's own rules. That a day takes two days to fill is what those who read bills for
others work with, as the providers promise no time (Costory's and Estuary's documents).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from spend.money import EXACT, ZERO
from spend.period import DAY

#: Days after a day until all of its charges are there.
FILLS = 2
#: Days after the end of a billing period until its figures rest, where the provider does not say.
SETTLES = 10
#: The longest that a billing period lasts, in days.
PERIOD = 31
#: A limit is learned from at least this many gaps, and from the newest so many of them.
FEWEST, MOST = 5, 60
#: Of a hundred gaps, how many the learned one is not shorter than; and how much more is borne with.
PERCENTILE, GRACE = 95, timedelta(hours=6)
SILENT = timedelta(hours=36)
#: By how much a bill may become less before somebody is told.
SHRINKS = Decimal("0.02")


class Condition(StrEnum):
    """What can be wrong with a source, although each of its deliveries may be right."""

    LATE = "late"
    SILENT = "silent"
    SHRUNK = "shrunk"


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a source told something new, and the newest day that it told of."""

    at: datetime
    day: date


@dataclass(frozen=True, slots=True)
class Overdue:
    """A source that should have told something by now.

    Attributes:
        last: when it did last.
        limit: how long after that it was expected.
        learned: whether the limit is learned from its own deliveries.
    """

    condition: Condition
    last: datetime
    limit: timedelta
    learned: bool


@dataclass(frozen=True, slots=True)
class Size:
    """How much a bill is: its rows, and each of its costs by currency and basis."""

    rows: int
    money: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)


def filled(last_day: date, told_at: datetime) -> date:
    """The last day that is complete in a bill that was told then and ends with this day.

    The days of a bill that is still being filled arrive in parts; a bill of the past is complete.
    """
    return min(last_day, told_at.date() - FILLS * DAY)


def rests(period: date, settles: int | None) -> date:
    """The day from which the figures of the billing period that starts on this day should rest."""
    return period + (PERIOD + (SETTLES if settles is None else settles)) * DAY


def learned(moments: Sequence[datetime]) -> timedelta | None:
    """How long after one arrival the next one should be there: the 95th percentile of the gaps, and 6 h.

    None where there are too few gaps to learn from.
    """
    gaps = sorted(later - earlier for earlier, later in pairwise(moments[-MOST - 1 :]))
    if len(gaps) < FEWEST:
        return None
    rank = -(-len(gaps) * PERCENTILE // 100)
    return gaps[rank - 1] + GRACE


def overdue(arrivals: Sequence[Arrival], now: datetime) -> Iterator[Overdue]:
    """What a source should have told by now.

    Late: no delivery for longer than it learned. Silent: no new day for 36 h, or for as long as it
    learned that the source takes for one. A bill that was old when it came is an archive, after which
    nobody waits for the next one.

    Args:
        arrivals: those of one source, in order.
    """
    fresh = [one for one in arrivals if one.at.date() - one.day <= SETTLES * DAY]
    if not fresh:
        return
    limit = learned([one.at for one in fresh])
    if limit is not None and now - fresh[-1].at > limit:
        yield Overdue(Condition.LATE, fresh[-1].at, limit, learned=True)
    new = list(_new_days(fresh))
    slower = learned(new) or SILENT
    if now - new[-1] > max(slower, SILENT):
        yield Overdue(Condition.SILENT, new[-1], max(slower, SILENT), learned=slower > SILENT)


def _new_days(arrivals: Sequence[Arrival]) -> Iterator[datetime]:
    newest = date.min
    for one in arrivals:
        if one.day > newest:
            newest = one.day
            yield one.at


def shrunk(before: Size, after: Size) -> bool:
    """Whether a bill that is still being filled became less by more than 2 % of its rows or of a cost."""
    return _less(Decimal(before.rows), Decimal(after.rows)) or any(
        _less(amount, after.money.get(key, ZERO)) for key, amount in before.money.items()
    )


def _less(before: Decimal, after: Decimal) -> bool:
    return before > 0 and after < EXACT.multiply(before, 1 - SHRINKS)
