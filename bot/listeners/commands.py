"""`/bursar` in any channel, and the App Home."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from slack_bolt import Ack, App

from bot.blocks import home
from bot.talker import delivery_key, once
from flows import overview
from flows.desk import Desk


def register(app: App, desk: Desk, now: Callable[[], datetime]) -> None:
    """Listen to the command and to people who open the App Home."""
    app.command("/bursar")(_bursar(desk, now))
    app.event("app_home_opened")(_opened(desk, now))


def _bursar(desk: Desk, now: Callable[[], datetime]) -> Callable[..., None]:
    def listen(ack: Ack, body: dict[str, Any]) -> None:
        """Answer from the database's own rows, to this person alone."""
        word = str(body.get("text") or "").strip().lower()
        seen = overview.look(desk, actor=body["user_id"], now=now())
        text, blocks = home.answer(word, seen, desk.org)
        ack(text=text, blocks=blocks, response_type="ephemeral")

    return listen


def _opened(desk: Desk, now: Callable[[], datetime]) -> Callable[..., None]:
    def listen(event: dict[str, Any], body: dict[str, Any]) -> None:
        """Queue the person's Home; the tab with the messages needs none."""
        if event.get("tab") == "home" and once(desk, delivery_key(body), now()):
            overview.home(desk, actor=event["user"], now=now())

    return listen
