"""The JSON that Slack sends for what a person did, field by field."""

from typing import Any

from bot.playground.records import Channel, Message, Person, View
from bot.playground.shapes import message_json, view_json
from bot.playground.workspace import Workspace

Json = dict[str, Any]


def common(workspace: Workspace, person: Person, kind: str) -> Json:
    """What every interaction carries."""
    handle = person.name.lower().replace(" ", ".")
    return {
        "type": kind,
        "token": "verification-token-is-not-used",
        "team": {"id": workspace.team[0], "domain": workspace.team[1].lower()},
        "user": {"id": person.id, "username": handle, "name": handle, "team_id": workspace.team[0]},
        "api_app_id": workspace.app_id,
        "enterprise": None,
        "is_enterprise_install": False,
    }


def channel_ref(channel: Channel) -> Json:
    """The short form of a channel."""
    return {"id": channel.id, "name": channel.name}


def message_press(workspace: Workspace, channel: Channel, message: Message, base_url: str) -> Json:
    """Where a press on a message happened; an ephemeral message is not shown back to the app."""
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": message.seen_by is not None,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    place: Json = {"container": container, "channel": channel_ref(channel)}
    if message.seen_by is None:
        place["message"] = message_json(workspace, message, base_url)
    return place


def view_press(workspace: Workspace, view: View, values: Json) -> Json:
    """Where a press in a modal or a Home happened."""
    return {
        "container": {"type": "view", "view_id": view.id},
        "view": view_json(workspace, view, values),
    }


def message_action(workspace: Workspace, channel: Channel, message: Message, base_url: str) -> Json:
    """What a message shortcut is about."""
    return {
        "channel": channel_ref(channel),
        "message_ts": message.ts,
        "message": message_json(workspace, message, base_url),
    }


def command_fields(
    workspace: Workspace, person: Person, channel: Channel, command: str, text: str
) -> dict[str, str]:
    """The form fields of a slash command, without the slips (trigger and reply address)."""
    return {
        "token": "verification-token-is-not-used",
        "team_id": workspace.team[0],
        "team_domain": workspace.team[1].lower(),
        "channel_id": channel.id,
        "channel_name": channel.name,
        "user_id": person.id,
        "user_name": person.name.lower().replace(" ", "."),
        "command": command,
        "text": text,
        "api_app_id": workspace.app_id,
        "is_enterprise_install": "false",
    }


def event_envelope(workspace: Workspace, event: Json, now: float) -> Json:
    """The envelope of an event."""
    return {
        "token": "verification-token-is-not-used",
        "team_id": workspace.team[0],
        "api_app_id": workspace.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": workspace.new_id("Ev"),
        "event_time": int(now),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": workspace.team[0],
                "user_id": workspace.bot.id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
    }
