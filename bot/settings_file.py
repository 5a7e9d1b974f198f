"""Reads bursar.yaml into plain data, remembering the line of every key."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from spend.errors import SettingsWrong

Place = tuple[str | int, ...]
_NULL, _BOOL, _INT, _FLOAT = (f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float"))


@dataclass(frozen=True, slots=True)
class Document:
    """A settings file as data.

    Attributes:
        lines: the 1-based line of every key and list entry, by its place.
        problems: keys that stand twice, as `(line, key, sentence)`.
    """

    name: str
    data: Any
    lines: dict[Place, int] = field(default_factory=dict)
    problems: tuple[tuple[int, str, str], ...] = ()

    def line(self, place: Place) -> int:
        """The line of this place, or of the nearest thing around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read(path: Path) -> Document:
    """Read a YAML 1.2 file without making any Python object but text, numbers, lists and mappings.

    Raises:
        SettingsWrong: the file is not there, or is not YAML.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        node = YAML(pure=True).compose(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsWrong(f"{path.name}: the settings cannot be read: {error}") from error
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsWrong(f"{path.name}:{line}: this is not YAML: {error.problem}") from error
    except YAMLError as error:
        raise SettingsWrong(f"{path.name}:1: this is not YAML: {error}") from error
    lines: dict[Place, int] = {}
    problems: list[tuple[int, str, str]] = []
    data = {} if node is None else _build(node, (), lines, problems)
    if data is None:
        data = {}
    return Document(path.name, data, lines, tuple(problems))


def _build(node: Any, place: Place, lines: dict[Place, int], problems: list[tuple[int, str, str]]) -> Any:
    lines.setdefault(place, node.start_mark.line + 1)
    match node.id:
        case "mapping":
            built: dict[str, Any] = {}
            for key, value in node.value:
                line, name = key.start_mark.line + 1, str(key.value)
                if name in built:
                    problems.append((line, _spelt((*place, name)), "stands here twice; keep one of them"))
                    continue
                lines[(*place, name)] = line
                built[name] = _build(value, (*place, name), lines, problems)
            return built
        case "sequence":
            return [_build(item, (*place, at), lines, problems) for at, item in enumerate(node.value)]
        case _:
            return _scalar(str(node.tag), str(node.value))


def _scalar(tag: str, text: str) -> Any:
    """A plain value; an amount stays exact and an account id keeps its leading zero."""
    if tag == _NULL:
        return None
    if tag == _BOOL:
        return text.casefold() in {"true", "yes", "on"}
    if tag == _INT and text.removeprefix("-").isdecimal() and (text == "0" or text[0] != "0"):
        return int(text)
    if tag == _FLOAT and all(letter in "+-.0123456789eE" for letter in text):
        return Decimal(text)
    return text


def _spelt(place: Place) -> str:
    return "".join(_parts(place))


def _parts(place: Place) -> Iterator[str]:
    for number, part in enumerate(place):
        if isinstance(part, int):
            yield f"[{part + 1}]"
        else:
            yield part if number == 0 else f".{part}"


def spelt(place: Place) -> str:
    """Spell a place as people write it: `teams.web.budget.amount`, `accounts[2].id`."""
    return _spelt(place)
