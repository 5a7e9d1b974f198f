"""The Web API methods that the stand-in knows, by name, and the answer to one call."""

import copy
from collections.abc import Callable, Mapping
from typing import Any, Final

from bot.playground import chat, files, views
from bot.playground.calls import Call, Json, channel_of, person_of
from bot.playground.records import Logged, Person, SlackSays
from bot.playground.shapes import channel_json, group_json, members_of, person_json


def _auth_test(call: Call) -> Json:
    workspace = call.workspace
    return {
        "url": call.base_url,
        "team": workspace.team[1],
        "team_id": workspace.team[0],
        "user": workspace.bot.name.lower(),
        "user_id": workspace.bot.id,
        "bot_id": workspace.bot_id,
        "is_enterprise_install": False,
    }


def _api_test(call: Call) -> Json:
    if call.text("error"):
        raise SlackSays(call.need("error"))
    return {"args": call.arguments}


def _conversations_list(call: Call) -> Json:
    kinds = (call.text("types") or "public_channel").replace(" ", "").split(",")
    shown = [
        channel_json(call.workspace, channel)
        for channel in call.workspace.channels.values()
        if ("im" in kinds if channel.is_im else {"public_channel", "private_channel"} & set(kinds))
    ]
    return {"channels": shown, "response_metadata": {"next_cursor": ""}}


def _conversations_info(call: Call) -> Json:
    return {"channel": channel_json(call.workspace, channel_of(call))}


def _conversations_open(call: Call) -> Json:
    names = (call.text("users") or "").split(",") if call.text("users") else []
    if not names:
        raise SlackSays("users_list_not_supplied")
    people = [call.workspace.people.get(name) for name in names]
    if any(person is None or person.is_bot for person in people):
        raise SlackSays("user_not_found")
    channel = call.workspace.direct(*names)
    return {"channel": channel_json(call.workspace, channel)}


def _conversations_members(call: Call) -> Json:
    names = members_of(call.workspace, channel_of(call))
    return {"members": names, "response_metadata": {"next_cursor": ""}}


def _users_info(call: Call) -> Json:
    return {"user": person_json(call.workspace, person_of(call))}


def _users_list(call: Call) -> Json:
    people = [person_json(call.workspace, person) for person in call.workspace.people.values()]
    return {"members": people, "response_metadata": {"next_cursor": ""}}


def _users_lookup(call: Call) -> Json:
    email = call.need("email", "users_not_found").lower()
    found: list[Person] = [
        person for person in call.workspace.people.values() if person.email.lower() == email
    ]
    if not found:
        raise SlackSays("users_not_found")
    return {"user": person_json(call.workspace, found[0])}


def _usergroups_list(call: Call) -> Json:
    groups = [group_json(group) for group in call.workspace.groups.values()]
    if not call.flag("include_users"):
        groups = [{key: value for key, value in group.items() if key != "users"} for group in groups]
    return {"usergroups": groups}


def _usergroup_members(call: Call) -> Json:
    group = call.workspace.groups.get(call.need("usergroup"))
    if group is None:
        raise SlackSays("no_such_subteam")
    return {"users": list(group.members)}


METHODS: Final[Mapping[str, Callable[[Call], Json]]] = {
    "api.test": _api_test,
    "auth.test": _auth_test,
    "chat.postMessage": chat.post_message,
    "chat.update": chat.update,
    "chat.postEphemeral": chat.post_ephemeral,
    "chat.delete": chat.delete,
    "chat.getPermalink": chat.get_permalink,
    "conversations.info": _conversations_info,
    "conversations.list": _conversations_list,
    "conversations.members": _conversations_members,
    "conversations.open": _conversations_open,
    "files.completeUploadExternal": files.complete_upload,
    "files.getUploadURLExternal": files.get_upload_url,
    "reactions.add": chat.add_reaction,
    "usergroups.list": _usergroups_list,
    "usergroups.users.list": _usergroup_members,
    "users.info": _users_info,
    "users.list": _users_list,
    "users.lookupByEmail": _users_lookup,
    "views.open": views.open_view,
    "views.publish": views.publish,
    "views.push": views.push,
    "views.update": views.update,
}


def _run(method: str, call: Call) -> Json:
    if method not in METHODS:
        return {"ok": False, "error": "unknown_method"}
    try:
        return {"ok": True, **METHODS[method](call)}
    except SlackSays as refusal:
        answer: dict[str, Any] = {"ok": False, "error": refusal.error}
        if refusal.messages:
            answer["response_metadata"] = {"messages": refusal.messages}
        return answer


def answer(method: str, call: Call) -> Json:
    """Do what one call asks, and log it."""
    with call.workspace.lock:
        payload = copy.deepcopy(call.arguments)
        said = _run(method, call)
        call.workspace.log.append(Logged(call.now, method, payload, said["ok"], said.get("error")))
    return copy.deepcopy(said)
