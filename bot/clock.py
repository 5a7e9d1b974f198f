"""The clock: turns schedules into jobs, each local day or hour once, through every change of the clocks."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.settings_model import File
from bot.settings_types import DAYS, HOURLY
from storage import schedules, tables
from storage.store import Store

#: A period missed by more than this is not caught up any more.
CATCH_UP = timedelta(days=7)
#: A job that begins later than this after its time says so.
LATE = timedelta(minutes=10)
TICK_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Period:
    """One falling due of a schedule.

    Attributes:
        key: the local date, or the instant of an hour; whatever the clocks did, it falls due once.
        due_at: the instant, in UTC.
    """

    key: str
    due_at: datetime


def due_periods(schedule: tables.Schedule, since: datetime, now: datetime) -> list[Period]:
    """The periods that fell due after `since` and up to `now`, oldest first."""
    zone, days = ZoneInfo(schedule.zone), set(schedule.days.split(","))
    if schedule.at.startswith(HOURLY):
        hours = _hours(int(schedule.at.removeprefix(HOURLY)), since, now)
        return [one for one in hours if DAYS[one.due_at.astimezone(zone).weekday()] in days]
    at = time.fromisoformat(schedule.at)
    day, last = since.astimezone(zone).date(), now.astimezone(zone).date()
    found = []
    while day <= last:
        if DAYS[day.weekday()] in days:
            due_at = instant(day, at, zone)
            if since < due_at <= now:
                found.append(Period(day.isoformat(), due_at))
        day += timedelta(days=1)
    return found


def _hours(minute: int, since: datetime, now: datetime) -> Iterator[Period]:
    """The hours of UTC, which no change of the clocks repeats or skips."""
    moment = since.astimezone(UTC).replace(minute=minute, second=0, microsecond=0)
    while moment <= now:
        if moment > since:
            yield Period(f"{moment:%Y-%m-%dT%H:%MZ}", moment)
        moment += timedelta(hours=1)


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """When a civil time comes: the first of two when clocks go back, the next that exists when they go on."""
    civil = datetime.combine(day, at)
    while True:
        moment = civil.replace(tzinfo=zone).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None) == civil:
            return moment
        civil += timedelta(minutes=1)


def rows(file: File) -> list[tables.Schedule]:
    """The settings' schedules as rows."""
    return [
        tables.Schedule(
            name=part.name,
            job=part.job,
            days=",".join(part.days),
            at=part.at,
            zone=part.zone or file.zone,
            args=part.args,
        )
        for part in file.schedules
    ]


class Ticker:
    """Turns schedules into jobs. A unique row (kind, schedule and period) makes each happen once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queued: set[tuple[str, str]] = set()  # saves a write per tick; the row is what counts

    def tick(self, now: datetime) -> int:
        """Queue what fell due; of several missed periods only the latest. Say how many jobs are new."""
        with self._store.reading() as session:
            standing = schedules.every(session)
        return sum(self._queue(schedule, now) for schedule in standing)

    def _queue(self, schedule: tables.Schedule, now: datetime) -> bool:
        args: dict[str, Any] = dict(schedule.args or {})
        began = args.pop(schedules.SINCE, None)
        since = max(now - CATCH_UP, datetime.fromisoformat(began)) if began else now - CATCH_UP
        periods = due_periods(schedule, since, now)
        if not periods or (schedule.name, periods[-1].key) in self._queued:
            return False
        latest = periods[-1]
        args |= {"schedule": schedule.name, "period": latest.key, "late": now - latest.due_at > LATE}
        with self._store.writing(now) as unit:
            new = unit.enqueue(schedule.job, f"{schedule.name}:{latest.key}", args=args)
        self._queued.add((schedule.name, latest.key))
        return new


def start(store: Store, now: Callable[[], datetime]) -> Any:
    """Start the one tick job in a thread of its own; `shutdown()` on the answer ends it."""
    from apscheduler.schedulers.background import BackgroundScheduler

    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    ticker = Ticker(store)
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.add_job(
        lambda: ticker.tick(now()),
        "interval",
        seconds=TICK_SECONDS,
        coalesce=True,
        misfire_grace_time=None,
        max_instances=1,
    )
    scheduler.start()
    return scheduler
