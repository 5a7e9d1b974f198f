"""One time for all: the database's on PostgreSQL, the machine's on SQLite."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.main import clock_of
from bot.timekeeper import EVERY, RETRY, DatabaseClock
from spend.errors import SettingsWrong
from storage.store import Store
from tests.databases import Database

WRONG = datetime(1999, 12, 31, tzinfo=UTC)
NOON = datetime(2026, 6, 17, 12, tzinfo=UTC)


def skewed() -> datetime:
    """What a machine says whose clock is wrong by decades."""
    return WRONG


def test_processes_on_one_postgresql_agree_whatever_their_machines_say(postgresql: Database) -> None:
    first, second = Store(postgresql.url), Store(postgresql.url)
    one, other = clock_of(first, skewed)(), clock_of(second, skewed)()
    said = first.time()
    for told in (one, other):
        assert told.tzinfo is UTC
        assert abs(told - said) < timedelta(seconds=30)
    first.close()
    second.close()


def test_on_sqlite_the_machine_says_the_time(sqlite: Database) -> None:
    store = Store(sqlite.url)
    assert clock_of(store, skewed)() == WRONG
    store.close()


class Watch:
    """A database's clock and a steady counter, both turned by hand."""

    def __init__(self) -> None:
        self.database, self.counter, self.asked, self.away = NOON, 100.0, 0, False

    def ask(self) -> datetime:
        """The database's answer."""
        self.asked += 1
        if self.away:
            raise SettingsWrong("The database does not answer")
        return self.database

    def steady(self) -> float:
        """The counter."""
        return self.counter


def test_between_two_questions_a_steady_counter_goes_on() -> None:
    watch = Watch()
    clock = DatabaseClock(watch.ask, watch.steady)
    watch.counter += EVERY - 1
    assert clock() == NOON + timedelta(seconds=EVERY - 1)
    assert watch.asked == 1


def test_after_a_minute_the_database_is_asked_again_and_followed() -> None:
    watch = Watch()
    clock = DatabaseClock(watch.ask, watch.steady)
    watch.counter += EVERY
    watch.database = NOON + timedelta(hours=1)
    assert clock() == NOON + timedelta(hours=1)
    assert watch.asked == 2


def test_a_database_that_is_away_stops_no_clock_and_is_asked_again_soon() -> None:
    watch = Watch()
    clock = DatabaseClock(watch.ask, watch.steady)
    watch.away = True
    watch.counter += EVERY
    assert clock() == clock() == NOON + timedelta(seconds=EVERY)
    assert watch.asked == 2
    watch.counter += RETRY
    watch.away, watch.database = False, NOON
    assert clock() == NOON
    with pytest.raises(SettingsWrong):
        DatabaseClock(Store("postgresql://nobody@127.0.0.1:1/none").time)
