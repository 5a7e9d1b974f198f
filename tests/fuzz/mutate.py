"""Hostile input from a seed: values of the wrong kind put into what is right, so that most of it is read."""

import json
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

DEEP = "[" * 3000 + "]" * 3000
LEAVES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**64, 1e308, "", " ", "0", "null", "\x00", "\ud800", "\u202eU_OPS", "🙂" * 50,
    "<!channel>", "<@U_OPS>", "'; DROP TABLE plan; --", "../../etc/passwd", "${jndi:ldap://x}", "{{7*7}}",
    "%00%0a%0d", "plan-abc:" + "0" * 16, "plan-abc", ":", "a:" * 200, "x" * 20_000, [], {}, [[]], [None],
    {"id": None}, {"id": {"id": {}}}, {"$ref": "#"}, {"__proto__": {}}, [{}] * 300, {"value": 1}, 1e400,
)  # fmt: skip


def leaf(chance: Random) -> Any:
    """Any hostile value."""
    if chance.random() < 0.05:
        return json.loads("[" * 200 + "]" * 200)
    return deepcopy(chance.choice(LEAVES))


def _parts(data: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of some JSON data."""
    found, left = [], [data]
    while left:
        part = left.pop()
        keys = list(part) if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ()
        found += [(part, key) for key in keys]
        left += [part[key] for key in keys]
    return found


def _replace(chance: Random, part: Any, key: Any) -> None:
    part[key] = leaf(chance)


def _drop(_: Random, part: Any, key: Any) -> None:
    part[key] = None


def _wrap(chance: Random, part: Any, key: Any) -> None:
    part[key] = chance.choice([[part[key]], {"id": part[key]}, {"0": part[key]}, str(part[key])])


def _add(chance: Random, part: Any, key: Any) -> None:
    if isinstance(part, dict):
        part[chance.choice(["authorizations", "response_urls", "function_data", "state", "bot_id"])] = leaf(
            chance
        )
    else:
        part.append(part[key])


def _scramble(chance: Random, part: Any, key: Any) -> None:
    text = list(str(part[key]))
    for _ in range(min(4, len(text))):
        text[chance.randrange(len(text))] = chr(chance.choice([*range(1, 128), 0x3A9, 0x1F642]))
    part[key] = "".join(text)


CHANGES: tuple[Callable[[Random, Any, Any], None], ...] = (_replace, _drop, _wrap, _add, _scramble)


def mutated(chance: Random, data: Any) -> Any:
    """A copy with one to three parts of it changed."""
    copy = json.loads(json.dumps(data))
    for _ in range(chance.randint(1, 3)):
        if parts := _parts(copy):
            chance.choice(CHANGES)(chance, *chance.choice(parts))
    return copy


def garbled(chance: Random, text: str) -> str:
    """The text with some of its characters lost, doubled, or replaced."""
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(text) + 1)
        patch = chance.choice(
            ["", "", text[at : at + 9] * 2, chr(chance.randrange(1, 0x250)), "\\u0000", '"', "{"]
        )
        text = text[:at] + patch + text[at + chance.randint(0, 5) :]
    return text
