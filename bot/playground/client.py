"""A person on the page, played by a script: the same control surface that the browser uses."""

import http.client
import json
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import urlencode, urlsplit

from spend.errors import BursarError

Json = dict[str, Any]
T = TypeVar("T")
LOOK_AGAIN_SECONDS: Final = 0.05
REQUEST_SECONDS: Final = 30.0


class NotSeen(BursarError):
    """What the script wanted to press or to see is not there."""


class Player:
    """One person of the workspace.

    Args:
        base_url: where the page answers.
        person: the id of the person to act as.
    """

    def __init__(self, base_url: str, person: str) -> None:
        self._address = urlsplit(base_url)
        self.person = person

    def click(
        self,
        channel: str,
        target: str,
        *,
        ts: str | None = None,
        value: Any = None,
        values: Json | None = None,
    ) -> Json:
        """Press what is labelled or named `target` in the newest message that has it, or in message `ts`.

        Args:
            channel: a channel's name or id.
            target: the text on the button, or an action_id.
            ts: only this message.
            value: what to choose, for selects and dates.
            values: what was typed or chosen elsewhere in the message, by block and action id.
        Raises:
            NotSeen: no visible message offers it.
        """
        place = self._room(channel)["id"]
        for message in reversed(self.messages(place)):
            found = _target(message["blocks"], target) if ts in {None, message["ts"]} else None
            if found:
                where = {"channel": place, "ts": message["ts"], "value": value, "values": values}
                return self._do("click", **found, **where)
        raise NotSeen(f"{self.person} sees nothing called {target} in {channel}")

    def stale_click(
        self, channel: str, ts: str, action_id: str, value: str, block_id: str | None = None
    ) -> Json:
        """Press what was there a moment ago, as somebody does whose page has not caught up."""
        place = self._room(channel)["id"]
        ask = {"channel": place, "ts": ts, "action_id": action_id, "value": value, "block_id": block_id}
        return self._do("click", **ask, stale=True)

    def command(self, text: str, channel: str, command: str = "/bursar") -> Json:
        """Send a slash command."""
        return self._do("command", channel=self._room(channel)["id"], command=command, text=text)

    def shortcut(self, callback_id: str, channel: str | None = None, ts: str | None = None) -> Json:
        """Choose a message shortcut, or a global one when no message is given."""
        place = {} if channel is None else {"channel": self._room(channel)["id"], "ts": ts}
        return self._do("shortcut", callback_id=callback_id, **place)

    def say(self, channel: str, text: str, thread_ts: str | None = None) -> Json:
        """Write a message."""
        return self._do("say", channel=self._room(channel)["id"], text=text, thread_ts=thread_ts)

    def open_home(self) -> Json:
        """Open the App Home."""
        return self._do("home")

    def submit(self, values: Json | None = None, *, view_id: str | None = None) -> Json:
        """Submit the visible modal; `values` is {block_id: {action_id: value}}, the rest stays."""
        return self._do("submit", view_id=view_id or self._top()["id"], values=values or {})

    def press(
        self, target: str, *, value: Any = None, values: Json | None = None, home: bool = False
    ) -> Json:
        """Press what is labelled or named `target` in the visible modal or in the Home. Raises NotSeen."""
        view = self.home() if home else self._top()
        found = _target(view["blocks"], target) if view else None
        if view is None or found is None:
            raise NotSeen(f"{self.person} sees nothing called {target} there")
        return self._do("view_action", view_id=view["id"], value=value, values=values, **found)

    def close(self, *, every: bool = False) -> Json:
        """Close the visible modal, or all of them."""
        return self._do("close", view_id=self._top()["id"], all=every)

    def state(self) -> Json:
        """Everything this person sees."""
        seen: Json = self._ask("GET", f"/state?{urlencode({'as': self.person})}")
        return seen

    def messages(self, channel: str) -> list[Json]:
        """The messages of a channel that this person sees, replies and ephemeral ones among them."""
        seen = self.state()
        shown: list[Json] = seen["messages"][_room(seen, channel)["id"]]
        return shown

    def thread(self, channel: str, ts: str) -> list[Json]:
        """A message and its replies."""
        return [each for each in self.messages(channel) if ts in {each["ts"], each.get("thread_ts")}]

    def ephemerals(self, channel: str | None = None) -> list[Json]:
        """What only this person sees, in one channel or in all."""
        seen = self.state()
        rooms = seen["messages"] if channel is None else [_room(seen, channel)["id"]]
        return [each for room in rooms for each in seen["messages"][room] if each["ephemeral"]]

    def home(self) -> Json | None:
        """The App Home as it is now, or None before the bot made one."""
        home: Json | None = self.state()["home"]
        return home

    def views(self) -> list[Json]:
        """The open modals, the visible one last."""
        views: list[Json] = self.state()["views"]
        return views

    def log(self) -> list[Json]:
        """The Web API calls that the bot made."""
        calls: list[Json] = self._ask("GET", "/log")
        return calls

    def until(self, look: Callable[["Player"], T | None], seconds: float = 10.0) -> T:
        """Look again and again until there is something. Raises NotSeen after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            found = look(self)
            if found:
                return found
            if time.monotonic() > deadline:
                raise NotSeen(f"{self.person} did not see it within {seconds:g} s")
            time.sleep(LOOK_AGAIN_SECONDS)

    def _room(self, channel: str) -> Json:
        return _room(self.state(), channel)

    def _top(self) -> Json:
        views = self.views()
        if not views:
            raise NotSeen(f"{self.person} has no modal open")
        return views[-1]

    def _do(self, gesture: str, **ask: Any) -> Json:
        said: Json = self._ask("POST", f"/do/{gesture}", {"as": self.person, **ask})
        return said

    def _ask(self, verb: str, path: str, body: Json | None = None) -> Any:
        link = http.client.HTTPConnection(
            self._address.hostname or "", self._address.port, timeout=REQUEST_SECONDS
        )
        try:
            headers = {"Content-Type": "application/json"}
            link.request(verb, path, None if body is None else json.dumps(body), headers)
            return json.loads(link.getresponse().read())
        finally:
            link.close()


def _room(seen: Json, channel: str) -> Json:
    """A channel by name or id; a direct message by the name or id of who it is with."""
    for room in seen["channels"]:
        names = {seen["people"][person]["name"] for person in room["with"]}
        if channel in {room["id"], room["name"], f"#{room['name']}", *room["with"], *names}:
            found: Json = room
            return found
    raise NotSeen(f"there is no channel {channel} for this person")


def _target(blocks: list[Json], target: str) -> Json | None:
    for block in blocks:
        for thing in (*block.get("elements", []), block.get("accessory"), block.get("element")):
            if not isinstance(thing, dict) or "action_id" not in thing:
                continue
            label = thing["text"]["text"] if isinstance(thing.get("text"), dict) else None
            if target in {thing["action_id"], label}:
                return {"action_id": thing["action_id"], "block_id": block["block_id"]}
    return None
