"""The buttons of a dispute's thread."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from slack_bolt import App

from bot.blocks import modals
from bot.listeners.press import Press, on_action, on_submit, place
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
    key, shown = _pointer(press)
    disputes.rule(desk, key, ruling=ruling, share=None, shown=shown, actor=press.actor, now=now)


def ask_share(_desk: Desk, press: Press, _now: datetime) -> None:
    """Ask for the percentage."""
    press.open(modals.split(press.value))


def split(desk: Desk, press: Press, now: datetime) -> None:
    """Split by the percentage that was filled in."""
    key, shown = _pointer(press)
    share = press.percent(modals.SHARE)
    disputes.rule(desk, key, ruling="split", share=share, shown=shown, actor=press.actor, now=now)


def withdraw(desk: Desk, press: Press, now: datetime) -> None:
    """Take one's own dispute back."""
    disputes.withdraw(desk, _pointer(press)[0], actor=press.actor, now=now)


def _pointer(press: Press) -> tuple[str, int]:
    """The dispute, and which of its amounts the person has read: the first one, where none is named."""
    key, colon, number = press.value.partition(":")
    return key, place(number) if colon else 0
