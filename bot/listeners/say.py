"""The buttons of a warning: Keep until…, Fine, Not mine; and what ends a Keep."""

from collections.abc import Callable
from datetime import datetime

from slack_bolt import App

from bot.blocks import modals
from bot.blocks import say as drawn
from bot.listeners.press import Press, on_action, on_submit
from flows import say
from flows.desk import Desk


def register(app: App, desk: Desk, now: Callable[[], datetime]) -> None:
    """Listen to the owners' answers, to Release, and to the second approver who overrides."""
    on_action(app, "keep.ask", ask_keep, desk, now)
    on_action(app, "warning.fine", fine, desk, now)
    on_action(app, "warning.not_mine", not_mine, desk, now)
    on_action(app, "keep.release", release, desk, now)
    on_action(app, "override.ask", ask_override, desk, now)
    on_submit(app, "keep.submit", keep, desk, now)
    on_submit(app, "override.submit", override, desk, now)


def ask_keep(desk: Desk, press: Press, now: datetime) -> None:
    """Ask what is needed, until when, and what for."""
    things = say.about(desk, press.value, actor=press.actor, now=now)
    press.open(drawn.ask_keep(press.value, things, now, desk.org.zone))


def keep(desk: Desk, press: Press, now: datetime) -> None:
    """Keep what was chosen."""
    say.keep(
        desk,
        press.value,
        which=press.values.get(drawn.WHICH, ""),
        until=press.values.get(drawn.UNTIL, ""),
        reason=press.values.get(modals.REASON, ""),
        actor=press.actor,
        now=now,
    )


def fine(desk: Desk, press: Press, now: datetime) -> None:
    """Let it happen."""
    say.fine(desk, press.value, actor=press.actor, now=now)


def not_mine(desk: Desk, press: Press, now: datetime) -> None:
    """Hand the question on to finance."""
    say.not_mine(desk, press.value, actor=press.actor, now=now)


def release(desk: Desk, press: Press, now: datetime) -> None:
    """Give a thing free."""
    say.release(desk, press.value, actor=press.actor, now=now)


def ask_override(desk: Desk, press: Press, now: datetime) -> None:
    """Ask which Keep, and why."""
    held = say.in_the_way(desk, press.value, actor=press.actor, now=now)
    press.open(drawn.ask_override(press.value, held))


def override(desk: Desk, press: Press, now: datetime) -> None:
    """End somebody's Keep."""
    key, reason = press.values.get(drawn.KEEP, ""), press.values.get(modals.REASON, "")
    say.override(desk, press.value, key, reason=reason, actor=press.actor, now=now)
