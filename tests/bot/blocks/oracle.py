"""Holds a message to Block Kit with code that nobody here wrote: slackblocks builds every block anew."""

import html
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import slackblocks as kit
from slackblocks.objects import RawText

Json = dict[str, Any]
#: More characters of blocks than this and Slack answers `msg_blocks_too_long` (undocumented).
TOTAL = 10_000


def text(raw: Json) -> Any:
    return kit.Text.from_dict(raw)


def option(raw: Json) -> Any:
    return kit.Option(text(raw["text"]), raw["value"])


def button(raw: Json) -> Any:
    sure = kit.ConfirmationDialogue.from_dict(raw["confirm"]) if "confirm" in raw else None
    return kit.Button(
        text(raw["text"]), raw["action_id"], value=raw["value"], style=raw.get("style"), confirm=sure
    )


def chooser(raw: Json) -> Any:
    first = option(raw["initial_option"]) if "initial_option" in raw else None
    options = [option(one) for one in raw["options"]]
    if raw["type"] == "radio_buttons":
        return kit.RadioButtonGroup(raw["action_id"], options, first)
    hint = text(raw["placeholder"]) if "placeholder" in raw else None
    return kit.StaticSelectMenu(raw["action_id"], options, initial_option=first, placeholder=hint)


def element(raw: Json) -> Any:
    if raw["type"] == "plain_text_input":
        said = {key: raw[key] for key in ("multiline", "max_length", "initial_value") if key in raw}
        hint = text(raw["placeholder"]) if "placeholder" in raw else None
        return kit.PlainTextInput(raw["action_id"], placeholder=hint, **said)
    if raw["type"] == "number_input":
        bounds = {key: raw[key] for key in ("initial_value", "min_value", "max_value")}
        return kit.NumberInput(raw["is_decimal_allowed"], raw["action_id"], **bounds)
    if raw["type"] == "datepicker":
        return kit.DatePicker(raw["action_id"], raw["initial_date"])
    return button(raw) if raw["type"] == "button" else chooser(raw)


def question(raw: Json) -> Any:
    return kit.InputBlock(
        text(raw["label"]),
        element(raw["element"]),
        block_id=raw["block_id"],
        hint=text(raw["hint"]) if "hint" in raw else None,
        optional=raw.get("optional", False),
    )


def section(raw: Json) -> Any:
    return kit.SectionBlock(
        text(raw["text"]), accessory=element(raw["accessory"]) if "accessory" in raw else None
    )


BUILDERS: dict[str, Callable[[Json], Any]] = {
    "actions": lambda raw: kit.ActionsBlock([element(one) for one in raw["elements"]]),
    "context": lambda raw: kit.ContextBlock([text(one) for one in raw["elements"]]),
    "divider": lambda _raw: kit.DividerBlock(),
    "header": lambda raw: kit.HeaderBlock(text(raw["text"])),
    "image": kit.ImageBlock.from_dict,
    "input": question,
    "section": section,
    "table": lambda raw: kit.TableBlock([[RawText(cell["text"]) for cell in row] for row in raw["rows"]]),
}


def block(raw: Json) -> Any:
    """The same block, built by slackblocks, which raises where Slack would refuse it."""
    return BUILDERS[raw["type"]](raw)


def same(built: Any, raw: Json) -> None:
    """What slackblocks would send is what we send, apart from ids it makes up and defaults it leaves out."""
    drop = {"block_id", "emoji", "verbatim"}

    def bare(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: bare(item) for key, item in value.items() if key not in drop}
        return [bare(item) for item in value] if isinstance(value, list) else value

    assert bare(json.loads(json.dumps(built._resolve()))) == bare(raw)


def sent(raw: Json) -> Json:
    """The block as the sender sends it: with the id of the uploaded picture."""
    return {**raw, "slack_file": {"id": "F0123456789"}} if raw["type"] == "image" else raw


def message(said: str, blocks: Iterable[Json]) -> None:
    """Raise unless Slack would take this message."""
    listed = [sent(one) for one in blocks]
    assert 0 < len(said) <= 3000
    built = [block(one) for one in listed]
    for made, raw in zip(built, listed, strict=True):
        same(made, raw)
    kit.Message(channel="C1", text=said, blocks=built)
    assert len(json.dumps(listed, ensure_ascii=False)) <= TOTAL
    assert [one["type"] for one in listed].count("table") <= 1
    _unique_actions(listed)


def view(raw: Json) -> None:
    """Raise unless Slack would take this modal or Home."""
    built = [block(one) for one in raw["blocks"]]
    for made, one in zip(built, raw["blocks"], strict=True):
        same(made, one)
    _unique_actions(raw["blocks"])
    if raw["type"] == "home":
        kit.HomeTabView(built)
        return
    submit = raw.get("submit")
    if any(one["type"] == "input" for one in raw["blocks"]):
        assert submit, "a modal with an input needs a submit"
    kit.ModalView(
        title=text(raw["title"]),
        blocks=built,
        close=text(raw["close"]),
        submit=text(submit) if submit else None,
        private_metadata=raw.get("private_metadata"),
        callback_id=raw.get("callback_id"),
    )


def _unique_actions(blocks: Iterable[Json]) -> None:
    for one in blocks:
        names = [thing["action_id"] for thing in one.get("elements", []) if "action_id" in thing]
        assert len(names) == len(set(names))


def words(value: Any) -> list[str]:
    """Every text in a message that Slack reads markup in."""
    if isinstance(value, Mapping):
        if value.get("type") == "mrkdwn":
            return [str(value["text"])]
        return [found for item in value.values() for found in words(item)]
    return [found for item in value for found in words(item)] if isinstance(value, list) else []


def read(value: Any) -> str:
    """All that a person reads, plain texts included."""
    if isinstance(value, Mapping):
        if value.get("type") in {"mrkdwn", "plain_text", "raw_text"}:
            return html.unescape(str(value["text"]))
        return "\n".join(filter(None, (read(item) for item in value.values())))
    return "\n".join(filter(None, map(read, value))) if isinstance(value, list) else ""


def buttons(blocks: Iterable[Json]) -> list[tuple[str, str]]:
    """The label and the value of each button."""
    things = [thing for one in blocks for thing in [*one.get("elements", []), one.get("accessory")]]
    return [
        (thing["text"]["text"], thing["value"]) for thing in things if thing and thing.get("type") == "button"
    ]
