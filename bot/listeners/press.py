"""What a person did in Slack, reduced to who, where and which record; and what every listener does first."""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from http.client import HTTPException
from typing import Any

from slack_bolt import Ack, App
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from actions.crash import crashpoint
from bot import envelope, errors
from bot.blocks import modals
from bot.blocks.kit import Block
from bot.delivery import delivery_key, new_try
from flows.desk import Desk
from spend.errors import NotFound, Refused
from storage import tables
from storage.inbox import AlreadySeen, answering

Json = Mapping[str, Any]
_PLACE = re.compile(r"[0-9]{1,4}")
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
        key, rest = self.pair()
        return key, place(rest)

    def percent(self, block: str) -> Decimal:
        """The percentage that was filled in.

        Raises:
            Refused: it is no percentage.
        """
        if not _PERCENT.fullmatch(text := self.values.get(block, "")):
            raise Refused("Write the percentage as a number such as 40 or 33.3.")
        return Decimal(text)


def place(text: str) -> int:
    """A place in a digest, as a button or a choice names it.

    Raises:
        NotFound: it is no such number.
    """
    if not _PLACE.fullmatch(text):
        raise NotFound("This button points at nothing that is known any more.")
    return int(text)


Handle = Callable[[Desk, Press, datetime], None]
#: So few presses are acted on at a time: each takes its share of the one processor that a process has.
AT_ONCE = 2
_ACTING = threading.BoundedSemaphore(AT_ONCE)


@contextmanager
def once(
    desk: Desk, body: Json, now: datetime, *, key: str | None = None, noted: bool = False
) -> Iterator[None]:
    """Act on a delivery the first time only: its key and what it leads to are one transaction.

    What is refused within is told to this person, and kept in the audit log, once as well.
    """
    with suppress(AlreadySeen), answering(key or delivery_key(body), now, noted=noted) as delivery:
        try:
            yield
        except errors.FOR_THE_PERSON as no:
            errors.refuse(desk, body, no, now)
        finally:
            if noted and not delivery.kept:
                desk.store.touch(now)  # it led to nothing, or to an error that is told: it is over


def welcome(desk: Desk, person: str) -> str:
    """This person, if Slack's directory says nothing against them.

    Raises:
        Unwelcome: they are a guest, a bot, deactivated or of another workspace.
    """
    with desk.store.reading() as session:
        found = session.get(tables.Member, person)
    if found is not None and not found.counts:
        raise errors.Unwelcome(f"You cannot do this: your account {found.why}. Nothing was changed.")
    return person


def read(desk: Desk, body: Json, client: WebClient, now: datetime) -> Press:
    """Reduce what Slack sent to a press; `Unwelcome` where whoever pressed never counts."""
    view = body.get("view") or {}
    pressed = (body.get("actions") or [{}])[0]
    return Press(
        actor=welcome(desk, str(body["user"]["id"])),
        about=errors.noun(body),
        value=str(pressed.get("value") or view.get("private_metadata") or ""),
        channel=(body.get("channel") or {}).get("id"),
        view=view.get("id"),
        values=_values(view),
        open=partial(_open, desk, client, now, str(body.get("trigger_id"))),
    )


def _open(desk: Desk, client: WebClient, now: datetime, trigger: str, shown: Block) -> str:
    desk.store.touch(now)  # keeps the delivery first: a repeat opens no second modal
    try:
        return str(client.views_open(trigger_id=trigger, view=shown)["view"]["id"])
    except (SlackApiError, OSError, HTTPException):
        raise Refused("Slack did not open the window in time; please press again.") from None


def _values(view: Json) -> dict[str, str]:
    """What each input holds: what was written, the value of the option or the day that was chosen."""
    filled = {}
    for block, elements in ((view.get("state") or {}).get("values") or {}).items():
        for element in elements.values():
            chosen = (element.get("selected_option") or {}).get("value") or element.get("selected_date")
            found = element.get("value") or chosen
            if found:
                filled[block] = str(found)
    return filled


def on_action(app: App, action: str, handle: Handle, desk: Desk, now: Callable[[], datetime]) -> None:
    """Listen to a button. The press is a row before Slack is answered, and acted on after.

    So nobody waits for what others pressed, and a crash in between loses nothing.
    """

    def listen(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
        if not noted(desk, body, now()):
            ack()
            return
        crashpoint("press.noted")
        ack()
        with _ACTING:
            desk.store.notes.lull()  # whoever has still to be answered comes first
            with once(desk, body, now(), noted=True):
                handle(desk, read(desk, body, client, now()), now())
        crashpoint("press.acted")

    app.action(action)(listen)


def noted(desk: Desk, body: Json, now: datetime) -> bool:
    """Keep what is read of a press; say whether it has still to be acted on."""
    return desk.store.notes.note(delivery_key(body), envelope.cut(body), now)


def on_submit(app: App, callback: str, handle: Handle, desk: Desk, now: Callable[[], datetime]) -> None:
    """Listen to a modal's submission; what the flow refuses is shown in the modal."""

    def listen(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
        answer: dict[str, Any] = {}
        with once(desk, body, now(), key=new_try(body)):
            press = read(desk, body, client, now())
            try:
                handle(desk, press, now())
            except errors.FOR_THE_PERSON as no:
                keep(desk, press, str(no), now())
                answer = refusal(body["view"], str(no))
        ack(**answer)

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
    inputs = [block.get("block_id") for block in view.get("blocks") or [] if block.get("type") == "input"]
    if inputs and inputs[-1]:
        return {"response_action": "errors", "errors": {inputs[-1]: sentence}}
    title = str((view.get("title") or {}).get("text") or "Bursar")
    return {"response_action": "update", "view": modals.failed(title, sentence)}
