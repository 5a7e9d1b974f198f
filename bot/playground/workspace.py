"""The state of the stand-in: a whole Slack workspace in memory, for as long as the process lives."""

import copy
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from bot.playground.blockcheck import elements_of
from bot.playground.faults import Faults
from bot.playground.limits import LIMITS, RESPONSE_URL_SECONDS, TRIGGER_SECONDS
from bot.playground.records import (
    Channel,
    Group,
    Logged,
    Message,
    Person,
    ReplyUrl,
    SlackSays,
    StoredFile,
    Trigger,
    View,
)

LOG_LENGTH: Final = 5_000
MICROSECONDS: Final = 1_000_000

__all__ = ["Channel", "Group", "Message", "Person", "SlackSays", "View", "Workspace"]


class Workspace:
    """People, channels and everything said in them. Take `lock` to read or to change it from a thread.

    Args:
        people: everybody but the bot.
        channels: the channels; direct messages open by themselves.
        bot: the app's own user.
        commands: (command, what it is for), for the composer's hints.
        shortcuts: (callback_id, name) of message shortcuts.
        global_shortcuts: (callback_id, name) of shortcuts that need no message.
        groups: user groups.
    """

    def __init__(
        self,
        people: Sequence[Person],
        channels: Sequence[Channel],
        *,
        bot: Person,
        commands: Sequence[tuple[str, str]] = (),
        shortcuts: Sequence[tuple[str, str]] = (),
        global_shortcuts: Sequence[tuple[str, str]] = (),
        groups: Sequence[Group] = (),
        team: tuple[str, str] = ("T0PLAYGROUND", "Playground"),
        app_id: str = "A0PLAYGROUND",
    ) -> None:
        self.bot, self.team, self.app_id, self.bot_id = bot, team, app_id, f"B{bot.id[1:]}"
        self.people = {person.id: person for person in (*people, bot)}
        self.channels = {channel.id: channel for channel in channels}
        self.groups = {group.id: group for group in groups}
        self.commands, self.shortcuts, self.global_shortcuts = commands, shortcuts, global_shortcuts
        self.messages: dict[str, list[Message]] = {channel.id: [] for channel in channels}
        self.stacks: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}
        self.files: dict[str, StoredFile] = {}
        self.triggers: dict[str, Trigger] = {}
        self.reply_urls: dict[str, ReplyUrl] = {}
        self.read_until: dict[tuple[str, str], str] = {}
        self.sent: dict[tuple[str, str], str] = {}
        self.log: deque[Logged] = deque(maxlen=LOG_LENGTH)
        self.faults = Faults()
        self.lock = threading.RLock()
        self.version = 0
        self._listeners: list[Callable[[], None]] = []
        self._serial = 0
        self._last_ts = 0

    def changed(self) -> None:
        """Tell every open page that there is something new to see."""
        with self.lock:
            self.version += 1
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each change until it is released."""
        with self.lock:
            self._listeners.append(listener)

    def release(self, listener: Callable[[], None]) -> None:
        """Stop calling `listener`."""
        with self.lock:
            self._listeners.remove(listener)

    def new_id(self, letter: str) -> str:
        """An id that was never given before, in Slack's style."""
        with self.lock:
            self._serial += 1
            return f"{letter}0PLAY{self._serial:05d}"

    def new_ts(self, now: float) -> str:
        """A message timestamp (seconds and microseconds) later than every earlier one."""
        with self.lock:
            self._last_ts = max(self._last_ts + 1, int(now * MICROSECONDS))
            return f"{self._last_ts // MICROSECONDS}.{self._last_ts % MICROSECONDS:06d}"

    def named(self, blocks: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """A copy of the blocks in which each block and each element has an id, as Slack gives them."""
        copies = copy.deepcopy(list(blocks))
        for block in copies:
            block.setdefault("block_id", self.new_id("b"))
            for element in elements_of(block):
                element.setdefault("action_id", self.new_id("a"))
        return copies

    def direct(self, *people: str) -> Channel:
        """The direct message between the bot and these people, opened if need be."""
        members = frozenset({*people, self.bot.id})
        with self.lock:
            for channel in self.channels.values():
                if channel.is_im and channel.members == members:
                    return channel
            opened = Channel(self.new_id("D"), "directmessage", members=members, is_im=True)
            self.channels[opened.id] = opened
            self.messages[opened.id] = []
            return opened

    def post(self, message: Message) -> None:
        """Put a message into its channel."""
        with self.lock:
            self.messages[message.channel].append(message)
        self.changed()

    def find(self, channel: str, ts: str) -> Message:
        """The message at a timestamp. Raises SlackSays (`channel_not_found`, `message_not_found`)."""
        if channel not in self.messages:
            raise SlackSays("channel_not_found")
        for message in self.messages[channel]:
            if message.ts == ts:
                return message
        raise SlackSays("message_not_found")

    def remove(self, message: Message) -> None:
        """Take a message out of its channel."""
        with self.lock:
            self.messages[message.channel].remove(message)
        self.changed()

    def issue_trigger(self, person: str, now: float, view: str | None = None) -> str:
        """A slip that lets the app open one view for this person within three seconds."""
        name = f"{int(now * MICROSECONDS)}.{self.new_id('t')}"
        self.triggers[name] = Trigger(person, now + TRIGGER_SECONDS, view)
        return name

    def spend_trigger(self, name: str, now: float) -> Trigger:
        """Use a slip up. Raises SlackSays for one that is unknown, used or older than three seconds."""
        trigger = self.triggers.get(name)
        if trigger is None:
            raise SlackSays("invalid_trigger_id")
        if trigger.used:
            raise SlackSays("exchanged_trigger_id")
        if now > trigger.until:
            raise SlackSays("expired_trigger_id")
        trigger.used = True
        return trigger

    def issue_reply_url(self, reply: ReplyUrl) -> str:
        """The last part of a new `response_url`."""
        name = self.new_id("r")
        self.reply_urls[name] = reply
        return name

    def new_reply(self, person: str, channel: str, now: float, message: Message | None = None) -> str:
        """A `response_url` for something a person did in a channel, perhaps on a message."""
        ts, thread = (message.ts, message.thread_ts) if message else (None, None)
        return self.issue_reply_url(ReplyUrl(person, channel, ts, thread, now + RESPONSE_URL_SECONDS))

    def stack(self, person: str) -> list[View]:
        """The modals this person has open, the visible one last."""
        return self.stacks.setdefault(person, [])

    def push_view(self, person: str, definition: dict[str, Any]) -> View:
        """Lay a modal on top of a person's stack. Raises SlackSays when three are open."""
        stack = self.stack(person)
        if len(stack) >= LIMITS["view.stack"]:
            raise SlackSays("push_limit_reached")
        view = self._view(person, definition)
        if stack:
            view.root, view.previous = stack[0].id, stack[-1].id
        stack.append(view)
        self.changed()
        return view

    def redefine(self, view: View, definition: dict[str, Any]) -> View:
        """Replace what a view shows; its id stays, its hash changes."""
        view.definition = {**definition, "blocks": self.named(definition["blocks"])}
        view.hash = self.new_id("h")
        self.changed()
        return view

    def publish(self, person: str, definition: dict[str, Any]) -> View:
        """Set a person's Home."""
        if person in self.homes:
            return self.redefine(self.homes[person], definition)
        self.homes[person] = self._view(person, definition)
        self.changed()
        return self.homes[person]

    def open_view(self, view_id: str) -> View:
        """An open modal or a Home by its id. Raises SlackSays (`not_found`)."""
        everything = [view for stack in self.stacks.values() for view in stack] + list(self.homes.values())
        for view in everything:
            if view.id == view_id:
                return view
        raise SlackSays("not_found")

    def _view(self, person: str, definition: dict[str, Any]) -> View:
        name = self.new_id("V")
        whole = {**definition, "blocks": self.named(definition["blocks"])}
        return View(name, person, whole, self.new_id("h"), root=name)
