"""Turns what a person chose or typed into the state that Slack sends, and says what is missing."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from bot.playground.blockcheck import elements_of
from bot.playground.records import SlackSays

Json = dict[str, Any]
Given = Mapping[str, Mapping[str, Any]]

KEYS: Final[Mapping[str, tuple[str, str]]] = {
    "plain_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "datepicker": ("selected_date", "initial_date"),
    "static_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "overflow": ("selected_option", "initial_option"),
    "multi_static_select": ("selected_options", "initial_options"),
    "checkboxes": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
}
"""For each element: the key that its state is under, and the key of what it starts with."""

MISSING: Final = "Please complete this required field."


def _options(element: Json) -> list[Json]:
    groups: list[Json] = element.get("option_groups", [element])
    return [option for group in groups for option in group.get("options", [])]


def _option(element: Json, chosen: Any) -> Json:
    wanted = chosen.get("value") if isinstance(chosen, dict) else chosen
    for option in _options(element):
        if option["value"] == wanted:
            return option
    raise SlackSays("no_such_option", [f"{element.get('action_id')} offers no {wanted}"])


def _content(element: Json, given: Any) -> Any:
    """What the element's state holds for a plain value, or for Slack's own shape of it."""
    key = KEYS[element["type"]][0]
    if isinstance(given, dict) and key in given:
        given = given[key]
    if given is None or given == "":
        return [] if key.endswith("s") else None
    if key == "selected_option":
        return _option(element, given)
    if key == "selected_options":
        return [_option(element, each) for each in (given if isinstance(given, list) else [given])]
    if key == "selected_users":
        return given if isinstance(given, list) else [given]
    return str(given)


def read(element: Json, given: Any) -> Json:
    """The state of one element. Raises SlackSays (`no_such_option`) for a choice it does not offer."""
    if element["type"] == "button":
        return {"type": "button", "text": element["text"], "value": element.get("value", "")}
    key = KEYS[element["type"]][0]
    return {"type": element["type"], key: _content(element, given)}


def _start(element: Json) -> Any:
    return element.get(KEYS[element["type"]][1])


def state_of(blocks: list[Json], given: Given) -> Json:
    """`state.values`: every element that holds a value, as given or else as it started."""
    values: Json = {}
    for block in blocks:
        said = given.get(block["block_id"], {})
        for element in elements_of(block):
            if element["type"] in {"button", "overflow"}:
                continue
            name = element["action_id"]
            chosen = said[name] if name in said else _start(element)
            values.setdefault(block["block_id"], {})[name] = read(element, chosen)
    return values


def find_element(blocks: list[Json], action_id: str, block_id: str | None) -> tuple[Json, Json]:
    """The (block, element) a person acts on. Raises SlackSays (`no_such_element`)."""
    for block in blocks:
        if block_id is not None and block["block_id"] != block_id:
            continue
        for element in elements_of(block):
            if element["action_id"] == action_id:
                return block, element
    raise SlackSays("no_such_element", [f"nothing here is called {action_id}"])


def _number_problem(element: Json, text: str) -> str | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return "Enter a number."
    if not number.is_finite():
        return "Enter a number."
    if not element.get("is_decimal_allowed") and number != number.to_integral_value():
        return "Enter a whole number."
    if "min_value" in element and number < Decimal(element["min_value"]):
        return f"Enter {element['min_value']} or more."
    if "max_value" in element and number > Decimal(element["max_value"]):
        return f"Enter {element['max_value']} or less."
    return None


def _text_problem(element: Json, text: str) -> str | None:
    if len(text) < element.get("min_length", 0):
        return f"Write at least {element['min_length']} characters."
    if "max_length" in element and len(text) > element["max_length"]:
        return f"Write at most {element['max_length']} characters."
    return None


def problems(blocks: list[Json], values: Json) -> dict[str, str]:
    """What the client itself refuses before it asks the app, by block id."""
    found: dict[str, str] = {}
    for block in blocks:
        if block["type"] != "input":
            continue
        element = block["element"]
        content = values[block["block_id"]][element["action_id"]][KEYS[element["type"]][0]]
        problem: str | None = None
        if not content:
            problem = None if block.get("optional") else MISSING
        elif element["type"] == "number_input":
            problem = _number_problem(element, content)
        elif element["type"] == "plain_text_input":
            problem = _text_problem(element, content)
        if problem:
            found[block["block_id"]] = problem
    return found
