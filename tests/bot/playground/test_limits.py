"""Each of Slack's limits, at its edge: fine there, refused one beyond."""

from collections.abc import Callable
from typing import Any

import pytest
import slackblocks._limits

from bot.playground.blockcheck import broken_in_message, broken_in_view, characters_of
from bot.playground.limits import LIMITS
from tests.bot.playground.stage import asks, button, modal, mrkdwn

Json = dict[str, Any]


def plain(size: int) -> Json:
    """A plain text of so many characters."""
    return {"type": "plain_text", "text": "x" * size}


def actions(*elements: Json) -> list[Json]:
    """A message with one row of elements."""
    return [{"type": "actions", "elements": list(elements)}]


def select(kind: str, options: int, **more: Any) -> Json:
    """A select, a menu or a group of boxes with so many options."""
    choices = [{"text": plain(3), "value": f"v{number}"} for number in range(options)]
    return {"type": kind, "action_id": "it", "options": choices, **more}


def option(**more: Any) -> Json:
    """A select with one option."""
    return {"type": "static_select", "action_id": "it", "options": [{"text": plain(3), "value": "v", **more}]}


def confirm(**more: Any) -> Json:
    """A button that asks first."""
    sure = {"title": plain(3), "text": plain(3), "confirm": plain(3), "deny": plain(3), **more}
    return button("Go", "go", confirm=sure)


def image(**more: Any) -> list[Json]:
    """A message with a picture."""
    return [{"type": "image", "image_url": "http://127.0.0.1/x.png", "alt_text": "x", **more}]


def table(rows: int, columns: int) -> Json:
    """A table."""
    return {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * columns] * rows}


