"""The pieces of every message: escaping, short names, amounts, times, and Block Kit's objects as dicts."""

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any

from actions.approval import BURSAR
from actions.say import KEPT
from spend import money

Block = dict[str, Any]
#: Slack's limits that these builders keep to (docs.slack.dev, Block Kit reference).
TEXT_MAX, HEADER_MAX, BUTTON_MAX, OPTION_MAX, TITLE_MAX, CONFIRM_MAX, ALT_MAX = (
    3000,
    150,
    75,
    75,
    24,
    300,
    2000,
)
#: How much of a name is shown; longer ones lose their middle, because both ends tell them apart.
NAME_WIDTH = 44

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
#: Controls, line breaks, and the marks that turn the reading direction or have no width.
_UNSEEN = re.compile(
    "[\x00-\x20\x7f-\xa0\xad\u061c\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufff9-\ufffb]+"
)
_PERSON = re.compile(r"[UW][A-Z0-9_]{1,30}")
_MENTION = re.compile(r"&lt;@([UW][A-Z0-9_]{1,30})&gt;")
#: Only where our own sentence begins with it: no tag and no answer of a cloud can mention anybody.
_KEEPER = re.compile(rf"^({KEPT})&lt;@([UW][A-Z0-9_]{{1,30}})&gt;")
SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}


def tidy(text: object) -> str:
    """One line without invisible characters; a lone surrogate, which no JSON can carry, becomes `?`."""
    clean = _UNSEEN.sub(" ", str(text)).strip()
    return clean.encode("utf-8", "replace").decode("utf-8")


def escape(text: object) -> str:
    """Make anything that came from a bill, a tag or a person harmless in mrkdwn.

    With `&`, `<` and `>` gone (docs.slack.dev, formatting message text), no text can ping a
    channel or hide a link.
    """
    return "".join(_ENTITIES.get(char, char) for char in tidy(text))


def cut(pieces: Sequence[str], width: int) -> str:
    """Join pieces; where they are longer than `width`, put an ellipsis for the middle ones."""
    if sum(map(len, pieces)) <= width:
        return "".join(pieces)
    head: list[str] = []
    tail: list[str] = []
    room, rest = width - 1, deque(pieces)
    while True:  # all of them are longer than `width`, so one does not fit
        side, piece = (head, rest.popleft()) if len(head) <= len(tail) else (tail, rest.pop())
        if len(piece) > room:
            break
        side.append(piece)
        room -= len(piece)
    return "".join([*head, "…", *reversed(tail)])


#: Colons in an ARN before the resource's own name.
ARN_PARTS = 5


def name(text: object, width: int = NAME_WIDTH) -> str:
    """An escaped name of at most `width` characters, the escapes included; an ARN by its last part."""
    return cut([_ENTITIES.get(char, char) for char in _in_short(tidy(text))], width) or "(no name)"


def _in_short(text: str) -> str:
    """An ARN says partition, service, region and account first: what a person knows comes last."""
    return text.split(":", ARN_PARTS)[-1] if text.startswith("arn:") else text


def clip(text: object, width: int) -> str:
    """A plain text of at most `width` characters, for the texts in which Slack reads no markup."""
    return cut(tidy(text), width) or "(no name)"


def prose(text: object, width: int = 600) -> str:
    """What a person wrote, escaped and cut at its end."""
    pieces = [_ENTITIES.get(char, char) for char in tidy(text)]
    if sum(map(len, pieces)) <= width:
        return "".join(pieces)
    ends = accumulate(map(len, pieces))
    return "".join(piece for piece, end in zip(pieces, ends, strict=True) if end < width) + "…"


def sentence(text: object) -> str:
    """A sentence of ours that may quote a bill: escaped, except that a mention of one person still works."""
    return _MENTION.sub(r"<@\1>", prose(text, TEXT_MAX))


def reason(text: object, width: int) -> str:
    """Why a target was left alone, at most `width` characters; whoever keeps it is mentioned."""
    return _KEEPER.sub(r"\1<@\2>", name(text, width))


def person(who: str | None) -> str:
    """Mention a person, or name the bot."""
    if who is None:
        return "nobody"
    if who == BURSAR:
        return "Bursar"
    return f"<@{who}>" if _PERSON.fullmatch(who) else name(who)


def people(who: Iterable[str], limit: int = 8) -> str:
    """Mention people, in a fixed order; "nobody" for none."""
    everybody = sorted(who)
    shown = [person(one) for one in everybody[:limit]]
    if (more := len(everybody) - limit) > 0:
        shown.append(f"{more} more")
    return listed(shown) or "nobody"


def line(charge: Mapping[str, Any]) -> str:
    """One line of a bill in words: the resource, then what else tells it from the next."""
    said = [str(charge[key]) for key in ("resource", "usage_type", "day", "quantity") if charge.get(key)]
    return " · ".join(name(word, 36) for word in dict.fromkeys(said)) or "no resource named"


def listed(words: Sequence[str]) -> str:
    """Join words as a sentence does: a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def count(number: int, one: str, many: str | None = None) -> str:
    """Say how many: "1 charge", "2,000 charges"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def amount(value: Decimal, currency: str, *, whole: bool = False) -> str:
    """An amount as people read it: $1,234.56, €5.00, 1,234.56 CHF; whole units for a notification."""
    cents = money.cents(value)
    number = f"{abs(cents):,.0f}" if whole else f"{abs(cents):,.2f}"
    minus = "−" if cents < 0 and number.strip("0.,") else ""
    sign = SIGNS.get(currency)
    return f"{minus}{sign}{number}" if sign else f"{minus}{number} {name(currency, 12)}"


