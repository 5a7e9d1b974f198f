"""Holds the elements inside blocks (buttons, selects, inputs, options, confirm dialogs) to Slack's limits."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from bot.playground.limits import LIMITS

Block = Mapping[str, Any]

SELECTS: Final = frozenset({"static_select", "multi_static_select"})
PEOPLE: Final = frozenset({"users_select", "multi_users_select"})
CHOICES: Final = frozenset({"radio_buttons", "checkboxes"})
WRITTEN: Final = frozenset({"plain_text_input", "number_input"})
IN_INPUT: Final = SELECTS | PEOPLE | CHOICES | WRITTEN | {"datepicker"}
IN_ACTIONS: Final = SELECTS | PEOPLE | CHOICES | {"button", "overflow", "datepicker"}
IN_SECTION: Final = IN_ACTIONS | {"image"}


class Findings:
    """What is wrong with one payload, in Slack's wording: the reason and a JSON pointer to the place."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def add(self, reason: str, at: str) -> None:
        """Note one problem at a JSON pointer."""
        self.messages.append(f"[ERROR] {reason} [json-pointer:{at}]")

    def length(self, value: object, limit: str, at: str, *, fewest: int = 1) -> None:
        """Require a string of `fewest` to LIMITS[limit] characters."""
        if not isinstance(value, str):
            self.add("must provide a string", at)
        elif len(value) < fewest:
            self.add(f"must be more than {fewest - 1} characters", at)
        elif len(value) > LIMITS[limit]:
            self.add(f"must be less than {LIMITS[limit] + 1} characters ({limit})", at)

    def optional(self, holder: Block, key: str, limit: str, at: str) -> None:
        """Hold an optional string to its length."""
        if holder.get(key) is not None:
            self.length(holder[key], limit, f"{at}/{key}", fewest=0)

    def count(self, items: object, limit: str, at: str, *, fewest: int = 1) -> list[Any]:
        """Require a list of `fewest` to LIMITS[limit] items and return it, empty where it is none."""
        if not isinstance(items, list):
            self.add("must provide a list", at)
            return []
        if len(items) < fewest:
            self.add(f"no fewer than {fewest} items allowed ({limit})", at)
        if len(items) > LIMITS[limit]:
            self.add(f"no more than {LIMITS[limit]} items allowed ({limit})", at)
        return items

    def text(self, thing: object, limit: str, at: str, *, plain: bool = False) -> None:
        """Require a text object within LIMITS[limit]; `plain` forbids mrkdwn."""
        if not isinstance(thing, dict):
            self.add("must provide an object", at)
            return
        kind = thing.get("type")
        if kind not in ({"plain_text"} if plain else {"plain_text", "mrkdwn"}):
            self.add(f"unsupported type: {kind}", f"{at}/type")
        self.length(thing.get("text"), limit, f"{at}/text")


def _confirm(found: Findings, confirm: Block, at: str) -> None:
    found.text(confirm.get("title"), "confirm.title", f"{at}/title", plain=True)
    found.text(confirm.get("text"), "confirm.text", f"{at}/text")
    for key in ("confirm", "deny"):
        if key in confirm:
            found.text(confirm[key], "confirm.button", f"{at}/{key}", plain=True)


def _options(
    found: Findings, element: Block, limit: str, at: str, *, fewest: int = 1, plain: bool = True
) -> None:
    if "option_groups" in element:
        groups = found.count(element["option_groups"], limit, f"{at}/option_groups")
        for index, group in enumerate(groups):
            found.text(group.get("label"), "option.text", f"{at}/option_groups/{index}/label", plain=True)
            _options(found, group, limit, f"{at}/option_groups/{index}")
        return
    seen: set[str] = set()
    for index, option in enumerate(
        found.count(element.get("options"), limit, f"{at}/options", fewest=fewest)
    ):
        place = f"{at}/options/{index}"
        found.text(option.get("text"), "option.text", f"{place}/text", plain=plain)
        found.length(option.get("value"), "option.value", f"{place}/value")
        if "description" in option:
            found.text(option["description"], "option.description", f"{place}/description", plain=plain)
        if option.get("value") in seen:
            found.add("duplicate option value", f"{place}/value")
        seen.add(str(option.get("value")))


def _initial(found: Findings, element: Block, at: str) -> None:
    groups = element.get("option_groups", [element])
    offered = [option.get("value") for group in groups for option in group.get("options", [])]
    chosen = element.get("initial_options", [])
    chosen = [*chosen, element["initial_option"]] if element.get("initial_option") else chosen
    if any(option.get("value") not in offered for option in chosen):
        found.add("initial option must be one of the options", at)


def _button(found: Findings, element: Block, at: str) -> None:
    found.text(element.get("text"), "button.text", f"{at}/text", plain=True)
    found.optional(element, "value", "button.value", at)
    found.optional(element, "url", "button.url", at)
    if element.get("style") not in {None, "primary", "danger"}:
        found.add("style must be primary or danger", f"{at}/style")


def _overflow(found: Findings, element: Block, at: str) -> None:
    _options(found, element, "overflow.options", at, fewest=LIMITS["overflow.fewest"])


def _select(found: Findings, element: Block, at: str) -> None:
    _options(found, element, "select.options", at)
    _initial(found, element, at)


def _choices(found: Findings, element: Block, at: str) -> None:
    _options(found, element, "choices.options", at, plain=False)
    _initial(found, element, at)


def _written(found: Findings, element: Block, at: str) -> None:
    longest = element.get("max_length")
    if longest is not None and not 1 <= longest <= LIMITS["input.max_length"]:
        found.add(f"max_length must be 1 to {LIMITS['input.max_length']}", f"{at}/max_length")


def _number(found: Findings, element: Block, at: str) -> None:
    if not isinstance(element.get("is_decimal_allowed"), bool):
        found.add("must say is_decimal_allowed", at)


def _image(found: Findings, element: Block, at: str) -> None:
    image(found, element, at)


def _nothing_more(found: Findings, element: Block, at: str) -> None:
    """A date or a person needs no more than the checks that every element gets."""


_CHECKS: Final[Mapping[str, Callable[[Findings, Block, str], None]]] = {
    "button": _button,
    "overflow": _overflow,
    "static_select": _select,
    "multi_static_select": _select,
    "radio_buttons": _choices,
    "checkboxes": _choices,
    "plain_text_input": _written,
    "number_input": _number,
    "image": _image,
    "datepicker": _nothing_more,
    "users_select": _nothing_more,
    "multi_users_select": _nothing_more,
}


def image(found: Findings, thing: Block, at: str) -> None:
    """Check what an image block and an image element share: one source, and words instead of it."""
    found.length(thing.get("alt_text"), "image.alt", f"{at}/alt_text")
    if ("image_url" in thing) == ("slack_file" in thing):
        found.add("must have exactly one of image_url and slack_file", at)
    found.optional(thing, "image_url", "image.url", at)


def element(found: Findings, thing: object, allowed: frozenset[str], at: str) -> None:
    """Check one element that stands where only the `allowed` types may."""
    if not isinstance(thing, dict):
        found.add("must provide an object", at)
        return
    kind = thing.get("type")
    if kind not in allowed:
        found.add(f"unsupported type: {kind}", f"{at}/type")
        return
    found.optional(thing, "action_id", "id", at)
    if "placeholder" in thing:
        found.text(thing["placeholder"], "select.placeholder", f"{at}/placeholder", plain=True)
    if "confirm" in thing:
        _confirm(found, thing["confirm"], f"{at}/confirm")
    _CHECKS[str(kind)](found, thing, at)
