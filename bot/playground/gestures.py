"""What a person does on the page, turned into what Slack would send the bot, and its answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.playground import payloads
from bot.playground.delivery import Answer, Delivery
from bot.playground.inputs import find_element, read, state_of
from bot.playground.records import Channel, Message, Person, SlackSays, View
from bot.playground.replies import Place, show
from bot.playground.workspace import Workspace

Json = dict[str, Any]


@dataclass(frozen=True)
class Desk:
    """Everything that a gesture needs at hand."""

    workspace: Workspace
    delivery: Delivery
    clock: Callable[[], float]
    base_url: str

    def person(self, ask: Json) -> Person:
        """Who acts. Raises SlackSays (`user_not_found`)."""
        person = self.workspace.people.get(str(ask.get("as")))
        if person is None or person.is_bot:
            raise SlackSays("user_not_found")
        return person

    def channel(self, ask: Json, person: Person) -> Channel:
        """The channel they act in, which must be one they are in. Raises SlackSays."""
        channel = self.workspace.channels.get(str(ask.get("channel")))
        if channel is None or not channel.has(person.id):
            raise SlackSays("channel_not_found")
        return channel

    def message(self, ask: Json, channel: Channel, person: Person) -> Message:
        """The message they act on, which must be one they see. Raises SlackSays."""
        message = self.workspace.find(channel.id, str(ask.get("ts")))
        if message.seen_by not in {None, person.id}:
            raise SlackSays("message_not_found")
        return message

    def reply_url(self, name: str) -> str:
        """A whole `response_url`."""
        return f"{self.base_url}response/{name}"


def pressed(desk: Desk, ask: Json, blocks: list[Json]) -> Json:
    """The entry of `actions`; with `stale` the element may be gone, as when somebody was quicker."""
    given = next((ask[key] for key in ("value", "selected_option") if ask.get(key) is not None), None)
    action_id, block_id = str(ask.get("action_id")), ask.get("block_id")
    if ask.get("stale"):
        block: Json = {"block_id": block_id or "gone"}
        state: Json = {"type": "button", "value": given or ""}
    else:
        block, element = find_element(blocks, action_id, block_id)
        state = read(element, given)
    stamp = desk.workspace.new_ts(desk.clock())
    return {"action_id": action_id, "block_id": block["block_id"], **state, "action_ts": stamp}


def click(desk: Desk, ask: Json) -> Json:
    """Press a button, choose an option or a date in a message."""
    workspace, now = desk.workspace, desk.clock()
    with workspace.lock:
        person = desk.person(ask)
        channel = desk.channel(ask, person)
        message = desk.message(ask, channel, person)
        payload = {
            **payloads.common(workspace, person, "block_actions"),
            **payloads.message_press(workspace, channel, message, desk.base_url),
            "trigger_id": workspace.issue_trigger(person.id, now),
            "response_url": desk.reply_url(workspace.new_reply(person.id, channel.id, now, message)),
            "state": {"values": state_of(message.blocks, ask.get("values") or {})},
            "actions": [pressed(desk, ask, message.blocks)],
        }
    return desk.delivery.interaction(payload).as_json()


def _shown_text(body: Any) -> Json:
    return body if isinstance(body, dict) else {"text": body or ""}


def command(desk: Desk, ask: Json) -> Json:
    """Send a slash command; what the bot answers at once is shown to this person only."""
    workspace, now = desk.workspace, desk.clock()
    with workspace.lock:
        person = desk.person(ask)
        channel = desk.channel(ask, person)
        fields = payloads.command_fields(
            workspace, person, channel, str(ask.get("command")), str(ask.get("text") or "")
        )
        fields["trigger_id"] = workspace.issue_trigger(person.id, now)
        fields["response_url"] = desk.reply_url(workspace.new_reply(person.id, channel.id, now))
    answer = desk.delivery.command(fields)
    if answer.error is None:
        show(workspace, Place(person.id, channel.id), _shown_text(answer.body), desk.clock())
    return answer.as_json()


def shortcut(desk: Desk, ask: Json) -> Json:
    """Choose a shortcut: on a message when `ts` is given, else a global one."""
    workspace, now = desk.workspace, desk.clock()
    with workspace.lock:
        person = desk.person(ask)
        slips: Json = {
            "callback_id": str(ask.get("callback_id")),
            "trigger_id": workspace.issue_trigger(person.id, now),
            "action_ts": workspace.new_ts(now),
        }
        if ask.get("ts"):
            channel = desk.channel(ask, person)
            message = desk.message(ask, channel, person)
            about = payloads.message_action(workspace, channel, message, desk.base_url)
            reply = desk.reply_url(workspace.new_reply(person.id, channel.id, now, message))
            payload = {**payloads.common(workspace, person, "message_action"), **about, "response_url": reply}
        else:
            payload = payloads.common(workspace, person, "shortcut")
    return desk.delivery.interaction(payload | slips).as_json()


def home(desk: Desk, ask: Json) -> Json:
    """Open the App Home."""
    workspace, now = desk.workspace, desk.clock()
    with workspace.lock:
        person = desk.person(ask)
        event: Json = {
            "type": "app_home_opened",
            "user": person.id,
            "channel": workspace.direct(person.id).id,
            "tab": "home",
            "event_ts": workspace.new_ts(now),
        }
        if person.id in workspace.homes:
            event["view"] = _view_of(workspace, workspace.homes[person.id])
        envelope = payloads.event_envelope(workspace, event, now)
    return desk.delivery.event(envelope).as_json()


def _view_of(workspace: Workspace, view: View) -> Json:
    shape: Json = payloads.view_press(workspace, view, state_of(view.blocks, {}))["view"]
    return shape


def say(desk: Desk, ask: Json) -> Json:
    """Write a message; the bot hears of it when it is mentioned in a channel it is in."""
    workspace, now = desk.workspace, desk.clock()
    with workspace.lock:
        person = desk.person(ask)
        channel = desk.channel(ask, person)
        text = str(ask.get("text") or "").strip()
        if not text:
            raise SlackSays("no_text")
        thread = ask.get("thread_ts")
        if thread:
            workspace.find(channel.id, str(thread))
        ts = workspace.new_ts(now)
        workspace.post(Message(ts, channel.id, person.id, text, [], thread_ts=thread))
        workspace.read_until[person.id, channel.id] = ts
        event = {
            "type": "app_mention",
            "user": person.id,
            "text": text,
            "ts": ts,
            "channel": channel.id,
            "event_ts": ts,
            "team": workspace.team[0],
        }
        event |= {"thread_ts": thread} if thread else {}
        envelope = payloads.event_envelope(workspace, event, now)
    heard = f"<@{workspace.bot.id}>" in text and channel.has(workspace.bot.id) and not channel.is_im
    answer = desk.delivery.event(envelope) if heard else Answer(None, 0, None, None)
    return {**answer.as_json(), "ts": ts}


def mark_read(desk: Desk, ask: Json) -> Json:
    """Remember that this person has seen a channel up to its last message."""
    with desk.workspace.lock:
        person = desk.person(ask)
        channel = desk.channel(ask, person)
        said = desk.workspace.messages[channel.id]
        desk.workspace.read_until[person.id, channel.id] = said[-1].ts if said else "0"
    desk.workspace.changed()
    return {"ok": True}


GESTURES: Final[Mapping[str, Callable[[Desk, Json], Json]]] = {
    "click": click,
    "command": command,
    "home": home,
    "read": mark_read,
    "say": say,
    "shortcut": shortcut,
}
