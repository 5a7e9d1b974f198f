"""A desk for tests of the bot's machinery: a real store, no lake read, a clock that tests turn."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

from bot.listeners import press
from bot.rendered import Rendered
from flows.desk import Desk
from flows.org import Org
from storage import inbox
from storage.lake import Lake
from storage.store import Store
from storage.tables import Message

ORG = Org(
    teams={},
    accounts={},
    finance_channel="C_FIN",
    finance=frozenset({"U_FIN"}),
    oncall_channel="C_OPS",
    groups={},
    fallback_channel="C_ELSE",
)


def desk_on(store: Store, home: Path) -> Desk:
    """A desk without runbooks and clouds."""
    return Desk(store, Lake(home), ORG, {})


class TurnedClock:
    """A clock that stands until it is turned."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def __call__(self) -> datetime:
        return self._now

    def turn(self, **span: float) -> datetime:
        """Turn it forward."""
        self._now += timedelta(**span)
        return self._now


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Look until it holds; another thread or process is at work on it, perhaps on a busy machine."""
    deadline, tick = monotonic() + seconds, threading.Event()
    while not holds():
        assert monotonic() < deadline, "it did not come to hold in time"
        tick.wait(0.02)


def sentence(_desk: Desk, message: Message, _now: datetime) -> Rendered:
    """The template of one sentence, as tests need it."""
    text = str((message.args or {}).get("text", message.subject))
    block = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    return Rendered(text, [block], plain=[{**block, "block_id": "plain"}])


_RESTING = threading.Lock()


def acted_on(store: Store) -> None:
    """Wait until everything that was pressed is acted on: Slack is answered before."""

    def nothing_waits() -> bool:
        with store.reading() as session:
            return not inbox.waiting(session, datetime.max.replace(tzinfo=UTC))

    until(nothing_waits)
    with _RESTING:
        for _ in range(press.AT_ONCE):  # the last ones may still be opening a window
            press._ACTING.acquire()
        press._ACTING.release(press.AT_ONCE)
