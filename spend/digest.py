"""One team's digest of one week, as it is stored, shown and shown again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from spend import record
from spend.budget import Standing
from spend.charge import Basis
from spend.forecast import Forecast
from spend.period import Period

#: A push notification shows about this much.
PUSH = 110
#: How much of a long title it spends, and from which percentage on money says more.
TITLE, MOST_PERCENT = 32, 1000


@dataclass(frozen=True, slots=True)
class Move:
    """One mover: what it is, in words, and its cents of the week, of the week before, and between.

    Attributes:
        service, resource, meter: which charges it is made of (ServiceName, ResourceId, SkuMeter).
        pool: the shared pool it is a part of, instead.
    """

    name: str
    now: Decimal
    before: Decimal
    change: Decimal
    service: str | None = None
    resource: str | None = None
    meter: str | None = None
    pool: str | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """The money of one currency; currencies are never added.

    Attributes:
        total, before, change: this week, the week before, and the difference, in cents.
        moves, other: the largest movers and the rest; they add up to the change.
        budget: the month against the budget, where one is set in this currency.
        forecast: the month that holds the last complete day.
    """

    currency: str
    total: Decimal
    before: Decimal
    change: Decimal
    moves: tuple[Move, ...] = ()
    other: Decimal = Decimal(0)
    budget: Standing | None = None
    forecast: Forecast | None = None


@dataclass(frozen=True, slots=True)
class Unowned:
    """A charge that nobody owns and this team may claim.

    Attributes:
        account, service, resource: what a claim would name.
        name: what people call the resource, where the bill says it.
    """

    id: str
    account: str | None
    service: str | None
    resource: str | None
    amount: Decimal
    currency: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class FindingBrief:
    """An open finding in one line."""

    id: str
    kind: str
    title: str
    since: date
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class PlanBrief:
    """A plan that waits for approval, in one line."""

    id: str
    runbook: str
    title: str
    targets: int
    saving: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Restated:
    """Money of an earlier week that a newer snapshot, a claim or a ruling changed since its digest."""

    currency: str
    amount: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class Spent:
    """One day's total, for the chart."""

    day: date
    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Reached:
    """The last day that is complete in the bills of one source."""

    source: str
    day: date


@dataclass(frozen=True, slots=True)
class Digest:
    """What a team is told on Monday.

    Attributes:
        complete_through: the last day whose figures are complete.
        sources: how far each source is complete.
        corrections: what changed in weeks told before.
        daily: the days of the chart, in order.
        snapshots: the ids of the deliveries that the figures come from.
    """

    team: str
    title: str
    week: Period
    basis: Basis
    complete_through: date
    figures: tuple[Figure, ...] = ()
    unowned: tuple[Unowned, ...] = ()
    findings: tuple[FindingBrief, ...] = ()
    waiting: tuple[PlanBrief, ...] = ()
    corrections: tuple[Restated, ...] = ()
    daily: tuple[Spent, ...] = ()
    snapshots: tuple[str, ...] = ()
    sources: tuple[Reached, ...] = ()

    @property
    def apart(self) -> tuple[Reached, ...]:
        """How far each source is complete, where that is not the same day."""
        return self.sources if len({one.day for one in self.sources}) > 1 else ()

    def to_data(self) -> dict[str, Any]:
        """Plain JSON data, amounts as text."""
        data: dict[str, Any] = record.to_data(self)
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Digest":
        """The digest that `to_data` wrote."""
        return record.from_data(cls, data)


def push_text(digest: Digest) -> str:
    """The digest in one line of at most 110 characters, the most important first."""
    parts = [_headline(digest)]
    over = [figure.currency for figure in digest.figures if figure.budget and figure.budget.over]
    counts = [
        (len(digest.waiting), "to approve"),
        (len(digest.findings), "open"),
        (len(digest.unowned), "unowned"),
    ]
    parts += [f"{' and '.join(over)} over budget"] if over else []
    parts += [f"{count} {word}" for count, word in counts if count]
    text = parts[0]
    for part in parts[1:]:
        if len(text) + len(part) + 3 <= PUSH:
            text += f" · {part}"
    return text if len(text) <= PUSH else text[: PUSH - 1] + "…"


def _headline(digest: Digest) -> str:
    title = digest.title if len(digest.title) <= TITLE else digest.title[: TITLE - 1] + "…"
    if not digest.figures:
        return f"{title}: no spend in the week of {digest.week.start.isoformat()}"
    first = max(digest.figures, key=lambda figure: (abs(figure.total), figure.currency))
    more = len(digest.figures) - 1
    also = f" and {more} more {'currency' if more == 1 else 'currencies'}" if more else ""
    return f"{title}: {first.currency} {first.total:z,.0f}{_change(first)}{also}"


def _change(figure: Figure) -> str:
    """The change in percent, where a percentage of the week before means something."""
    if figure.before <= 0 or figure.total < 0:
        return f" ({figure.change:+z,.0f})"
    percent = figure.change / figure.before * 100
    return f" ({percent:+z,.0f} %)" if abs(percent) < MOST_PERCENT else f" ({figure.change:+z,.0f})"
