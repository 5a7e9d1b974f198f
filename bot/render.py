"""Turns a row of the outbox into what Slack is sent, by the name of its template."""

from datetime import datetime

from bot.blocks.templates import BUILT
from bot.rendered import Rendered, Template
from flows.desk import Desk
from spend.errors import NotFound
from storage.tables import Message

#: Templates that come before those of `bot/blocks/templates.py`, by their names.
TEMPLATES: dict[str, Template] = {}


def render(desk: Desk, message: Message, now: datetime) -> Rendered:
    """Draw a message from the rows as they are now.

    Raises:
        NotFound: there is no such template, or what it is about is gone.
    """
    if (template := TEMPLATES.get(message.template) or BUILT.get(message.template)) is None:
        raise NotFound(f"There is no template {message.template!r} for messages.")
    return template(desk, message, now)