MESSAGES: dict[str, Callable[[int], list[Json]]] = {
    "message.blocks": lambda n: [{"type": "divider"}] * n,
    "message.tables": lambda n: [table(1, 1)] * n,
    "id": lambda n: actions(button("Go", "x" * n)),
    "text": lambda n: [mrkdwn("x" * n)],
    "section.fields": lambda n: [{"type": "section", "fields": [plain(1)] * n}],
    "section.field": lambda n: [{"type": "section", "fields": [plain(n)]}],
    "header.text": lambda n: [{"type": "header", "text": plain(n)}],
    "context.elements": lambda n: [{"type": "context", "elements": [plain(1)] * n}],
    "actions.elements": lambda n: actions(*[button("Go", f"a{number}") for number in range(n)]),
    "button.text": lambda n: actions(button("x" * n, "go")),
    "button.value": lambda n: actions(button("Go", "go", "x" * n)),
    "button.url": lambda n: actions(button("Go", "go", url="x" * n)),
    "option.text": lambda n: actions(option(text=plain(n))),
    "option.value": lambda n: actions(option(value="x" * n)),
    "option.description": lambda n: actions(option(description=plain(n))),
    "select.options": lambda n: actions(select("static_select", n)),
    "select.placeholder": lambda n: actions(select("static_select", 1, placeholder=plain(n))),
    "overflow.options": lambda n: actions(select("overflow", n)),
    "choices.options": lambda n: actions(select("checkboxes", n)),
    "confirm.title": lambda n: actions(confirm(title=plain(n))),
    "confirm.text": lambda n: actions(confirm(text=plain(n))),
    "confirm.button": lambda n: actions(confirm(deny=plain(n))),
    "input.label": lambda n: [asks("b", {"type": "plain_text_input"}, "x" * n)],
    "input.hint": lambda n: [asks("b", {"type": "plain_text_input"}, hint=plain(n))],
    "input.max_length": lambda n: [asks("b", {"type": "plain_text_input", "max_length": n})],
    "image.alt": lambda n: image(alt_text="x" * n),
    "image.url": lambda n: image(image_url="x" * n),
    "image.title": lambda n: image(title=plain(n)),
    "markdown.characters": lambda n: [
        {"type": "markdown", "text": "x" * (n // 2)},
        {"type": "markdown", "text": "x" * (n - n // 2)},
    ],
    "table.rows": lambda n: [table(n, 1)],
    "table.columns": lambda n: [table(1, n)],
}
VIEWS: dict[str, Callable[[int], Json]] = {
    "view.blocks": lambda n: modal(*[{"type": "divider"}] * n),
    "modal.title": lambda n: modal(title=plain(n)),
    "modal.submit": lambda n: modal(submit=plain(n)),
    "modal.close": lambda n: modal(close=plain(n)),
    "view.private_metadata": lambda n: modal(private_metadata="x" * n),
    "view.external_id": lambda n: modal(external_id="x" * n),
}
ELSEWHERE = {"message.text", "message.characters", "view.stack", "overflow.fewest"}
"""Limits that other tests hold at their edge, because they are not about one list of blocks."""


def test_every_limit_of_the_table_is_held_at_its_edge() -> None:
    assert {*MESSAGES, *VIEWS, *ELSEWHERE} == set(LIMITS)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_at_the_limit_is_fine_and_one_beyond_is_not(name: str) -> None:
    assert broken_in_message(MESSAGES[name](LIMITS[name])) == []
    assert broken_in_message(MESSAGES[name](LIMITS[name] + 1))


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_at_the_limit_is_fine_and_one_beyond_is_not(name: str) -> None:
    assert broken_in_view(VIEWS[name](LIMITS[name])) == []
    assert broken_in_view(VIEWS[name](LIMITS[name] + 1))


def test_a_broken_limit_is_told_with_its_number_and_its_place() -> None:
    (said,) = broken_in_message([mrkdwn("fine"), mrkdwn("x" * 3001)])
    assert said == "[ERROR] must be less than 3001 characters (text) [json-pointer:/blocks/1/text/text]"


def test_an_overflow_menu_needs_two_options() -> None:
    assert broken_in_message(actions(select("overflow", 2))) == []
    assert broken_in_message(actions(select("overflow", 1)))


@pytest.mark.parametrize(
    "blocks",
    [
        pytest.param([{"type": "data_visualization"}], id="a block that this workspace does not have yet"),
        pytest.param([{"type": "section"}], id="a section that says nothing"),
        pytest.param([{"type": "section", "text": "bare"}], id="a text that is no object"),
        pytest.param([mrkdwn("")], id="an empty text"),
        pytest.param(
            [{"type": "header", "text": {"type": "mrkdwn", "text": "*x*"}}], id="a header in mrkdwn"
        ),
        pytest.param([{**mrkdwn("x"), "block_id": "b"}] * 2, id="a block_id used twice"),
        pytest.param(
            actions(button("Go", "a"), button("Stop", "a")), id="an action_id used twice in a block"
        ),
        pytest.param(actions({"type": "plain_text_input", "action_id": "a"}), id="an input among buttons"),
        pytest.param(actions(button("Go", "a", style="green")), id="an unknown style"),
        pytest.param(image(slack_file={"id": "F1"}), id="a picture with two sources"),
        pytest.param(
            [{"type": "image", "image_url": "http://127.0.0.1/x.png"}], id="a picture without words"
        ),
        pytest.param(
            [{"type": "rich_text", "elements": [{"type": "text"}]}], id="rich text without a section"
        ),
        pytest.param([{"type": "table", "rows": [["bare"]]}], id="a table cell that is no object"),
        pytest.param(
            actions(select("radio_buttons", 2, initial_option={"value": "z"})), id="a start not offered"
        ),
        pytest.param(["text"], id="a block that is no object"),
        pytest.param({"type": "divider"}, id="blocks that are no list"),
        pytest.param([asks("b", {"type": "number_input"})], id="a number without is_decimal_allowed"),
    ],
)
def test_a_message_that_slack_would_not_show_is_refused(blocks: Any) -> None:
    assert broken_in_message(blocks)


@pytest.mark.parametrize(
    "view",
    [
        pytest.param("text", id="no object"),
        pytest.param({"type": "window", "blocks": []}, id="an unknown type"),
        pytest.param(modal(asks("b", {"type": "plain_text_input"}), submit=None), id="an input, no submit"),
        pytest.param(modal(title=None), id="no title"),
        pytest.param(modal(table(1, 1)), id="a table outside messages"),
    ],
)
def test_a_view_that_slack_would_not_open_is_refused(view: Any) -> None:
    assert broken_in_view(view)


def test_the_same_action_may_stand_in_several_blocks() -> None:
    assert broken_in_message([*actions(button("Claim", "claim")), *actions(button("Claim", "claim"))]) == []


def test_option_groups_are_held_to_the_same_limits() -> None:
    group = {"label": plain(3), "options": [{"text": plain(3), "value": "v"}]}
    element = {"type": "static_select", "action_id": "it", "option_groups": [group]}
    assert broken_in_message(actions(element)) == []
    group["options"] = [{"text": plain(76), "value": "v"}]
    assert broken_in_message(actions(element))


def test_the_characters_of_blocks_are_counted_as_they_travel() -> None:
    assert characters_of([{"type": "divider"}]) == len('[{"type":"divider"}]')


ORACLE = {
    "actions.elements": "ACTIONS_ELEMENTS_MAX_ITEMS",
    "button.text": "BUTTON_TEXT_MAX_LENGTH",
    "button.url": "BUTTON_URL_MAX_LENGTH",
    "button.value": "BUTTON_VALUE_MAX_LENGTH",
    "choices.options": "RADIO_BUTTONS_OPTIONS_MAX_ITEMS",
    "confirm.button": "CONFIRMATION_DENY_MAX_LENGTH",
    "confirm.text": "CONFIRMATION_TEXT_MAX_LENGTH",
    "confirm.title": "CONFIRMATION_TITLE_MAX_LENGTH",
    "context.elements": "CONTEXT_ELEMENTS_MAX_ITEMS",
    "header.text": "HEADER_TEXT_MAX_LENGTH",
    "id": "ACTION_ID_MAX_LENGTH",
    "image.alt": "IMAGE_ALT_TEXT_MAX_LENGTH",
    "image.title": "IMAGE_TITLE_MAX_LENGTH",
    "image.url": "IMAGE_IMAGE_URL_MAX_LENGTH",
    "input.hint": "INPUT_HINT_MAX_LENGTH",
    "input.label": "INPUT_LABEL_MAX_LENGTH",
    "input.max_length": "PLAIN_TEXT_INPUT_MAX_LENGTH_MAX",
    "markdown.characters": "MARKDOWN_TOTAL_TEXT_MAX_LENGTH",
    "option.description": "OPTION_DESCRIPTION_MAX_LENGTH",
    "option.text": "OPTION_TEXT_MAX_LENGTH",
    "option.value": "OPTION_VALUE_MAX_LENGTH",
    "overflow.options": "OVERFLOW_OPTIONS_MAX_ITEMS",
    "select.options": "SELECT_OPTIONS_MAX_ITEMS",
    "select.placeholder": "SELECT_PLACEHOLDER_MAX_LENGTH",
    "table.columns": "TABLE_COLUMNS_MAX_ITEMS",
    "table.rows": "TABLE_ROWS_MAX_ITEMS",
    "text": "TEXT_MAX_LENGTH",
}


@pytest.mark.parametrize("name", ORACLE)
def test_our_number_is_the_one_that_an_independent_library_knows(name: str) -> None:
    assert LIMITS[name] == getattr(slackblocks._limits, ORACLE[name])
