"""Names what Slack delivers, so that a second delivery of the same thing is known."""

from collections.abc import Mapping
from typing import Any

from bot.errors import person
from spend import canonical


def delivery_key(body: Mapping[str, Any]) -> str:
    """What two deliveries of the same thing have in common: the event's id, or the click itself.

    A click is (channel, message, action, moment, person); a modal is its view with the hash of the
    state that was sent; a command is its trigger.
    """
    if event := body.get("event_id"):
        return f"event:{event}"
    if actions := body.get("actions"):
        place = body.get("container") or {}
        where = (place.get("channel_id"), place.get("message_ts") or place.get("view_id"))
        parts = [*where, actions[0].get("action_id"), actions[0].get("action_ts"), person(body)]
        return "click:" + ":".join(str(part) for part in parts)
    if view := body.get("view"):
        return f"view:{view.get('id')}:{canonical.digest(str(view.get('state')))[:16]}:{person(body)}"
    return f"trigger:{body.get('trigger_id')}:{person(body)}"


def new_try(body: Mapping[str, Any]) -> str:
    """The key of a submission: the same words sent again after a refusal are a new try."""
    return f"{delivery_key(body)}:{body.get('trigger_id')}"
