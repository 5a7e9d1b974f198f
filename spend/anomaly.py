"""The daily detector: one incident per anomaly, few false alarms, nothing but earlier days needed.

Usage charges of one series (a team's service in an account, say) go in; tax, credits, purchases
and corrections are left out by the caller. Statistics are floats; reported amounts are cents.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from spend.baseline import WARM_UP, Event, History, Outlook
from spend.money import cents, minus, total
from spend.period import DAY

#: A spike is this many usual errors above what is expected.
SPIKE = 5.5
#: What is not worth a person's time: less than this much money, in currency, or this share.
LEAST_AMOUNT, LEAST_SHARE = 15.0, 0.12
#: A day must also stand above nine of ten recent days by this factor.
ABOVE_USUAL = 1.05
#: The cumulated sum that tells a drift: z clipped, less an allowance each day, against a limit.
CLIP, ALLOWANCE, DRIFT = (-3.0, 4.0), 0.8, 13.0
#: A series may vanish only if it never fell near zero and is worth noticing.
NEVER_BELOW, LEAST_LOSS = 0.12, 20.0
#: A series that was not there before is news from this much on, within a week.
NEW = 100.0
#: Days without anything unusual that end an incident; days after which it is the new normal.
CALM, LASTING = 3, 14
#: A day goes on with an incident while it carries this share of the worst day's excess.
TAIL = 0.1
#: The last days of what lasted begin the new level.
SETTLED = 5


class AnomalyKind(StrEnum):
    """How the cost left what was expected."""

    SPIKE = "spike"
    DRIFT = "drift"
    NEW = "new"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Incident:
    """One anomaly, from its first unusual day to its last.

    Attributes:
        noticed: the day whose figures gave it away.
        actual, expected, excess: over its days, in the series' currency, to the cent.
        over: whether calm days followed, or it became the new normal.
    """

    start: date
    last: date
    noticed: date
    kind: AnomalyKind
    actual: Decimal
    expected: Decimal
    excess: Decimal
    over: bool


@dataclass
class _Open:
    """An incident while its days are told."""

    kind: AnomalyKind
    start: date
    noticed: date
    last: date
    worst: float = 0.0
    over: bool = False
    calm: int = 0


def detect(
    series: Sequence[tuple[date, Decimal]],
    *,
    complete_through: date,
    events: Sequence[Event] = (),
    known_from: date | None = None,
) -> list[Incident]:
    """Find the incidents of a daily series, oldest first.

    Args:
        series: (day, amount) in one currency; several amounts of a day are added, a day that is
            not there cost nothing.
        complete_through: the last day whose figures are complete. Later days, still filling, can
            only confirm that something costs too much.
        events: registered launches and holidays.
        known_from: the first day of which the bill is known at all (default: of this series), so
            that a service which begins later is told from one whose past is not known.
    """
    amounts: dict[date, Decimal] = {}
    for day, amount in series:
        amounts[day] = total((amounts.get(day, Decimal(0)), amount))
    paid = [day for day, amount in amounts.items() if amount > 0]
    if not paid:
        return []
    watch = _Watch(amounts, events, complete_through, min(known_from or min(amounts), *amounts))
    day, end = min(paid), max(complete_through, *amounts)
    while day <= end:
        watch.tell(day)
        day += DAY
    return watch.incidents()


class _Watch:
    """Tells the days in order and keeps at most one incident open."""

    def __init__(
        self, amounts: Mapping[date, Decimal], events: Sequence[Event], complete: date, known: date
    ) -> None:
        self._amounts, self._complete = amounts, complete
        self._history = History(events)
        self._expected: dict[date, float] = {}
        self._first = min(day for day, amount in amounts.items() if amount > 0)
        self._fresh = self._first >= known + WARM_UP * DAY
        self._sum, self._sum_since = 0.0, self._first
        self._found: list[_Open] = []

    def tell(self, day: date) -> None:
        """Judge one day with what was known before it, then learn from it."""
        amount = float(self._amounts.get(day, 0))
        outlook = self._history.outlook(day)
        self._expected[day] = outlook.expected if outlook else 0.0
        if outlook is None:
            kind = self._begins(day)
        elif day > self._complete:
            kind = AnomalyKind.SPIKE if _spikes(amount, outlook) else None
        else:
            kind = self._unusual(day, amount, outlook)
        self._history.tell(day, amount, outlook)
        self._follow(day, kind)

    def incidents(self) -> list[Incident]:
        """What was found, in order."""
        return [self._report(found) for found in self._found]

    def _begins(self, day: date) -> AnomalyKind | None:
        """Whether a series without a past already costs enough to be news."""
        if not self._fresh or day >= self._first + 7 * DAY:
            return None
        paid = [a for d, a in self._amounts.items() if self._first <= d <= day and a > 0]
        monthly = self._first.day == 1 and len(paid) == 1  # perhaps a fee whose last month is not known
        return AnomalyKind.NEW if total(paid) > NEW and not monthly else None

    def _unusual(self, day: date, amount: float, outlook: Outlook) -> AnomalyKind | None:
        missing = amount == 0 and outlook.expected > LEAST_LOSS and outlook.least > NEVER_BELOW
        if self._history.holiday(day):
            return AnomalyKind.SPIKE if _spikes(amount, outlook) else None
        drifts = self._drifts(day, amount, outlook)
        if missing:
            return AnomalyKind.MISSING
        if _spikes(amount, outlook):
            return AnomalyKind.SPIKE
        return AnomalyKind.DRIFT if drifts else None

    def _drifts(self, day: date, amount: float, outlook: Outlook) -> bool:
        if self._sum <= 0:
            self._sum_since = day
        self._sum = max(0.0, self._sum + max(CLIP[0], min(CLIP[1], outlook.z(amount))) - ALLOWANCE)
        if self._sum <= DRIFT:
            return False
        days = _days(self._sum_since, day)
        actual = sum(float(self._amounts.get(d, 0)) for d in days)
        expected = sum(self._expected.get(d, 0.0) for d in days)
        return actual - expected > max(2 * LEAST_AMOUNT, LEAST_SHARE * expected) and _matters(
            amount, outlook, 0.5
        )

    def _follow(self, day: date, kind: AnomalyKind | None) -> None:
        """Open, grow or end the incident."""
        incident = self._found[-1] if self._found and not self._found[-1].over else None
        if incident is None:
            if kind is not None:
                self._open(day, kind)
            return
        self._history.set_aside([day])
        if kind is not None or self._still(day, incident):
            incident.last, incident.calm = day, 0
        elif day <= self._complete:
            incident.calm += 1
        if incident.calm >= CALM:
            self._close(incident, _days(incident.last + DAY, day))
        elif (day - incident.start).days >= LASTING:
            self._close(incident, _days(incident.start, day))
            self._history.settle(day - (SETTLED - 1) * DAY)

    def _open(self, day: date, kind: AnomalyKind) -> None:
        start = {AnomalyKind.DRIFT: self._sum_since, AnomalyKind.NEW: self._first}.get(kind, day)
        excess = float(self._amounts.get(day, 0)) - self._expected[day]
        self._found.append(_Open(kind, start, day, day, excess))
        if kind is not AnomalyKind.NEW:  # a new series has no other days to learn from
            self._history.set_aside(_days(start, day))

    def _close(self, incident: _Open, normal: Sequence[date]) -> None:
        incident.over = True
        self._history.adopt(normal)
        self._sum = 0.0

    def _still(self, day: date, incident: _Open) -> bool:
        """Whether an open incident goes on, by a lower bar than the one that opened it."""
        amount, expected = float(self._amounts.get(day, 0)), self._expected[day]
        if incident.kind is AnomalyKind.NEW:
            return amount > 0
        if incident.kind is AnomalyKind.MISSING:
            return amount <= expected * NEVER_BELOW
        incident.worst = max(incident.worst, amount - expected)
        bar = max(LEAST_AMOUNT, LEAST_SHARE * expected) / 2
        return amount - expected > max(bar, TAIL * incident.worst)

    def _report(self, found: _Open) -> Incident:
        days = _days(found.start, found.last)
        actual = cents(total(self._amounts.get(day, Decimal(0)) for day in days))
        usual = 0.0 if found.kind is AnomalyKind.NEW else sum(self._expected[day] for day in days)
        expected = cents(Decimal(repr(usual)))
        return Incident(
            found.start,
            found.last,
            found.noticed,
            found.kind,
            actual,
            expected,
            minus(actual, expected),
            found.over,
        )


def _days(first: date, last: date) -> list[date]:
    return [first + n * DAY for n in range((last - first).days + 1)]


def _matters(amount: float, outlook: Outlook, share: float = 1.0) -> bool:
    return amount - outlook.expected > share * max(LEAST_AMOUNT, LEAST_SHARE * outlook.expected)


def _spikes(amount: float, outlook: Outlook) -> bool:
    above = amount > ABOVE_USUAL * outlook.usual_top
    return above and outlook.known and outlook.z(amount) > SPIKE and _matters(amount, outlook)
