"""What a talker does once a minute: counts strangers, takes up what a crash left, forgets old deliveries."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from bot import errors
from bot.metrics import Metrics
from flows.desk import Desk
from spend.errors import Refused
from storage import inbox, tables
from storage.inbox import AlreadySeen, answering

EVERY = 60.0
#: A press that was noted this long ago was left by a process that is gone.
LEFT_AFTER = timedelta(minutes=1)
#: After this nobody expects any more that a press acts; the person is asked to press again.
TOO_LATE = timedelta(minutes=15)

Body = Mapping[str, Any]


class Minute:
    """Strangers cannot write to the audit log: whatever they send, it is one counted entry a minute.

    Args:
        again: hands a press that was noted to the listeners once more.
    """

    def __init__(
        self, desk: Desk, metrics: Metrics, now: Callable[[], datetime], again: Callable[[Body], object]
    ) -> None:
        self._desk, self._metrics, self._now, self._again = desk, metrics, now, again
        self._told: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="minute", daemon=True)

    def start(self) -> None:
        """Do it every minute, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Do it once more, and no longer."""
        self._stop.set()
        self._thread.join()

    def pass_(self) -> None:
        """Do it once."""
        counted = self._metrics.turned_away()
        new = {why: count - self._told.get(why, 0) for why, count in counted.items()}
        new = {why: count for why, count in new.items() if count}
        with self._desk.store.writing(self._now()) as unit:
            inbox.forget(unit)
            if new:
                unit.record("slack.strangers", actor="bursar", subject="slack", after=new)
        self._told = counted

    def take_up(self) -> None:
        """Act on the presses that were answered and not acted on."""
        now = self._now()
        with self._desk.store.reading() as session:
            left = inbox.waiting(session, now - LEFT_AFTER)
        for row in left:
            if row.at > now - TOO_LATE:
                self._again(row.body)
            else:
                self._regret(row, now)

    def _regret(self, row: tables.Inbox, now: datetime) -> None:
        sorry = Refused("Bursar was away when you pressed this; look at it again, and press once more.")
        with suppress(AlreadySeen), answering(row.key, now, noted=True):
            errors.refuse(self._desk, row.body, sorry, now)

    def _run(self) -> None:
        errors.attempt("what a crash left", self.take_up)
        while not self._stop.wait(EVERY):
            errors.attempt("the minute's work", self.pass_)
            errors.attempt("what a crash left", self.take_up)
        errors.attempt("the last minute's work", self.pass_)
