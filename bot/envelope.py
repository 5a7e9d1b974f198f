"""What a request of Slack's looks like: anything of another shape is turned away before Bolt sees it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

#: The longest text, and the most parts of one kind, that Slack sends.
LONGEST, MOST = 12_000, 200
WHO = re.compile(r"[A-Z0-9_]{1,40}")
NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,255}")
#: The events that the manifest subscribes to.
HEARD = re.compile("app_home_opened")
#: What no database takes: the zero character, and halves of characters.
_BROKEN = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Each:
    """A mapping or a list whose parts all have one shape."""

    shape: Any


_ELEMENT = {"type": NAME, "value": str, "selected_option": {"value": str}, "selected_date": NAME}
#: What is read of a request, by us and by Bolt; nothing else is handed on.
SHAPE: Mapping[str, Any] = {
    "type": NAME,
    "team": {"id": WHO, "enterprise_id": WHO},
    "team_id": WHO,
    "enterprise": {"id": WHO},
    "enterprise_id": WHO,
    "user": {"id": WHO, "team_id": WHO},
    "user_id": WHO,
    "channel": {"id": WHO},
    "channel_id": WHO,
    "container": {"type": NAME, "channel_id": WHO, "message_ts": NAME, "view_id": NAME},
    "message": {"ts": NAME},
    "trigger_id": NAME,
    "callback_id": NAME,
    "actions": Each({**_ELEMENT, "action_id": NAME, "action_ts": NAME, "block_id": str}),
    "view": {
        "id": NAME,
        "type": re.compile("modal|home"),
        "callback_id": NAME,
        "app_installed_team_id": WHO,
        "private_metadata": str,
        "title": {"text": str},
        "blocks": Each({"type": NAME, "block_id": str}),
        "state": {"values": Each(Each(_ELEMENT))},
    },
    "event": {"type": HEARD, "user": WHO, "user_team": WHO, "bot_id": WHO, "subtype": NAME, "tab": NAME},
    "event_id": NAME,
    "command": str,
    "text": str,
    "challenge": str,
    "ssl_check": str,
}
#: What a request of each kind must have; a command has no type.
NEEDS: Mapping[str | None, tuple[str, ...]] = {
    "block_actions": ("user", "actions", "trigger_id"),
    "view_submission": ("user", "view", "trigger_id"),
    "view_closed": ("user", "view"),
    "message_action": ("user", "callback_id", "trigger_id", "channel", "message"),
    "shortcut": ("user", "callback_id", "trigger_id"),
    "event_callback": ("event", "event_id", "team_id"),
    "url_verification": ("challenge",),
    "ssl_check": (),
    None: ("command", "user_id", "trigger_id", "team_id"),
}
#: What must be in a part, where the part itself is there.
_INNER: Mapping[str, tuple[str, ...]] = {
    "user": ("id",),
    "channel": ("id",),
    "team": ("id",),
    "message": ("ts",),
    "view": ("id", "type"),
    "event": ("type", "user"),
}


def opened(text: str, content_type: str) -> dict[str, Any] | None:
    """The parts of a request that are known here, or None if it has not the shape of one."""
    try:
        body = _cut(_parsed(text, content_type), SHAPE)
    except (ValueError, RecursionError):
        return None
    return body if _complete(body) else None


def cut(body: Mapping[str, Any]) -> dict[str, Any]:
    """What is read of a request that came by the socket: no `response_url`, nothing that is not known."""
    found: dict[str, Any] = _cut(dict(body), SHAPE)
    return found


def _parsed(text: str, content_type: str) -> Any:
    if content_type.partition(";")[0].strip() == "application/json":
        return json.loads(text)
    form = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST))
    return json.loads(form["payload"]) if "payload" in form else form


def _cut(value: Any, shape: Any) -> Any:
    """The value without what its shape does not name.

    Raises:
        ValueError: it does not fit the shape.
    """
    match shape, value:
        case re.Pattern(), str() if shape.fullmatch(value):
            return value
        case Mapping(), dict():
            return {key: _cut(value[key], shape[key]) for key in shape if not _left_out(value, key, shape)}
        case Each(), dict() if len(value) <= MOST:
            return {_cut(key, str): _cut(part, shape.shape) for key, part in value.items()}
        case Each(), list() if len(value) <= MOST:
            return [_cut(part, shape.shape) for part in value]
        case type(), str() if len(value) <= LONGEST and not _BROKEN.search(value):
            return value
    raise ValueError("this is not what Slack sends")


def _left_out(value: Mapping[str, Any], key: str, shape: Mapping[str, Any]) -> bool:
    """Whether a part is missing, or there and empty: the App Home has an empty name, for one."""
    found = value.get(key)
    return found is None or (found == "" and isinstance(shape[key], re.Pattern))


def _complete(body: Mapping[str, Any]) -> bool:
    kind = body.get("type", "ssl_check" if "ssl_check" in body else None)
    pressed = body.get("actions", [])
    return (
        all(body.get(key) for key in NEEDS.get(kind, ("nothing of this kind",)))
        and all(body[part].get(key) for part, keys in _INNER.items() if part in body for key in keys)
        and isinstance(pressed, list)
        and all(one.get("action_id") for one in pressed)
    )
