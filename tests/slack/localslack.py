"""The story's driver for local-slack: presses over its control interface, modals in a real browser."""

import json
from collections.abc import Mapping
from typing import Any

import websocket

from tests.bot.playground.browser import Browser
from tests.slack.peer import APP, Peer
from tests.story.driver import Button, Json, Said, until

LACKS: Mapping[str, str] = {
    "number_input": "its page prints [number_input] where the field should be, so nobody can split a charge",
    "message_shortcut": "neither its page nor its control interface offers the shortcuts of a message",
    "confirm": "it ignores the confirm dialogs of buttons, so nobody is asked a second time",
    "block_kit": "it accepts blocks that Slack refuses, so only the local page checks them",
}
#: Gives a field of the page a value as typing or choosing does: React listens to the event only.
FILL = """(() => {
  const part = [...document.querySelectorAll('.modal .bk-input')]
    .find(each => each.querySelector('.bk-label').innerText.trim() === LABEL);
  if (!part) throw new Error('no field ' + LABEL);
  const put = (element, prototype, value, event) => {
    Object.getOwnPropertyDescriptor(prototype, 'value').set.call(element, value);
    element.dispatchEvent(new Event(event, {bubbles: true}));
  };
  const select = part.querySelector('select'), radio = [...part.querySelectorAll('label')]
    .find(each => each.querySelector('input[type=radio]') && each.innerText.trim() === TEXT);
  if (select) {
    const option = [...select.options].find(each => each.innerText.trim() === TEXT);
    put(select, HTMLSelectElement.prototype, option.value, 'change');
  } else if (radio) radio.click();
  else put(part.querySelector('input.bk-plain-input'), HTMLInputElement.prototype, TEXT, 'input');
  return true;
})()"""
ACT_AS = """(() => {
  const select = document.querySelector('label.actas select');
  Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, 'value').set.call(select, PERSON);
  select.dispatchEvent(new Event('change', {bubbles: true}));
  return true;
})()"""
ERRORS = "[...document.querySelectorAll('.modal [class*=error]')].map(each => each.innerText.trim())"
TITLE = "document.querySelector('.modal .modal-title')?.innerText"


class LocalSlack:
    """People in local-slack. It knows one modal at a time, whoever opened it."""

    def __init__(self, peer: Peer, browser: Browser) -> None:
        self.lacks = LACKS
        self._peer, self._browser = peer, browser
        browser.open(peer.url)
        browser.until("document.querySelector('label.actas select')", 30)

    def messages(self, channel: str) -> list[Said]:
        """What everybody in a channel reads."""
        found = self._peer.ask(f"messages/{channel}")["messages"]
        return [_said(each) for each in found if not each.get("ephemeral_to")]

    def whispers(self, person: str) -> list[Said]:
        """What only this person reads."""
        rooms = [channel["id"] for channel in self._peer.ask("state")["channels"]]
        every = [each for room in rooms for each in self._peer.ask(f"messages/{room}")["messages"]]
        mine = [_said(each) for each in every if each.get("ephemeral_to") == person]
        return sorted(mine, key=lambda said: said.ts)

    def press(self, person: str, said: Said, button: Button) -> None:
        """Press a button; local-slack also delivers one that is gone from the message."""
        text = {"type": "plain_text", "text": button.label}
        action = {"type": "button", "action_id": button.action_id, "value": button.value, "text": text}
        action |= {"block_id": button.block_id} if button.block_id else {}
        where = {"channel": said.channel, "messageTs": said.ts}
        self._peer.tell("interact", {**where, "user": person, "action": action})

    def modal(self, person: str) -> Said | None:
        """The open modal, once the page shows it too."""
        stack = self._snapshot()["modalStack"]
        if not stack:
            return None
        title = stack[-1]["title"]["text"]
        shown = self._browser.run(TITLE)
        return Said(stack[-1]["blocks"]) if shown == title else None

    def submit(self, person: str, fields: Mapping[str, str]) -> list[str]:
        """Fill in the modal on the page by its labels, and send it."""
        self._browser.run(ACT_AS.replace("PERSON", json.dumps(person)))
        refused = self._browser.run(ERRORS)
        for label, text in fields.items():
            filled = FILL.replace("LABEL", json.dumps(label)).replace("TEXT", json.dumps(text))
            self._browser.run(filled)
        self._browser.run("document.querySelector('.modal .modal-foot .primary').click()")
        return until(lambda: self._answer(refused), "an answer to the modal")[0]

    def _answer(self, refused: list[str]) -> tuple[list[str]] | None:
        """Nothing to complain of once the modal is gone; its error lines, once they are not the last ones."""
        if not self._browser.run("Boolean(document.querySelector('.modal'))"):
            return ([],)
        errors = self._browser.run(ERRORS)
        return (errors,) if errors and errors != refused else None

    def close(self, person: str) -> None:
        """Close the modal on the page."""
        self._browser.run("document.querySelector('.modal .modal-x').click()")
        self._browser.until("!document.querySelector('.modal')")

    def shortcut(self, person: str, said: Said, callback_id: str) -> None:
        """Never played: local-slack has none."""
        raise NotImplementedError(self.lacks["message_shortcut"])

    def command(self, person: str, channel: str, text: str) -> None:
        """Send `/bursar`."""
        ask = {"user": person, "channel": channel, "command": "/bursar", "text": text}
        self._peer.tell("command", ask)

    def open_home(self, person: str) -> None:
        """Open the App Home."""
        self._peer.tell("open-home", {"user": person})

    def home(self, person: str) -> Said | None:
        """The App Home."""
        view = self._snapshot()["homeViews"].get(person, {}).get(APP)
        return Said(view["blocks"]) if view else None

    def past(self, said: Said) -> list[str]:
        """Every version that the bot sent of a message."""
        calls = [each["detail"] for each in self._peer.ask("log")["log"] if each["summary"] == "chat.update"]
        mine = [call for call in calls if call["ts"] == said.ts]
        return [Said(call["blocks"], call.get("text", "")).words for call in mine]

    def _snapshot(self) -> Json:
        """What its page is told when it connects: the only place that tells of modals and Homes."""
        link = websocket.create_connection(f"ws://127.0.0.1:{self._peer.port}/ui", timeout=10)
        try:
            state: Json = json.loads(link.recv())["state"]
            return state
        finally:
            link.close()


def _said(message: Mapping[str, Any]) -> Said:
    return Said(
        blocks=message.get("blocks") or [],
        text=message.get("text", ""),
        ts=message["ts"],
        channel=message["channel"],
        thread_ts=message.get("thread_ts"),
    )
