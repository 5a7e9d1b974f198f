"""The buttons of a plan's card."""

from collections.abc import Callable
from datetime import datetime

from slack_bolt import App

from actions.plan import Tier
from bot.blocks import consent, modals
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
    on_submit(app, "approve.submit", approve_so, desk, now)
    on_submit(app, "deny.submit", deny, desk, now)


def approve(desk: Desk, press: Press, now: datetime) -> None:
    """Count one approval of the plan whose hash the card shows; from tier T2 on, ask for more first."""
    key, shown = press.pair()
    plan = approvals.consider(desk, key, actor=press.actor, shown=shown, now=now)
    if plan.tier >= Tier.T2:
        press.open(consent.approve(plan))
    else:
        approvals.approve(desk, key, actor=press.actor, shown=shown, now=now)


def approve_so(desk: Desk, press: Press, now: datetime) -> None:
    """Count one approval with what the modal asked for."""
    key, shown = press.pair()
    approvals.approve(
        desk,
        key,
        actor=press.actor,
        shown=shown,
        now=now,
        reason=press.values.get(modals.REASON),
        typed=press.values.get(consent.TYPED),
        code=press.values.get(consent.CODE),
    )


def ask_why(desk: Desk, press: Press, now: datetime) -> None:
    """Ask for the reason of a denial."""
    key, shown = press.pair()
    press.open(
        consent.deny(approvals.consider(desk, key, actor=press.actor, shown=shown, now=now, yes=False))
    )


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
