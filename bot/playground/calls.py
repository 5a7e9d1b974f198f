"""One Web API call: its arguments however they were sent, and the checks that several methods share."""

import json
from dataclasses import dataclass
from typing import Any, Final

from bot.playground.blockcheck import broken_in_message, broken_in_view, characters_of
from bot.playground.limits import LIMITS
from bot.playground.records import Channel, Person, SlackSays
from bot.playground.workspace import Workspace

Json = dict[str, Any]
YES: Final = frozenset({"1", "true", "True", 1})


@dataclass(frozen=True)
class Call:
    """A method call as the bot made it.

    Attributes:
        workspace: what it acts on.
        arguments: query, form and JSON fields together, without the token.
        now: seconds since the epoch.
        base_url: where this page answers, with a slash at the end.
    """

    workspace: Workspace
    arguments: Json
    now: float
    base_url: str

    def text(self, key: str) -> str | None:
        """A field as text; None when it is absent or empty."""
        value = self.arguments.get(key)
        return None if value is None or value == "" else str(value)

    def need(self, key: str, error: str = "invalid_arguments") -> str:
        """A field that must be there. Raises SlackSays."""
        value = self.text(key)
        if value is None:
            raise SlackSays(error, [f"[ERROR] missing required field: {key}"])
        return value

    def flag(self, key: str) -> bool:
        """A field as yes or no."""
        return self.arguments.get(key) in YES

    def structure(self, key: str, error: str = "invalid_arguments") -> Any:
        """A field that is JSON, sent as such or as text. Raises SlackSays when it does not parse."""
        value = self.arguments.get(key)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except json.JSONDecodeError as broken:
            raise SlackSays(error) from broken


def channel_of(call: Call, key: str = "channel") -> Channel:
    """The channel a method names. Raises SlackSays (`channel_not_found`)."""
    channel = call.workspace.channels.get(call.need(key, "channel_not_found"))
    if channel is None:
        raise SlackSays("channel_not_found")
    return channel


def reachable(call: Call, key: str = "channel") -> Channel:
    """The channel the bot may write in; a person's id or a `#name` is understood too."""
    name = call.need(key, "channel_not_found")
    workspace = call.workspace
    if name in workspace.people and not workspace.people[name].is_bot:
        return workspace.direct(name)
    by_name = {f"#{channel.name}": channel for channel in workspace.channels.values() if not channel.is_im}
    channel = workspace.channels.get(name) or by_name.get(name)
    if channel is None:
        raise SlackSays("channel_not_found")
    if not channel.has(workspace.bot.id):
        raise SlackSays("not_in_channel")
    return channel


def person_of(call: Call, key: str = "user") -> Person:
    """The person a method names. Raises SlackSays (`user_not_found`)."""
    person = call.workspace.people.get(call.need(key, "user_not_found"))
    if person is None:
        raise SlackSays("user_not_found")
    return person


def _need_files(workspace: Workspace, blocks: list[Json]) -> None:
    for index, block in enumerate(blocks):
        for thing in (block, block.get("accessory"), *block.get("elements", [])):
            source = thing.get("slack_file") if isinstance(thing, dict) else None
            if not source:
                continue
            names = {source.get("id"), str(source.get("url", "")).rsplit("/", 2)[-2:][0]}
            if not any(name in workspace.files and workspace.files[name].complete for name in names):
                raise SlackSays(
                    "invalid_blocks", [f"[ERROR] invalid slack file [json-pointer:/blocks/{index}]"]
                )


def message_body(call: Call) -> tuple[str, list[Json]]:
    """The text and the named blocks of a message. Raises SlackSays when Slack would refuse them."""
    text = call.text("text") or ""
    blocks = call.structure("blocks", "invalid_blocks_format")
    if blocks is not None:
        check_message_blocks(call.workspace, blocks)
    if not text.strip() and not blocks:
        raise SlackSays("no_text")
    if len(text) > LIMITS["message.text"]:
        raise SlackSays("msg_too_long")
    return text, call.workspace.named(blocks or [])


def check_message_blocks(workspace: Workspace, blocks: Any) -> None:
    """Raise SlackSays (`invalid_blocks`, `msg_blocks_too_long`) when a message may not hold these blocks."""
    broken = broken_in_message(blocks)
    if broken:
        raise SlackSays("invalid_blocks", broken)
    if characters_of(blocks) > LIMITS["message.characters"]:
        raise SlackSays("msg_blocks_too_long")
    _need_files(workspace, blocks)


def check_view(workspace: Workspace, view: Any) -> Json:
    """Return the view when Slack would take it. Raises SlackSays."""
    broken = broken_in_view(view)
    if broken:
        raise SlackSays("invalid_arguments", broken)
    _need_files(workspace, view["blocks"])
    checked: Json = view
    return checked
