"""The clock: each local day falls due once, through every change of the clocks."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot import clock
from bot.settings_model import File
from bot.settings_types import DAYS
from storage import schedules, tables
from storage.sources.remote import Source
from storage.store import Store
from tests.bot.world import until

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca")


def schedule(at: str, days: str = ",".join(DAYS), zone: str = "Europe/Berlin") -> tables.Schedule:
    return tables.Schedule(name="s", job="digest", days=days, at=at, zone=zone, args={})


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def test_a_time_that_comes_twice_falls_due_once() -> None:
    found = clock.due_periods(schedule("02:30"), utc(2026, 10, 24, 12), utc(2026, 10, 25, 12))
    assert found == [clock.Period("2026-10-25", utc(2026, 10, 25, 0, 30))]


def test_a_time_that_is_skipped_falls_due_at_the_next_one_there_is() -> None:
    found = clock.due_periods(schedule("02:30"), utc(2026, 3, 28, 12), utc(2026, 3, 29, 12))
    assert found == [clock.Period("2026-03-29", utc(2026, 3, 29, 1))]


def test_nine_in_the_morning_stays_nine_in_the_morning() -> None:
    winter = clock.instant(date(2026, 1, 5), time(9), BERLIN)
    summer = clock.instant(date(2026, 7, 6), time(9), BERLIN)
    assert (winter.hour, summer.hour) == (8, 7)


@given(
    hours=st.integers(0, 10 * 365 * 24),
    zone=st.sampled_from(ZONES),
    minutes=st.integers(0, 24 * 60 - 1),
    days=st.integers(1, 400),
)
def test_however_often_the_clock_ticks_every_date_falls_due_exactly_once(
    hours: int, zone: str, minutes: int, days: int
) -> None:
    plan = schedule(f"{minutes // 60:02}:{minutes % 60:02}", zone=zone)
    begin = utc(2020, 1, 1) + timedelta(hours=hours)
    ends = [begin + timedelta(days=days * part / 3) for part in range(4)]
    whole = clock.due_periods(plan, ends[0], ends[3])
    parts = [one for a, b in pairwise(ends) for one in clock.due_periods(plan, a, b)]
    assert parts == whole
    keys = [one.key for one in whole]
    assert len(set(keys)) == len(keys)
    assert abs(len(keys) - days) <= 1


def test_an_hour_falls_due_once_on_its_days_whatever_the_clocks_do() -> None:
    # In Berlin the hour from two to three comes twice on this Sunday.
    hourly = schedule("*:05", days="sun")
    found = clock.due_periods(hourly, utc(2026, 10, 24, 12), utc(2026, 10, 26, 12))
    assert [one.key for one in found][:4] == [f"2026-10-24T{hour}:05Z" for hour in (22, 23)] + [
        f"2026-10-25T{hour:02}:05Z" for hour in (0, 1)
    ]
    assert len(found) == len({one.key for one in found}) == 25
    whole = clock.due_periods(schedule("*:05"), utc(2026, 10, 24, 12), utc(2026, 10, 24, 14, 5))
    assert [one.due_at.hour for one in whole] == [12, 13, 14]
    assert clock.due_periods(schedule("*:05"), utc(2026, 10, 24, 12, 5), utc(2026, 10, 24, 13, 4)) == []


@pytest.mark.parametrize("at", ["*:60", "*:5", "*", "*:05:00", "9"])
def test_a_time_that_is_none_is_refused(at: str) -> None:
    with pytest.raises(ValidationError, match="for every hour"):
        File.model_validate({"schedules": [{"name": "s", "job": "estimate", "at": at}]})


class TestTicks:
    def sync(self, store: Store, now: datetime, **part: object) -> None:
        wanted = {"name": "monday", "job": "digest", "days": ["mon"], "at": "09:00"} | part
        file = File.model_validate({"zone": "Europe/Berlin", "schedules": [wanted]})
        schedules.sync(store, clock.rows(file), now)

    def jobs(self, store: Store) -> dict[str, object]:
        with store.reading() as session:
            return {job.key: (job.args or {})["late"] for job in session.query(tables.Job)}

    def test_a_week_becomes_one_job_however_many_clocks_tick(self, store: Store) -> None:
        self.sync(store, utc(2026, 3, 1))
        tickers = [clock.Ticker(store), clock.Ticker(store)]
        early = [ticker.tick(utc(2026, 3, 2, 7, 59)) for ticker in tickers]
        due = [ticker.tick(utc(2026, 3, 2, 8, 0, 1)) for ticker in tickers * 2]
        assert (early, due) == ([0, 0], [1, 0, 0, 0])
        assert self.jobs(store) == {"monday:2026-03-02": False}

    @pytest.mark.case("T47")
    def test_of_several_missed_days_only_the_latest_is_caught_up_and_says_that_it_is_late(
        self, store: Store
    ) -> None:
        self.sync(store, utc(2026, 3, 1), days=list(DAYS))
        clock.Ticker(store).tick(utc(2026, 3, 5, 12))
        assert self.jobs(store) == {"monday:2026-03-05": True}

    def test_what_was_missed_by_more_than_a_week_stays_missed(self, store: Store) -> None:
        self.sync(store, utc(2026, 3, 1))
        clock.Ticker(store).tick(utc(2026, 3, 8, 9))
        clock.Ticker(store).tick(utc(2026, 3, 9, 7))
        assert list(self.jobs(store)) == ["monday:2026-03-02"]
        assert clock.Ticker(store).tick(utc(2026, 3, 9, 8)) == 1

    def test_a_new_schedule_has_no_past_and_a_restart_does_not_make_it_new(self, store: Store) -> None:
        self.sync(store, utc(2026, 3, 4))
        assert clock.Ticker(store).tick(utc(2026, 3, 4, 1)) == 0
        self.sync(store, utc(2026, 3, 9, 12))
        assert clock.Ticker(store).tick(utc(2026, 3, 9, 12)) == 1

    def test_a_schedule_that_left_the_settings_falls_due_no_more(self, store: Store) -> None:
        self.sync(store, utc(2026, 3, 1))
        schedules.sync(store, [], utc(2026, 3, 1))
        assert clock.Ticker(store).tick(utc(2026, 3, 2, 12)) == 0


def test_an_import_is_told_its_source() -> None:
    wanted = {"name": "bills", "job": "import", "at": "05:00", "args": {"source": "aws"}}
    said = {"name": "aws", "path": "/bills", "kind": "opencost", "currency": "USD"}
    file = File.model_validate({"schedules": [wanted], "sources": [said]})
    assert clock.rows(file)[0].args == {"source": "aws"}
    assert file.sources[0].source() == Source("aws", "/bills", "opencost", "USD")
    with pytest.raises(ValidationError, match="not as 'excel'"):
        File.model_validate({"sources": [said | {"kind": "excel"}]})


@pytest.mark.parametrize("name", DAYS)
def test_days_are_called_by_name(name: str) -> None:
    found = clock.due_periods(schedule("12:00", name, "UTC"), utc(2026, 3, 1), utc(2026, 3, 8))
    assert [DAYS[date.fromisoformat(one.key).weekday()] for one in found] == [name]


def test_the_tick_job_runs_every_second(sqlite_store_with_schedule: Store) -> None:
    scheduler = clock.start(sqlite_store_with_schedule, lambda: utc(2026, 3, 2, 12))
    try:

        def queued() -> bool:
            with sqlite_store_with_schedule.reading() as session:
                return session.query(tables.Job).count() == 1

        until(queued)
    finally:
        scheduler.shutdown()


@pytest.fixture
def sqlite_store_with_schedule(store: Store) -> Store:
    schedules.sync(store, [schedule("09:00")], utc(2026, 3, 1))
    return store
