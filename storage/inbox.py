"""The inbox: what Slack delivers is acted on once, in the same transaction as what it leads to.

A press can be noted first: then Slack is answered before anything is acted on, and whoever comes
after a crash finds the press and acts on it.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event, Lock
from time import monotonic
from typing import Any

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from storage import tables
from storage.unit import Unit

#: How long a delivery is remembered; Slack repeats one within the hour.
KEPT = timedelta(days=7)
#: Two presses within so many seconds are a rush; nobody waits longer than this for it to end.
RUSH, LONGEST = 0.05, 1.0


class AlreadySeen(Exception):
    """This delivery was acted on before: there is nothing left to do, and nothing to tell."""


@dataclass(slots=True)
class Delivery:
    """What this thread answers.

    Attributes:
        noted: it was noted, and waits to be acted on.
        kept: its key is committed with what it led to.
    """

    key: str
    at: datetime
    noted: bool
    kept: bool = False


_CURRENT: ContextVar[Delivery | None] = ContextVar("delivery", default=None)


@contextmanager
def answering(key: str, now: datetime, *, noted: bool = False) -> Iterator[Delivery]:
    """Whatever this thread writes first within the block is written once for this key.

    A second delivery raises `AlreadySeen` where the first one wrote, and waits for it if it is
    still under way. What was refused and rolled back has not taken the key.

    Args:
        noted: the delivery was noted, and waits to be acted on.
    """
    delivery = Delivery(key, now, noted)
    before = _CURRENT.set(delivery)
    try:
        yield delivery
    finally:
        _CURRENT.reset(before)


def admit(unit: Unit) -> None:
    """Begin a unit of work with the key of the delivery that it answers.

    Raises:
        AlreadySeen: another unit of work took it.
    """
    found = _CURRENT.get()
    if found is None or found.kept:
        return
    first = (
        settle(unit, found.key)
        if found.noted
        else unit.add_once(tables.Inbox, {"key": found.key, "at": found.at})
    )
    if not first:
        raise AlreadySeen(found.key)


def committed() -> None:
    """The key stands: what else this delivery writes needs it no more."""
    if (found := _CURRENT.get()) is not None:
        found.kept = True


@dataclass(eq=False, slots=True)
class _Press:
    """A press that waits to be noted; then `to_do` says whether it waits to be acted on."""

    key: str
    body: Mapping[str, Any]
    to_do: bool | None = None


class Notes:
    """Presses are noted before Slack is answered, those that arrive together in one transaction.

    Each person waits for the disk, so the wait is shared: whoever comes while a transaction is under
    way is in the next one, however many they are.
    """

    def __init__(self, writing: Callable[[datetime], AbstractContextManager[Unit]]) -> None:
        self._writing = writing
        self._waiting: deque[_Press] = deque()
        self._turn = Lock()
        self._came = deque([0.0, 0.0], maxlen=2)
        self._pause = Event()

    def note(self, key: str, body: Mapping[str, Any], now: datetime) -> bool:
        """Keep a press until it is acted on; say whether that is still to be done."""
        self._came.append(monotonic())
        press = _Press(key, body)
        self._waiting.append(press)
        with self._turn:
            if press.to_do is None:
                self._write(press, now)
        return bool(press.to_do)

    def lull(self) -> None:
        """Wait, though not for long, until presses do not come one upon the other any more."""
        until = monotonic() + LONGEST
        while (left := min(self._came[0] + RUSH, until) - monotonic()) > 0:
            self._pause.wait(left)

    def _write(self, press: _Press, now: datetime) -> None:
        together = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if press not in together:  # whoever had it in a transaction of theirs failed
            together.append(press)
        with self._writing(now) as unit:
            to_do = _noted(unit, {one.key: one.body for one in together})
        for one in together:
            one.to_do = one.key in to_do


def _noted(unit: Unit, presses: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Keep these presses, and say which of them are still to be acted on."""
    table: Any = tables.Inbox
    keys = sorted(presses)  # in one order, so that two talkers cannot wait for each other
    unit.add_missing(table, [{"key": key, "at": unit.now, "body": presses[key]} for key in keys])
    query = select(table.key).where(table.key.in_(keys), table.body.is_not(None))
    return set(unit.session.execute(query).scalars())


def settle(unit: Unit, key: str) -> bool:
    """A noted press is acted on, or never will be; say whether it was still waiting."""
    table: Any = tables.Inbox
    waiting = update(table).where(table.key == key, table.body.is_not(None)).values(body=None)
    result: CursorResult[Any] = unit.session.execute(  # type: ignore[assignment]
        waiting.execution_options(synchronize_session=False)
    )
    return result.rowcount == 1


def waiting(session: Session, before: datetime) -> list[tables.Inbox]:
    """The presses that were noted before this moment and not acted on yet, oldest first."""
    table: Any = tables.Inbox
    query = select(table).where(table.body.is_not(None), table.at < before).order_by(table.at)
    return list(session.execute(query).scalars())


def forget(unit: Unit) -> None:
    """Forget the deliveries that Slack does not repeat any more."""
    table: Any = tables.Inbox
    unit.session.execute(delete(table).where(table.at < unit.now - KEPT))