def change(value: Decimal, currency: str, *, whole: bool = False) -> str:
    """An amount with its sign, also when it grew."""
    text = amount(value, currency, whole=whole)
    return text if money.cents(value) <= 0 else f"+{text}"


def amounts(values: Iterable[tuple[str, Decimal]]) -> str:
    """Amounts of several currencies, which are never added together."""
    return " + ".join(amount(value, currency) for currency, value in values)


def percent(part: Decimal, base: Decimal) -> str | None:
    """The part as whole percents of the base, or None where the base says nothing."""
    if base <= 0:
        return None
    share = int((part / base * 100).to_integral_value())
    return f"{share:,} %".replace("-", "−") if abs(share) < 10_000 else None  # noqa: PLR2004 - a bigger one is noise


def day(value: date) -> str:
    """A day, such as 8 Nov."""
    return f"{value.day} {value:%b}"


def days(first: date, last: date) -> str:
    """A span of days with both ends in it, such as 2–8 Nov."""
    if first == last:
        return day(first)
    return f"{first.day}–{day(last)}" if first.month == last.month else f"{day(first)} – {day(last)}"


def moment(at: datetime) -> str:
    """A time in the reader's own zone, with UTC for clients that cannot convert it."""
    stamp = at.astimezone(UTC)
    fallback = f"{day(stamp.date())} {stamp:%H:%M} UTC"
    return f"<!date^{int(stamp.timestamp())}^{{date_short_pretty}} {{time}}|{fallback}>"


def mrkdwn(text: str) -> Block:
    """A text with markup of our own; `verbatim` keeps Slack from linking what only looks like a name."""
    return {"type": "mrkdwn", "text": text[:TEXT_MAX] or " ", "verbatim": True}


def plain(text: str, width: int = TEXT_MAX) -> Block:
    """A text without markup; what is in it is shown as it is."""
    return {"type": "plain_text", "text": clip(text, width), "emoji": False}


def header(text: str) -> Block:
    """A headline."""
    return {"type": "header", "text": plain(text, HEADER_MAX)}


def section(text: str, accessory: Block | None = None) -> Block:
    """A paragraph, with one button at its side perhaps."""
    block: Block = {"type": "section", "text": mrkdwn(text)}
    return block if accessory is None else {**block, "accessory": accessory}


def context(text: str) -> Block:
    """A line in small print."""
    return {"type": "context", "elements": [mrkdwn(text)]}


def actions(buttons: Sequence[Block]) -> list[Block]:
    """A row of buttons, or nothing where there are none."""
    return [{"type": "actions", "elements": list(buttons)}] if buttons else []


def button(
    label: str, action: str, value: str, *, style: str | None = None, confirm: Block | None = None
) -> Block:
    """A button; its value is an opaque pointer and never data."""
    block: Block = {"type": "button", "action_id": action, "text": plain(label, BUTTON_MAX), "value": value}
    if style:
        block["style"] = style
    if confirm:
        block["confirm"] = confirm
    return block


def confirm(title: str, text: str, yes: str, no: str = "Go back") -> Block:
    """The question that is asked before a press counts."""
    return {
        "title": plain(title, 100),
        "text": plain(text, CONFIRM_MAX),
        "confirm": plain(yes, 30),
        "deny": plain(no, 30),
    }


def picture(alt: str, title: str, file_id: str) -> Block:
    """An uploaded picture."""
    return {
        "type": "image",
        "slack_file": {"id": file_id},
        "alt_text": clip(alt, ALT_MAX),
        "title": plain(title, 100),
    }


def field(block_id: str, label: str, element: Block, *, optional: bool = False, hint: str = "") -> Block:
    """A labelled input of a modal; its block id is where a refusal is shown."""
    block: Block = {"type": "input", "block_id": block_id, "label": plain(label, 150), "element": element}
    if optional:
        block["optional"] = True
    if hint:
        block["hint"] = plain(hint, 300)
    return block


def option(label: str, value: str) -> Block:
    """One choice of a select or of radio buttons."""
    return {"text": plain(label, OPTION_MAX), "value": value}


def modal(
    title: str, blocks: Sequence[Block], *, callback: str = "", submit: str = "", about: str = ""
) -> Block:
    """A modal; `about` is the pointer that comes back with the submission."""
    view: Block = {
        "type": "modal",
        "title": plain(title, TITLE_MAX),
        "close": plain("Cancel" if submit else "Close", TITLE_MAX),
        "blocks": list(blocks),
    }
    if callback:
        view |= {"callback_id": callback, "private_metadata": about}
    if submit:
        view["submit"] = plain(submit, TITLE_MAX)
    return view


def characters(blocks: Iterable[Any]) -> int:
    """How many characters of text people are given to read in these blocks."""
    seen = 0
    for block in blocks:
        if isinstance(block, dict):
            seen += sum(len(text) for key in ("text", "alt_text") if isinstance(text := block.get(key), str))
            seen += characters(part for part in block.values() if isinstance(part, (dict, list)))
        elif isinstance(block, list):
            seen += characters(block)
    return seen
