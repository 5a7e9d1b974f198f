"""The Slack manifest: Slack's own rules, the scopes that the called methods need, and what is listened to."""

import ast
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from slack_sdk import WebClient

from flows.desk import Desk
from tests.bot.listeners.talking import listened

ROOT = Path(__file__).parents[2]

#: The scope of each Web API method the bot may call (docs.slack.dev, methods); None needs no scope.
SCOPES = {
    "apps_connections_open": None,  # the app-level token's connections:write
    "auth_test": None,
    "chat_postEphemeral": "chat:write",
    "chat_postMessage": "chat:write",
    "chat_update": "chat:write",
    "files_upload_v2": "files:write",
    "files_getUploadURLExternal": "files:write",
    "files_completeUploadExternal": "files:write",
    "usergroups_users_list": "usergroups:read",
    "users_info": "users:read",
    "views_open": None,
    "views_publish": None,
    "views_push": None,
    "views_update": None,
}


def text(longest: int, **more: Any) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": longest, **more}


def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }


def many(item: dict[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "maxItems": most, "uniqueItems": True, "items": item}


FLAG = {"type": "boolean"}
#: The parts of slackapi/manifest-schema 2.0.0 that this manifest uses, with its lengths and closed shapes.
SCHEMA = closed(
    ["display_information", "features", "oauth_config", "settings"],
    _metadata=closed(["major_version"], major_version={"enum": [1, 2]}),
    display_information=closed(
        ["name"],
        name=text(35),
        description=text(140),
        long_description=text(4000),
        background_color=text(7, pattern="^#[0-9a-fA-F]{6}$"),
    ),
    features=closed(
        [],
        app_home=closed(
            [], home_tab_enabled=FLAG, messages_tab_enabled=FLAG, messages_tab_read_only_enabled=FLAG
        ),
        bot_user=closed(["display_name"], display_name=text(80), always_online=FLAG),
        slash_commands=many(
            closed(
                ["command", "description"],
                command=text(32, pattern="^/"),
                description=text(2000),
                usage_hint=text(1000),
                url=text(3500),
                should_escape=FLAG,
            ),
            50,
        ),
        shortcuts=many(
            closed(
                ["name", "type", "callback_id", "description"],
                name=text(24),
                type={"enum": ["message", "global"]},
                callback_id=text(255),
                description=text(150),
            ),
            10,
        ),
    ),
    oauth_config=closed(["scopes"], scopes=closed([], bot=many(text(100), 255))),
    settings=closed(
        [],
        event_subscriptions=closed([], bot_events=many(text(100), 100), request_url=text(3500)),
        interactivity=closed(["is_enabled"], is_enabled=FLAG, request_url=text(3500)),
        org_deploy_enabled=FLAG,
        socket_mode_enabled=FLAG,
        token_rotation_enabled=FLAG,
    ),
)


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    """The manifest as YAML reads it."""
    loaded: dict[str, Any] = YAML(typ="safe").load((ROOT / "app_manifest.yml").read_text())
    return loaded


def called() -> set[str]:
    """Every Web API method that the bot's source calls; the stand-in for Slack is not the bot."""
    found = set()
    for path in (ROOT / "bot").rglob("*.py"):
        if "playground" in path.relative_to(ROOT).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and "_" in node.attr and _is_method(node.attr):
                found.add(node.attr)
    return found


def _is_method(name: str) -> bool:
    families = ("admin", "api", "apps", "auth", "bookmarks", "bots", "chat", "conversations", "dnd", "emoji")
    more = ("files", "pins", "reactions", "reminders", "search", "team", "usergroups", "users", "views")
    return name.partition("_")[0] in {*families, *more} and callable(getattr(WebClient, name, None))


def test_the_manifest_keeps_slacks_rules(manifest: dict[str, Any]) -> None:
    errors = [error.message for error in Draft202012Validator(SCHEMA).iter_errors(manifest)]
    assert errors == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("display_information", "name"), "x" * 36),
        (("features", "slash_commands", 0, "command"), "bursar"),
        (("features", "shortcuts", 0, "name"), "x" * 25),
        (("settings", "socket_mode"), True),
    ],
)
def test_the_rules_have_teeth(manifest: dict[str, Any], path: tuple[Any, ...], value: object) -> None:
    broken = YAML(typ="safe").load((ROOT / "app_manifest.yml").read_text())
    place = broken
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert broken != manifest
    assert list(Draft202012Validator(SCHEMA).iter_errors(broken))


def test_every_method_called_is_known_with_its_scope() -> None:
    assert called() <= SCOPES.keys()
    assert {"chat_postMessage", "views_open"} <= called()


def test_the_scopes_are_exactly_what_the_methods_and_the_command_need(manifest: dict[str, Any]) -> None:
    needed = {scope for name in called() if (scope := SCOPES[name])} | {"commands"}
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == needed


def test_commands_shortcuts_and_events_are_exactly_what_is_listened_to(
    manifest: dict[str, Any], sqlite_desk: Desk
) -> None:
    found = listened(sqlite_desk)
    features = manifest["features"]
    assert found["command"] == {one["command"] for one in features["slash_commands"]}
    assert found["shortcut"] == {one["callback_id"] for one in features["shortcuts"]}
    assert found["event"] == set(manifest["settings"]["event_subscriptions"]["bot_events"])
