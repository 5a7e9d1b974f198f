"""One time for all processes on one PostgreSQL: the database's, whatever their machines say."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock
from time import monotonic

from spend.errors import SettingsWrong

#: Seconds after which the database is asked again, and after which a failed question is repeated.
EVERY, RETRY = 60.0, 5.0


class DatabaseClock:
    """The database's time as it was last asked, plus what a steady counter has measured since.

    Args:
        ask: asks the database.
        steady: seconds that only ever grow, from whatever beginning.

    Raises:
        SettingsWrong: the database does not answer the first question.
    """

    def __init__(self, ask: Callable[[], datetime], steady: Callable[[], float] = monotonic) -> None:
        self._ask, self._steady = ask, steady
        self._asking = Lock()
        self._known, self._again = self._read()

    def __call__(self) -> datetime:
        """What time it is."""
        if self._steady() >= self._again and self._asking.acquire(blocking=False):
            try:
                self._known, self._again = self._read()
            except SettingsWrong:  # nothing can be written now either; the counter goes on
                self._again = self._steady() + RETRY
            finally:
                self._asking.release()
        told, at = self._known
        return told + timedelta(seconds=self._steady() - at)

    def _read(self) -> tuple[tuple[datetime, float], float]:
        """The database's time with the counter's at that moment, and when to ask again."""
        before = self._steady()
        told = self._ask()
        after = self._steady()
        return (told.astimezone(UTC), (before + after) / 2), after + EVERY
