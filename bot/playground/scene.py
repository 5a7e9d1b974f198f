"""What one person sees of the workspace, as the page and a script read it."""

from typing import Any

from bot.playground.records import Channel, Message, Person
from bot.playground.shapes import members_of, message_json, view_json
from bot.playground.workspace import Workspace

Json = dict[str, Any]


def _visible(workspace: Workspace, channel: Channel, person: Person) -> list[Message]:
    said = workspace.messages[channel.id]
    return [message for message in said if message.seen_by in {None, person.id}]


def _message(workspace: Workspace, message: Message, replies: list[Message], base_url: str) -> Json:
    return {
        **message_json(workspace, message, base_url),
        "channel": message.channel,
        "ephemeral": message.seen_by is not None,
        "broadcast": message.broadcast,
        "replies": len(replies),
        "repliers": list(dict.fromkeys(reply.user for reply in replies)),
        "latest_reply": replies[-1].ts if replies else None,
    }


def _messages(workspace: Workspace, channel: Channel, person: Person, base_url: str) -> list[Json]:
    visible = _visible(workspace, channel, person)
    threads: dict[str, list[Message]] = {}
    for message in visible:
        if message.thread_ts and message.seen_by is None:
            threads.setdefault(message.thread_ts, []).append(message)
    return [_message(workspace, message, threads.get(message.ts, []), base_url) for message in visible]


def _unread(workspace: Workspace, channel: Channel, person: Person) -> int:
    seen = workspace.read_until.get((person.id, channel.id), "0")
    return sum(
        message.ts > seen and message.user != person.id and message.thread_ts is None
        for message in _visible(workspace, channel, person)
    )


def _channel(workspace: Workspace, channel: Channel, person: Person) -> Json:
    members = members_of(workspace, channel)
    others = [member for member in members if member != person.id]
    return {
        "id": channel.id,
        "name": channel.name,
        "topic": channel.topic,
        "kind": "dm" if channel.is_im else "channel",
        "members": members,
        "with": others if channel.is_im else [],
        "unread": _unread(workspace, channel, person),
    }


def seen_by(workspace: Workspace, person: Person, base_url: str) -> Json:
    """Everything that the page shows to this person now."""
    with workspace.lock:
        rooms = [channel for channel in workspace.channels.values() if channel.has(person.id)]
        home = workspace.homes.get(person.id)
        return {
            "version": workspace.version,
            "team": workspace.team[1],
            "me": person.id,
            "bot": workspace.bot.id,
            "people": {
                each.id: {"id": each.id, "name": each.name, "title": each.title, "is_bot": each.is_bot}
                for each in workspace.people.values()
            },
            "groups": {group.id: group.handle for group in workspace.groups.values()},
            "channels": [_channel(workspace, channel, person) for channel in rooms],
            "messages": {channel.id: _messages(workspace, channel, person, base_url) for channel in rooms},
            "views": [view_json(workspace, view) for view in workspace.stack(person.id)],
            "home": view_json(workspace, home) if home else None,
            "commands": [list(each) for each in workspace.commands],
            "shortcuts": [list(each) for each in workspace.shortcuts],
            "global_shortcuts": [list(each) for each in workspace.global_shortcuts],
        }
