"""The button of a restored database, and the modal behind it."""

from collections.abc import Callable
from datetime import datetime

from slack_bolt import App

from bot.blocks import modals
from bot.blocks import recovery as shown
from bot.listeners.press import Press, on_action, on_submit
from flows import recovery
from flows.desk import Desk


def register(app: App, desk: Desk, now: Callable[[], datetime]) -> None:
    """Listen to Resume."""
    on_action(app, "recovery.ask", ask, desk, now)
    on_submit(app, "recovery.submit", resume, desk, now)


def ask(_desk: Desk, press: Press, _now: datetime) -> None:
    """Ask what this person looked at."""
    press.open(shown.ask(press.value))


def resume(desk: Desk, press: Press, now: datetime) -> None:
    """Count this person's word."""
    reason = press.values.get(modals.REASON, "")
    recovery.resume(desk, actor=press.actor, reason=reason, now=now, key=press.value)
