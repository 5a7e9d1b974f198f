"""The buttons of a plan's card."""

from collections.abc import Callable
from datetime import datetime

from slack_bolt import App

from bot.blocks import modals
from bot.listeners.press import Press, on_action, on_submit
from flows import approvals
from flows import undo as undoing
from flows.desk import Desk


def register(app: App, desk: Desk, now: Callable[[], datetime]) -> None:
    """Listen to Approve, Deny, Undo and Cancel."""
    on_action(app, "approval.approve", approve, desk, now)
    on_action(app, "approval.deny", ask_why, desk, now)
    on_action(app, "approval.undo", undo, desk, now)
    on_action(app, "approval.cancel", cancel, desk, now)
    on_submit(app, "deny.submit", deny, desk, now)


def approve(desk: Desk, press: Press, now: datetime) -> None:
    """Count one approval of the plan whose hash the card shows."""
    key, shown = press.pair()
    approvals.approve(desk, key, actor=press.actor, shown=shown, now=now)


def ask_why(_desk: Desk, press: Press, _now: datetime) -> None:
    """Ask for the reason of a denial."""
    press.open(modals.deny(press.value))


def deny(desk: Desk, press: Press, now: datetime) -> None:
    """End the plan with a no."""
    key, shown = press.pair()
    reason = press.values.get(modals.REASON)
    approvals.deny(desk, key, actor=press.actor, shown=shown, reason=reason, now=now)


def undo(desk: Desk, press: Press, now: datetime) -> None:
    """Take a run back."""
    key, _ = press.pair()
    undoing.undo(desk, key, actor=press.actor, now=now)


def cancel(desk: Desk, press: Press, now: datetime) -> None:
    """Take a plan back before it runs."""
    key, _ = press.pair()
    approvals.cancel(desk, key, actor=press.actor, now=now)
