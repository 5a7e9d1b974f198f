"""The buttons of standing approvals, and the modals behind them."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import partial

from slack_bolt import App

from actions.standing import Selector
from bot.blocks import modals
from bot.blocks import standing as shown
from bot.listeners.press import Press, on_action, on_submit
from flows import standing
from flows.desk import Desk
from spend.errors import Refused


def register(app: App, desk: Desk, now: Callable[[], datetime]) -> None:
    """Listen to Ask, Approve, Deny and Revoke."""
    on_action(app, "standing.ask", ask, desk, now)
    on_action(app, "standing.approve", partial(ask_why, yes=True), desk, now)
    on_action(app, "standing.deny", partial(ask_why, yes=False), desk, now)
    on_action(app, "standing.revoke", revoke, desk, now)
    on_submit(app, "standing.submit", request, desk, now)
    on_submit(app, "standing.approve.submit", approve, desk, now)
    on_submit(app, "standing.deny.submit", deny, desk, now)


def ask(desk: Desk, press: Press, now: datetime) -> None:
    """Open the modal for a new one."""
    press.open(shown.ask(desk.runbooks.values(), desk.org, now))


def request(desk: Desk, press: Press, now: datetime) -> None:
    """Ask for what was filled in."""
    standing.request(desk, wish(press.values), actor=press.actor, now=now)


def wish(said: Mapping[str, str]) -> standing.Wish:
    """What was filled in, as it was written.

    Raises:
        Refused: the number or the day is none.
    """
    try:
        targets, until = int(said.get(shown.TARGETS, "")), date.fromisoformat(said.get(shown.UNTIL, ""))
    except ValueError:
        raise Refused("Write the targets a day as a whole number, and choose the last day.") from None
    environments, accounts, tags = (
        words(said.get(block, "")) for block in (shown.ENVIRONMENTS, shown.ACCOUNTS, shown.TAGS)
    )
    return standing.Wish(
        runbook=said.get(shown.RUNBOOK, ""),
        window=said.get(shown.WINDOW, ""),
        targets=targets,
        amount=said.get(shown.AMOUNT, ""),
        until=until,
        reason=said.get(modals.REASON, ""),
        selector=Selector(accounts, environments, said.get(shown.TEAM), tags),
    )


def words(text: str) -> tuple[str, ...]:
    """What somebody wrote with commas between."""
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def ask_why(_desk: Desk, press: Press, _now: datetime, *, yes: bool) -> None:
    """Ask for the reason of a yes or a no."""
    press.open(shown.why(press.value, yes=yes))


def approve(desk: Desk, press: Press, now: datetime) -> None:
    """Count one approval of the terms whose hash the card shows."""
    key, hashed = press.pair()
    reason = press.values.get(modals.REASON, "")
    standing.approve(desk, key, actor=press.actor, shown=hashed, reason=reason, now=now)


def deny(desk: Desk, press: Press, now: datetime) -> None:
    """End the question with a no."""
    key, hashed = press.pair()
    reason = press.values.get(modals.REASON, "")
    standing.deny(desk, key, actor=press.actor, shown=hashed, reason=reason, now=now)


def revoke(desk: Desk, press: Press, now: datetime) -> None:
    """End it at once."""
    key, _ = press.pair()
    standing.revoke(desk, key, actor=press.actor, now=now)
