"""What a person did in Slack, reduced to who, where and which record; and what every listener does first."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot import errors
from bot.blocks import modals
from bot.blocks.kit import Block
from bot.talker import delivery_key, once
from flows.desk import Desk
from spend.errors import NotFound, Refused

Json = Mapping[str, Any]
_PERCENT = re.compile(r"[0-9]{1,2}([.][0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Press:
    """A press, a submission or a shortcut. It carries pointers and words, never money or resources.

    Attributes:
        about: the noun of what was pressed: approval, finding, charge …
        value: the pointer of the button, or of the modal that was submitted.
        channel: where it was pressed; None in a modal and in the App Home.
        values: what was filled in, by block id.
        open: opens a modal and says its id; works once, within three seconds of the press.
    """

    actor: str
    about: str
    value: str
    channel: str | None
    view: str | None
    values: Mapping[str, str]
    open: Callable[[Block], str]

    @property
    def reply_to(self) -> str:
        """Where an answer to this person alone belongs: the channel, else their own conversation."""
        return self.channel or self.actor

    def pair(self) -> tuple[str, str]:
        """The two halves of a pointer such as `plan-…:hash`.

        Raises:
            NotFound: it has no two halves.
        """
        key, colon, rest = self.value.rpartition(":")
        if not (key and colon and rest):
            raise NotFound("This button points at nothing that is known any more.")
        return key, rest

    def item(self) -> tuple[str, int]:
        """The digest and the place in it that a button points at.

        Raises:
            NotFound: it points at no place.
        """
        key, place = self.pair()
        if not place.isdecimal():
            raise NotFound("This button points at nothing that is known any more.")
        return key, int(place)

    def percent(self, block: str) -> Decimal:
        """The percentage that was filled in.

        Raises:
            Refused: it is no percentage.
        """
        if not _PERCENT.fullmatch(text := self.values.get(block, "")):
            raise Refused("Write the percentage as a number such as 40 or 33.3.")
        return Decimal(text)


Handle = Callable[[Desk, Press, datetime], None]


def read(body: Json, client: WebClient) -> Press:
    """Reduce what Slack sent to a press."""
    view = body.get("view") or {}
    pressed = (body.get("actions") or [{}])[0]
    return Press(
        actor=str(body["user"]["id"]),
        about=errors.noun(body),
        value=str(pressed.get("value") or view.get("private_metadata") or ""),
        channel=(body.get("channel") or {}).get("id"),
        view=view.get("id"),
        values=_values(view),
        open=lambda shown: str(client.views_open(trigger_id=body["trigger_id"], view=shown)["view"]["id"]),
    )


def _values(view: Json) -> dict[str, str]:
    """What each input holds: what was written, or the value of the option that was chosen."""
    filled = {}
    for block, elements in ((view.get("state") or {}).get("values") or {}).items():
        for element in elements.values():
            found = element.get("value") or (element.get("selected_option") or {}).get("value")
            if found:
                filled[block] = str(found)
    return filled


def on_action(app: App, action: str, handle: Handle, desk: Desk, now: Callable[[], datetime]) -> None:
    """Listen to a button; what the flow refuses is told by the app's error handler."""

    def listen(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
        if once(desk, delivery_key(body), now()):
            handle(desk, read(body, client), now())
        ack()

    app.action(action)(listen)


def on_submit(app: App, callback: str, handle: Handle, desk: Desk, now: Callable[[], datetime]) -> None:
    """Listen to a modal's submission; what the flow refuses is shown in the modal."""

    def listen(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
        # The trigger is part of the key: the same words sent again after a refusal are a new try.
        if not once(desk, f"{delivery_key(body)}:{body.get('trigger_id')}", now()):
            ack()
            return
        press = read(body, client)
        try:
            handle(desk, press, now())
        except errors.FOR_THE_PERSON as no:
            keep(desk, press, str(no), now())
            ack(**refusal(body["view"], str(no)))
        else:
            ack()

    app.view(callback)(listen)


def keep(desk: Desk, press: Press, sentence: str, now: datetime) -> None:
    """Write to the audit log that this person was refused."""
    with desk.store.writing(now) as unit:
        unit.record(
            f"{press.about}.refuse", actor=press.actor, subject=press.value or "slack", reason=sentence
        )


@contextmanager
def told_in(desk: Desk, press: Press, view: str, template: str, now: datetime) -> Iterator[None]:
    """Show what is refused in the modal that is open already."""
    try:
        yield
    except errors.FOR_THE_PERSON as no:
        keep(desk, press, str(no), now)
        with desk.store.writing(now) as unit:
            unit.send("view", template, "", surface=view, person=press.actor, args={"error": str(no)})


def refusal(view: Json, sentence: str) -> dict[str, Any]:
    """The answer that shows a sentence at the modal's last input, or instead of a modal without one."""
    inputs = [block["block_id"] for block in view.get("blocks") or [] if block.get("type") == "input"]
    if inputs:
        return {"response_action": "errors", "errors": {inputs[-1]: sentence}}
    title = str((view.get("title") or {}).get("text") or "Bursar")
    return {"response_action": "update", "view": modals.failed(title, sentence)}
