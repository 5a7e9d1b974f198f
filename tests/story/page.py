"""The story's driver for the local page, over the same control surface that its browser uses."""

from collections.abc import Mapping

from bot.playground.client import Player
from tests.story.driver import Button, Json, Said


class Page:
    """People on the local page."""

    def __init__(self, url: str, reader: str) -> None:
        self._url = url
        self._reader = reader
        self.lacks: Mapping[str, str] = {}

    def _player(self, person: str) -> Player:
        return Player(self._url, person)

    def messages(self, channel: str) -> list[Said]:
        """What everybody in a channel reads."""
        return [_said(each) for each in self._player(self._reader).messages(channel) if not each["ephemeral"]]

    def whispers(self, person: str) -> list[Said]:
        """What only this person reads."""
        found = [_said(each) for each in self._player(person).ephemerals()]
        return sorted(found, key=lambda said: said.ts)

    def press(self, person: str, said: Said, button: Button) -> None:
        """Press a button; one that is gone from the message is pressed as on a page left open."""
        player = self._player(person)
        now = next(each for each in player.messages(said.channel) if each["ts"] == said.ts)
        wanted = (button.action_id, button.value)
        same = [one for one in _said(now).buttons if (one.action_id, one.value) == wanted]
        ask = {"channel": said.channel, "ts": said.ts, "action_id": button.action_id}
        if same:
            answer = player._do("click", **ask, block_id=same[0].block_id)
        else:
            answer = player._do("click", **ask, block_id=button.block_id, value=button.value, stale=True)
        assert answer["ok"], answer

    def modal(self, person: str) -> Said | None:
        """The modal on top."""
        views = self._player(person).views()
        return Said(views[-1]["blocks"]) if views else None

    def submit(self, person: str, fields: Mapping[str, str]) -> list[str]:
        """Fill in the modal on top and send it."""
        player = self._player(person)
        view = player.views()[-1]
        by_label = {block["label"]["text"]: block for block in view["blocks"] if block["type"] == "input"}
        values: Json = {}
        for label, text in fields.items():
            block = by_label[label]
            values[block["block_id"]] = {block["element"]["action_id"]: _value(block["element"], text)}
        answer = player.submit(values)
        assert answer["ok"] or answer.get("errors"), answer
        return list(answer.get("errors", {}).values())

    def close(self, person: str) -> None:
        """Close all modals."""
        self._player(person).close(every=True)

    def shortcut(self, person: str, said: Said, callback_id: str) -> None:
        """Choose a message's shortcut."""
        answer = self._player(person).shortcut(callback_id, said.channel, said.ts)
        assert answer["ok"], answer

    def command(self, person: str, channel: str, text: str) -> None:
        """Send `/bursar`."""
        answer = self._player(person).command(text, channel)
        assert answer["ok"], answer

    def open_home(self, person: str) -> None:
        """Open the App Home."""
        answer = self._player(person).open_home()
        assert answer["ok"], answer

    def home(self, person: str) -> Said | None:
        """The App Home."""
        view = self._player(person).home()
        return Said(view["blocks"]) if view else None

    def past(self, said: Said) -> list[str]:
        """Every version that the bot sent of a message."""
        calls = [
            call["payload"]
            for call in self._player(self._reader).log()
            if call["method"] == "chat.update" and call["ok"] and call["payload"].get("ts") == said.ts
        ]
        return [Said(call["blocks"], call.get("text", "")).words for call in calls]


def _value(element: Json, text: str) -> str:
    """The value behind what a person chooses by its words; what they type is its own value."""
    for option in element.get("options", ()):
        if option["text"]["text"] == text:
            return str(option["value"])
    assert "options" not in element, f"nothing is called {text}"
    return text


def _said(message: Json) -> Said:
    return Said(
        blocks=message["blocks"],
        text=message["text"],
        ts=message["ts"],
        channel=message["channel"],
        thread_ts=message.get("thread_ts"),
    )
