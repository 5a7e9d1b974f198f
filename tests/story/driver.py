"""What the story needs of a place that stands in for Slack: people who read, press, fill in and ask."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol, TypeVar

Json = dict[str, Any]
T = TypeVar("T")
#: Seconds in which what was pressed has to show, on a slow machine.
PATIENCE = 45.0
LOOK_AGAIN = 0.1


@dataclass(frozen=True)
class Button:
    """Something to press, as the message offers it."""

    label: str
    action_id: str
    value: str
    block_id: str | None
    confirm: bool


@dataclass(frozen=True)
class Said:
    """One message, or what one modal or Home shows."""

    blocks: Sequence[Json]
    text: str = ""
    ts: str = ""
    channel: str = ""
    thread_ts: str | None = None

    @property
    def words(self) -> str:
        """All that a person reads in it, the words on buttons apart."""
        return "\n".join(_words(self.blocks)) if self.blocks else self.text

    @property
    def buttons(self) -> list[Button]:
        """What can be pressed, in order."""
        return list(_buttons(self.blocks))

    def offers(self, action_id: str) -> bool:
        """Whether there is a button of this action."""
        return any(button.action_id == action_id for button in self.buttons)

    def button(self, action_id: str, nth: int = 0) -> Button:
        """The nth button of an action."""
        return [button for button in self.buttons if button.action_id == action_id][nth]


class Driver(Protocol):
    """A workspace with the bot in it. People are named by their ids, channels too.

    Attributes:
        lacks: what this stand-in cannot do, with the reason; the story leaves those steps out.
    """

    lacks: Mapping[str, str]

    def messages(self, channel: str) -> list[Said]:
        """What everybody in a channel reads, threads included, the oldest first."""

    def whispers(self, person: str) -> list[Said]:
        """What only this person reads, in all channels, the oldest first."""

    def press(self, person: str, said: Said, button: Button) -> None:
        """Press a button of a message, even if the message has changed since it was read."""

    def modal(self, person: str) -> Said | None:
        """The modal that this person has open, or None."""

    def submit(self, person: str, fields: Mapping[str, str]) -> list[str]:
        """Fill in the open modal by the labels that people read, and send it; what it refuses, in words."""

    def close(self, person: str) -> None:
        """Close the open modal."""

    def shortcut(self, person: str, said: Said, callback_id: str) -> None:
        """Choose a message's shortcut."""

    def command(self, person: str, channel: str, text: str) -> None:
        """Send `/bursar TEXT`; the answer is a whisper."""

    def open_home(self, person: str) -> None:
        """Open the App Home."""

    def home(self, person: str) -> Said | None:
        """The App Home as it is now, or None before the bot made one."""

    def past(self, said: Said) -> list[str]:
        """The words of every version that a message had, as the bot sent them."""


def until(look: Callable[[], T | None], what: str, seconds: float = PATIENCE) -> T:
    """Look again and again until there is something; fail after `seconds` in words."""
    deadline = monotonic() + seconds
    pause = threading.Event()
    while True:
        if found := look():
            return found
        assert monotonic() < deadline, f"not within {seconds:g} s: {what}"
        pause.wait(LOOK_AGAIN)


def _words(part: Any) -> Iterator[str]:
    """The strings that are shown, in reading order."""
    if isinstance(part, list | tuple):
        for each in part:
            yield from _words(each)
    elif isinstance(part, dict) and part.get("type") != "button":
        for key in ("title", "label", "text", "alt_text", "hint"):
            if isinstance(part.get(key), str):
                yield part[key]
            elif key in part:
                yield from _words(part[key])
        for key in ("fields", "elements", "element", "options", "accessory", "rows"):
            yield from _words(part.get(key))


def _buttons(part: Any) -> Iterator[Button]:
    for block in part:
        for thing in (*block.get("elements", ()), block.get("accessory"), block.get("element")):
            if isinstance(thing, dict) and thing.get("type") == "button":
                label, value = thing["text"]["text"], thing.get("value", "")
                yield Button(label, thing["action_id"], value, block.get("block_id"), "confirm" in thing)
