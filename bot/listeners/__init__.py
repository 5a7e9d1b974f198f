"""Listens: each press, submission, command and event names its actor, calls one flow and acks."""

from collections.abc import Callable
from datetime import datetime

from slack_bolt import App

from bot.listeners import approvals, charges, commands, disputes, findings, recovery, say, standing
from flows.desk import Desk


def register(app: App, desk: Desk, now: Callable[[], datetime]) -> None:
    """Give the app all its listeners."""
    for part in (approvals, charges, commands, disputes, findings, recovery, say, standing):
        part.register(app, desk, now)
