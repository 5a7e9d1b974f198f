"""Every number that Slack holds an app to, in one table.

Source: docs.slack.dev (Block Kit reference, interactivity, response URLs), the lower number where two pages
differ; `message.characters` is undocumented and was found by people who hit `msg_blocks_too_long`.
Lengths are characters unless the name says otherwise.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

LIMITS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "message.blocks": 50,
        "message.text": 40_000,
        "message.characters": 13_200,
        "message.tables": 1,
        "view.blocks": 100,
        "view.stack": 3,
        "id": 255,
        "text": 3_000,
        "section.fields": 10,
        "section.field": 2_000,
        "header.text": 150,
        "context.elements": 10,
        "actions.elements": 25,
        "button.text": 75,
        "button.value": 2_000,
        "button.url": 3_000,
        "option.text": 75,
        "option.value": 150,
        "option.description": 75,
        "select.options": 100,
        "select.placeholder": 150,
        "overflow.fewest": 2,
        "overflow.options": 5,
        "choices.options": 10,
        "confirm.title": 100,
        "confirm.text": 300,
        "confirm.button": 30,
        "input.label": 2_000,
        "input.hint": 2_000,
        "input.max_length": 3_000,
        "image.alt": 2_000,
        "image.url": 3_000,
        "image.title": 2_000,
        "markdown.characters": 12_000,
        "table.rows": 100,
        "table.columns": 20,
        "modal.title": 24,
        "modal.submit": 24,
        "modal.close": 24,
        "view.private_metadata": 3_000,
        "view.external_id": 255,
    }
)

ACK_SECONDS: Final = 3.0
"""How long a person's client waits for the app before it says that the operation timed out."""

TRIGGER_SECONDS: Final = 3.0
"""How long a `trigger_id` may open a view."""

RESPONSE_URL_POSTS: Final = 5
RESPONSE_URL_SECONDS: Final = 30 * 60.0
