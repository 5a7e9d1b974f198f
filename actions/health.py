"""Named health queries: what must hold for some minutes after a wave; no data is a failure."""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from actions.errors import Unreadable

#: How densely a span is looked through; finer than a dashboard's minute, coarser than a scrape.
EVERY = timedelta(seconds=30)
_HOLDS = re.compile(r"(<=|>=|<|>) (-?[0-9]+(?:\.[0-9]+)?)")
_COMPARE: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def comparison(text: str) -> str:
    """The text, if it says what a number must be.

    Raises:
        ValueError: it cannot be read.
    """
    if not _HOLDS.fullmatch(text):
        raise ValueError('write what holds as a comparison with a number, such as "< 0.05" or ">= 1"')
    return text


@dataclass(frozen=True, slots=True)
class HealthQuery:
    """A query of the monitoring and what its answer must be, such as `< 0.05`.

    Raises:
        ValueError: the comparison cannot be read.
    """

    query: str
    holds: str

    def __post_init__(self) -> None:
        comparison(self.holds)

    def held_by(self, value: Decimal) -> bool:
        """Whether this value is as it must be; what is not a number never is."""
        compare, bound = self.holds.split()
        return value.is_finite() and _COMPARE[compare](value, Decimal(bound))


class Health(Protocol):
    """Tells whether what a run touched still serves."""

    def against(self, name: str, since: datetime, until: datetime) -> str | None:
        """Why this query speaks against going on, in words; None if it held from `since` to `until`."""
        ...


class HealthQueries:
    """The health queries of the settings, asked of a monitoring that remembers.

    Args:
        value: the answer of a query at a moment.
    """

    def __init__(self, queries: Mapping[str, HealthQuery], value: Callable[[str, datetime], Decimal]) -> None:
        self._queries, self._value = queries, value

    def against(self, name: str, since: datetime, until: datetime) -> str | None:
        """Why this query speaks against going on: a moment in which it did not hold, or told nothing."""
        if (asked := self._queries.get(name)) is None:
            return f"the health query {name} is not in the settings"
        for moment in _moments(since, until):
            try:
                value = self._value(asked.query, moment)
            except Unreadable as error:
                return f"the health query {name} has no answer for {moment:%H:%M:%S} UTC: {error}"
            if not asked.held_by(value):
                when = f"{moment:%H:%M:%S} UTC"
                return f"the health query {name} was {value:f} at {when}, and must be {asked.holds}"
        return None


def _moments(since: datetime, until: datetime) -> Iterator[datetime]:
    """From the last back to the first: what is wrong now is found with one question."""
    moment = until
    while moment > since:
        yield moment
        moment -= EVERY
    yield since
