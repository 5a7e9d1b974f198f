"""`/bursar` in any channel, and the App Home."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from slack_bolt import Ack, App

from bot.blocks import home, kit, why
from bot.blocks.kit import Block
from bot.listeners.press import once, welcome
from flows import overview, switches
from flows import why as asking
from flows.desk import Desk
from spend.errors import Refused


def register(app: App, desk: Desk, now: Callable[[], datetime]) -> None:
    """Listen to the command and to people who open the App Home."""
    app.command("/bursar")(_bursar(desk, now))
    app.event("app_home_opened")(_opened(desk, now))


def _bursar(desk: Desk, now: Callable[[], datetime]) -> Callable[..., None]:
    def listen(ack: Ack, body: dict[str, Any]) -> None:
        """Answer from the database's own rows, to this person alone."""
        answer: dict[str, Any] = {}
        with once(desk, body, now()):
            person = welcome(desk, body["user_id"])
            text, blocks = _answered(desk, person, str(body.get("text") or "").strip(), now())
            answer = {"text": text, "blocks": blocks, "response_type": "ephemeral"}
        ack(**answer)

    return listen


def _answered(desk: Desk, person: str, text: str, now: datetime) -> tuple[str, list[Block]]:
    word, _, rest = text.partition(" ")
    match word.lower():
        case "why":
            return why.draw(asking.why(desk, rest, actor=person, now=now))
        case "kill-switch":
            return _thrown(desk, person, rest, now)
    return home.answer(text.lower(), overview.look(desk, actor=person, now=now), desk.org)


def _thrown(desk: Desk, person: str, words: str, now: datetime) -> tuple[str, list[Block]]:
    to, _, reason = words.strip().partition(" ")
    if to.lower() not in {"on", "off"}:
        raise Refused("Say which way and why: `/bursar kill-switch on REASON`, or `off REASON`.")
    switches.throw_as_approver(desk, on=to.lower() == "on", actor=person, reason=reason.strip(), now=now)
    said = f"The kill switch is {to.lower()}."
    return said, [kit.section(said)]


def _opened(desk: Desk, now: Callable[[], datetime]) -> Callable[..., None]:
    def listen(event: dict[str, Any], body: dict[str, Any]) -> None:
        """Queue the person's Home; the tab with the messages needs none."""
        if event.get("tab") == "home":
            with once(desk, body, now()):
                overview.home(desk, actor=welcome(desk, event["user"]), now=now())

    return listen
