"""How the workspace's records read in Slack's JSON."""

from typing import Any

from bot.playground.inputs import state_of
from bot.playground.records import Channel, Group, Message, Person, StoredFile, View
from bot.playground.workspace import Workspace

Json = dict[str, Any]


def person_json(workspace: Workspace, person: Person) -> Json:
    """A user object as `users.info` gives it."""
    handle = person.name.lower().replace(" ", ".")
    profile = {
        "real_name": person.name,
        "display_name": person.name,
        "title": person.title,
        "email": person.email,
    }
    return {
        "id": person.id,
        "team_id": workspace.team[0],
        "name": handle,
        "real_name": person.name,
        "profile": profile,
        "is_bot": person.is_bot,
        "deleted": person.deleted,
        "is_restricted": person.is_restricted,
        "is_ultra_restricted": False,
        "is_stranger": False,
        "tz": "Etc/UTC",
    }


def channel_json(workspace: Workspace, channel: Channel) -> Json:
    """A conversation object as `conversations.info` gives it."""
    if channel.is_im:
        other = next((member for member in sorted(channel.members or ()) if member != workspace.bot.id), "")
        return {"id": channel.id, "is_im": True, "is_channel": False, "user": other, "is_archived": False}
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": True,
        "is_im": False,
        "is_private": channel.members is not None,
        "is_member": channel.has(workspace.bot.id),
        "is_archived": False,
        "topic": {"value": channel.topic},
        "num_members": len(members_of(workspace, channel)),
    }


def members_of(workspace: Workspace, channel: Channel) -> list[str]:
    """The ids of those in a channel, in a fixed order."""
    return sorted(workspace.people if channel.members is None else channel.members)


def group_json(group: Group) -> Json:
    """A user group as `usergroups.list` gives it."""
    return {
        "id": group.id,
        "handle": group.handle,
        "name": group.name,
        "date_delete": 0,
        "users": list(group.members),
        "user_count": len(group.members),
    }


def file_json(base_url: str, file: StoredFile) -> Json:
    """A file object; its addresses lead back to this page."""
    url = f"{base_url}files/{file.id}/{file.name}"
    return {"id": file.id, "name": file.name, "title": file.title, "url_private": url, "permalink": url}


def message_json(workspace: Workspace, message: Message, base_url: str) -> Json:
    """A message object as the Web API and the payloads carry it."""
    shape: Json = {
        "type": "message",
        "ts": message.ts,
        "user": message.user,
        "text": message.text,
        "team": workspace.team[0],
        "blocks": message.blocks,
    }
    if message.by_bot:
        shape |= {"bot_id": workspace.bot_id, "app_id": workspace.app_id}
    if message.thread_ts:
        shape["thread_ts"] = message.thread_ts
    if message.edited:
        shape["edited"] = {"user": message.user, "ts": message.edited}
    if message.files:
        shape["files"] = [file_json(base_url, workspace.files[name]) for name in message.files]
    if message.reactions:
        shape["reactions"] = [
            {"name": name, "users": users, "count": len(users)} for name, users in message.reactions.items()
        ]
    if message.metadata:
        shape["metadata"] = message.metadata
    return shape


def view_json(workspace: Workspace, view: View, values: Json | None = None) -> Json:
    """A view object with its state, as payloads and `views.*` answers carry it."""
    definition = view.definition
    return {
        "id": view.id,
        "team_id": workspace.team[0],
        "app_id": workspace.app_id,
        "app_installed_team_id": workspace.team[0],
        "bot_id": workspace.bot_id,
        "type": definition["type"],
        "callback_id": view.callback_id,
        "private_metadata": definition.get("private_metadata", ""),
        "external_id": definition.get("external_id", ""),
        "title": definition.get("title"),
        "submit": definition.get("submit"),
        "close": definition.get("close"),
        "blocks": view.blocks,
        "notify_on_close": definition.get("notify_on_close", False),
        "clear_on_close": definition.get("clear_on_close", False),
        "hash": view.hash,
        "root_view_id": view.root,
        "previous_view_id": view.previous,
        "state": {"values": values if values is not None else state_of(view.blocks, {})},
    }
