"""Answers what Slack would say of a message's blocks or of a view: nothing, or each limit they break."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from bot.playground import elementcheck
from bot.playground.elementcheck import IN_ACTIONS, IN_INPUT, IN_SECTION, Block, Findings
from bot.playground.limits import LIMITS

IN_MESSAGES_ONLY: Final = frozenset({"table", "markdown"})
RICH: Final = frozenset({"rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted"})


def _section(found: Findings, block: Block, at: str) -> None:
    if "text" not in block and "fields" not in block:
        found.add("must have text or fields", at)
    if "text" in block:
        found.text(block["text"], "text", f"{at}/text")
    if "fields" in block:
        for index, field in enumerate(found.count(block["fields"], "section.fields", f"{at}/fields")):
            found.text(field, "section.field", f"{at}/fields/{index}")
    if "accessory" in block:
        elementcheck.element(found, block["accessory"], IN_SECTION, f"{at}/accessory")


def _header(found: Findings, block: Block, at: str) -> None:
    found.text(block.get("text"), "header.text", f"{at}/text", plain=True)


def _context(found: Findings, block: Block, at: str) -> None:
    for index, thing in enumerate(found.count(block.get("elements"), "context.elements", f"{at}/elements")):
        place = f"{at}/elements/{index}"
        if isinstance(thing, dict) and thing.get("type") == "image":
            elementcheck.image(found, thing, place)
        else:
            found.text(thing, "text", place)


def _actions(found: Findings, block: Block, at: str) -> None:
    for index, thing in enumerate(found.count(block.get("elements"), "actions.elements", f"{at}/elements")):
        elementcheck.element(found, thing, IN_ACTIONS, f"{at}/elements/{index}")


def _input(found: Findings, block: Block, at: str) -> None:
    found.text(block.get("label"), "input.label", f"{at}/label", plain=True)
    if "hint" in block:
        found.text(block["hint"], "input.hint", f"{at}/hint", plain=True)
    elementcheck.element(found, block.get("element"), IN_INPUT, f"{at}/element")


def _image(found: Findings, block: Block, at: str) -> None:
    elementcheck.image(found, block, at)
    if "title" in block:
        found.text(block["title"], "image.title", f"{at}/title", plain=True)


def _rich_text(found: Findings, block: Block, at: str) -> None:
    for index, thing in enumerate(block.get("elements") or []):
        if thing.get("type") not in RICH:
            found.add(f"unsupported type: {thing.get('type')}", f"{at}/elements/{index}/type")
    if not block.get("elements"):
        found.add("must provide elements", f"{at}/elements")


def _table(found: Findings, block: Block, at: str) -> None:
    for index, row in enumerate(found.count(block.get("rows"), "table.rows", f"{at}/rows")):
        for column, cell in enumerate(found.count(row, "table.columns", f"{at}/rows/{index}")):
            if not isinstance(cell, dict) or cell.get("type") not in {"raw_text", "rich_text"}:
                found.add("a cell must be raw_text or rich_text", f"{at}/rows/{index}/{column}")


def _markdown(found: Findings, block: Block, at: str) -> None:
    found.length(block.get("text"), "markdown.characters", f"{at}/text")


def _divider(found: Findings, block: Block, at: str) -> None:
    """A line has nothing that could be wrong."""


_CHECKS: Final[Mapping[str, Callable[[Findings, Block, str], None]]] = {
    "actions": _actions,
    "context": _context,
    "divider": _divider,
    "header": _header,
    "image": _image,
    "input": _input,
    "markdown": _markdown,
    "rich_text": _rich_text,
    "section": _section,
    "table": _table,
}


def elements_of(block: Block) -> list[dict[str, Any]]:
    """The interactive elements of one block, in the order they are shown."""
    candidates = [*block.get("elements", []), block.get("accessory"), block.get("element")]
    return [
        thing
        for thing in candidates
        if isinstance(thing, dict) and thing.get("type") in IN_ACTIONS | IN_INPUT
    ]


def _ids(found: Findings, blocks: list[Any], at: str) -> None:
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        found.optional(block, "block_id", "id", f"{at}/{index}")
        name = block.get("block_id")
        if name is not None and name in seen:
            found.add(f"block_id {name} is used twice", f"{at}/{index}/block_id")
        seen.add(name or "")
        actions = [thing["action_id"] for thing in elements_of(block) if thing.get("action_id")]
        if len(actions) != len(set(actions)):
            found.add("action_id is used twice in one block", f"{at}/{index}")


def _blocks(found: Findings, blocks: object, limit: str, *, in_message: bool) -> None:
    known: list[Any] = []
    for index, block in enumerate(found.count(blocks, limit, "/blocks", fewest=0)):
        at = f"/blocks/{index}"
        kind = str(block.get("type")) if isinstance(block, dict) else "none"
        if kind not in _CHECKS or (kind in IN_MESSAGES_ONLY and not in_message):
            found.add(f"unsupported type: {kind}", f"{at}/type")
            continue
        _CHECKS[kind](found, block, at)
        known.append(block)
    _ids(found, known, "/blocks")
    tables = [block for block in known if block["type"] == "table"]
    if len(tables) > LIMITS["message.tables"]:
        found.add(f"no more than {LIMITS['message.tables']} table allowed (message.tables)", "/blocks")
    written = sum(len(str(block.get("text", ""))) for block in known if block["type"] == "markdown")
    if written > LIMITS["markdown.characters"]:
        found.add("markdown blocks are too long together (markdown.characters)", "/blocks")


def broken_in_message(blocks: object) -> list[str]:
    """What Slack would refuse in the blocks of a message; empty when it would take them."""
    found = Findings()
    _blocks(found, blocks, "message.blocks", in_message=True)
    return found.messages


def characters_of(blocks: object) -> int:
    """How long the blocks are as Slack counts them for `msg_blocks_too_long`."""
    return len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")))


def broken_in_view(view: object) -> list[str]:
    """What Slack would refuse in a modal or a Home; empty when it would take it."""
    found = Findings()
    if not isinstance(view, dict):
        return ["[ERROR] must provide an object [json-pointer:/view]"]
    if view.get("type") not in {"modal", "home"}:
        found.add(f"unsupported type: {view.get('type')}", "/view/type")
    _blocks(found, view.get("blocks"), "view.blocks", in_message=False)
    found.optional(view, "callback_id", "id", "/view")
    found.optional(view, "private_metadata", "view.private_metadata", "/view")
    found.optional(view, "external_id", "view.external_id", "/view")
    if view.get("type") == "modal":
        found.text(view.get("title"), "modal.title", "/view/title", plain=True)
        for key in ("submit", "close"):
            if view.get(key) is not None:
                found.text(view[key], f"modal.{key}", f"/view/{key}", plain=True)
        asks = any(
            isinstance(block, dict) and block.get("type") == "input" for block in view.get("blocks") or []
        )
        if asks and not view.get("submit"):
            found.add("a view with an input must have a submit", "/view/submit")
    return found.messages
