"""The dead man's switch: tells when a source of bills is late, silent or shrunk, and when it is over."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from actions.approval import BURSAR
from flows import cards
from flows.desk import Desk
from spend import arrival, canonical
from spend.arrival import Condition, Size
from spend.period import DAY
from storage import deliveries, ids, jobs, tables
from storage.sources.dialects import DIALECTS
from storage.unit import Unit

JOB = "watch"
EVERY = timedelta(hours=1)
#: No billing period that is older than this is still open, in days.
OLDEST = 100


@dataclass(frozen=True, slots=True)
class Wrong:
    """A condition that holds now; `bill` tells the bills of one source apart."""

    source: str
    condition: Condition
    bill: str
    since: datetime
    details: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, str, str]:
        """What is told once."""
        return self.source, str(self.condition), self.bill


def due(desk: Desk, now: datetime) -> None:
    """Queue the next look, once an hour whatever the number of workers."""
    slot = canonical.data(now.replace(minute=0, second=0, microsecond=0))
    if jobs.queued(desk.store, JOB, slot):
        return
    with desk.store.reading() as session:
        if not deliveries.find(session, limit=1):
            return
    with desk.store.writing(now) as unit:
        unit.enqueue(JOB, slot)


def watch(desk: Desk, now: datetime) -> None:
    """Tell what has gone wrong with the sources since the last look, once, and what is right again."""
    with desk.store.reading() as session:
        on = deliveries.watched(session)
        if _as_told(on, list(_wrong(session, on, now))):
            return
    with desk.store.writing(now) as unit:
        unit.alone(JOB)
        on = deliveries.watched(unit.session)
        found = {one.key: one for one in _wrong(unit.session, on, now)}
        known = {_key(row): row for row in on}
        for key, row in known.items():
            if key not in found:
                _end(desk, unit, row)
            elif canonical.data(found[key].details) != row.details:
                row.details = canonical.data(found[key].details)
                _redraw(desk, unit, row)
        for key, one in found.items():
            if key not in known:
                _begin(desk, unit, one)


def _key(row: tables.Watched) -> tuple[str, str, str]:
    return row.source, row.condition, row.bill


def _as_told(on: list[tables.Watched], found: list[Wrong]) -> bool:
    return {_key(row): row.details for row in on} == {one.key: canonical.data(one.details) for one in found}


def _wrong(session: Any, on: list[tables.Watched], now: datetime) -> Iterator[Wrong]:
    for source, arrivals in deliveries.arrivals(session).items():
        for one in arrival.overdue(arrivals, now):
            details = {
                "limit": int(one.limit.total_seconds()),
                "learned": one.learned,
                "day": max(each.day for each in arrivals),
            }
            yield Wrong(source, one.condition, "", one.last, details)
    yield from _shrunk(session, on, now)


def _shrunk(session: Any, on: list[tables.Watched], now: datetime) -> Iterator[Wrong]:
    """The open bills that became less; of one that was told, what it was before counts until it is right."""
    told = {_key(row): row for row in on}
    dialects = deliveries.dialects(session)
    for row, before in deliveries.changes(session, now.date() - OLDEST * DAY):
        dialect = DIALECTS.get(dialects.get(row.source, ""))
        if now.date() >= arrival.rests(row.billing_period, dialect.settles if dialect else None):
            continue
        bill = f"{row.billing_account} {row.billing_period}"
        known = told.get((row.source, str(Condition.SHRUNK), bill))
        was = known.details["before"] if known else _size(before) if before else None
        if was is not None and arrival.shrunk(size(was), size(_size(row))):
            details = {"account": row.billing_account, "period": row.billing_period, "before": was}
            since = known.since if known else row.published_at
            yield Wrong(row.source, Condition.SHRUNK, bill, since, {**details, "after": _size(row)})


def _size(row: tables.Snapshot) -> dict[str, Any]:
    return {"rows": row.rows, "totals": row.totals}


def size(told: Mapping[str, Any]) -> Size:
    """How much a bill was, from the details of what was told."""
    return deliveries.size(told["rows"], told["totals"])


def _begin(desk: Desk, unit: Unit, one: Wrong) -> None:
    row = unit.add(
        tables.Watched(
            id=ids.new("watched"),
            source=one.source,
            condition=str(one.condition),
            bill=one.bill,
            since=one.since,
            details=canonical.data(one.details),
            told_at=unit.now,
        )
    )
    after = {"source": one.source, "condition": one.condition, "bill": one.bill, **one.details}
    unit.record("source.alarm", actor=BURSAR, subject=row.id, after=after)
    unit.send("post", "watched", row.id, channel=desk.org.told_of_data, surface=cards.watched(row.id))


def _end(desk: Desk, unit: Unit, row: tables.Watched) -> None:
    row.ended_at = unit.now
    unit.record("source.recover", actor=BURSAR, subject=row.id, after={"source": row.source})
    thread = cards.watched(row.id)
    text = f"{row.source} is back to normal."
    cards.tell(unit, desk.org.told_of_data, text, thread=thread)
    _redraw(desk, unit, row)


def _redraw(desk: Desk, unit: Unit, row: tables.Watched) -> None:
    if desk.org.told_of_data:  # else it was never posted
        unit.send("update", "watched", row.id, surface=cards.watched(row.id))
