"""The buttons of a finding's notice."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from slack_bolt import App

from bot.listeners.press import Press, on_action
from flows import findings
from flows.desk import Desk
from spend.finding import FindingState

VERDICTS = (FindingState.EXPECTED, FindingState.INVESTIGATING, FindingState.NOT_MINE)


def register(app: App, desk: Desk, now: Callable[[], datetime]) -> None:
    """Listen to Expected, Investigating, Not mine and Act."""
    for verdict in VERDICTS:
        on_action(app, f"finding.{verdict}", partial(answer, verdict), desk, now)
    on_action(app, "finding.act", act, desk, now)


def answer(verdict: FindingState, desk: Desk, press: Press, now: datetime) -> None:
    """Keep what an owner says of the finding."""
    findings.answer(desk, press.value, verdict=verdict, actor=press.actor, now=now)


def act(desk: Desk, press: Press, now: datetime) -> None:
    """Ask for a plan."""
    findings.act(desk, press.value, actor=press.actor, channel=press.reply_to, now=now)
