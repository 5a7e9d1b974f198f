"""The buttons of a dispute's thread."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from slack_bolt import App

from bot.blocks import modals
from bot.listeners.press import Press, on_action, on_submit
from flows import disputes
from flows.desk import Desk


def register(app: App, desk: Desk, now: Callable[[], datetime]) -> None:
    """Listen to Uphold, Reject, Split and Withdraw."""
    for ruling in ("uphold", "reject"):
        on_action(app, f"dispute.{ruling}", partial(rule, ruling), desk, now)
    on_action(app, "dispute.split", ask_share, desk, now)
    on_action(app, "dispute.withdraw", withdraw, desk, now)
    on_submit(app, "split.submit", split, desk, now)


def rule(ruling: str, desk: Desk, press: Press, now: datetime) -> None:
    """Uphold or reject."""
    disputes.rule(desk, press.value, ruling=ruling, share=None, actor=press.actor, now=now)


def ask_share(_desk: Desk, press: Press, _now: datetime) -> None:
    """Ask for the percentage."""
    press.open(modals.split(press.value))


def split(desk: Desk, press: Press, now: datetime) -> None:
    """Split by the percentage that was filled in."""
    share = press.percent(modals.SHARE)
    disputes.rule(desk, press.value, ruling="split", share=share, actor=press.actor, now=now)


def withdraw(desk: Desk, press: Press, now: datetime) -> None:
    """Take one's own dispute back."""
    disputes.withdraw(desk, press.value, actor=press.actor, now=now)
