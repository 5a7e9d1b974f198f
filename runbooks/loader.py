"""Reads runbooks: safe YAML only, and every error at once with its file and line."""

import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, Event
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from runbooks.schema import Runbook
from spend.errors import SettingsWrong

#: Tells the parameters that an action takes, or None where there is no such action.
ParamsOf = Callable[[str], type[BaseModel] | None]
SHIPPED = Path(__file__).parent
SCHEMA = SHIPPED / "runbook.schema.json"
_MOST_BYTES = 64_000
#: Levels of lists and mappings; the reader goes down them and must not run out of stack.
_DEEPEST = 20
Where = tuple[int | str, ...]


def load(path: Path, params_of: ParamsOf | None = None) -> Runbook:
    """Read one runbook.

    Args:
        params_of: what checks the `with` of each step; without it that part is left unchecked.

    Raises:
        SettingsWrong: the file does not hold; each line of the text is `file:line field: reason`.
    """
    found, problems = _read(path, params_of)
    if found is None or problems:
        raise SettingsWrong("\n".join(problems))
    return found


def load_all(folder: Path = SHIPPED, params_of: ParamsOf | None = None) -> dict[str, Runbook]:
    """Read every `*.yaml` of a folder, by name.

    Raises:
        SettingsWrong: any of them does not hold; all errors of all files at once.
    """
    found: dict[str, Runbook] = {}
    problems: list[str] = []
    for path in sorted(folder.glob("*.yaml")):
        runbook, wrong = _read(path, params_of)
        problems += wrong
        if runbook is not None:
            found[runbook.name] = runbook
    if problems:
        raise SettingsWrong("\n".join(problems))
    return found


def json_schema() -> str:
    """The JSON Schema of a runbook, as `runbook.schema.json` holds it for editors."""
    # As people write it: durations as 4h, where the validation mode would show ISO 8601.
    shape = Runbook.model_json_schema(mode="serialization")
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **shape}
    return json.dumps(schema, indent=2) + "\n"


def _read(path: Path, params_of: ParamsOf | None) -> tuple[Runbook | None, list[str]]:
    try:
        data, lines = _parse(path)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = str(error.problem or error.context).strip().splitlines()[0]
        return None, [f"{path.name}:{mark.line + 1 if mark else 1} yaml: {problem}"]
    except (YAMLError, UnicodeDecodeError, ValueError) as error:
        return None, [f"{path.name}:1 yaml: {str(error).strip().splitlines()[0]}"]
    except OSError as error:
        return None, [f"{path.name}:1 file: it cannot be read ({error.strerror})"]
    try:
        runbook = Runbook.model_validate(data)
    except ValidationError as error:
        return None, [_sentence(path, lines, problem, Runbook) for problem in error.errors()]
    return runbook, [*_name(path, runbook, lines), *_params(path, runbook, lines, params_of)]


def _parse(path: Path) -> tuple[Any, dict[Where, int]]:
    raw = path.read_bytes()
    if len(raw) > _MOST_BYTES:
        raise ValueError(f"a runbook has at most {_MOST_BYTES} bytes; this file has {len(raw)}")
    text = raw.decode("utf-8")
    yaml = YAML(typ="safe", pure=True)
    depth = 0
    for event in yaml.parse(StringIO(text)):
        _plain(event)
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > _DEEPEST:
            raise MarkedYAMLError(
                problem=f"a runbook has at most {_DEEPEST} levels", problem_mark=event.start_mark
            )
    node = YAML(typ="safe", pure=True).compose(StringIO(text))
    if not isinstance(node, MappingNode):
        raise YAMLError("a runbook is a mapping that starts with `runbook:`")
    return YAML(typ="safe", pure=True).load(text), dict(_lines(node))


def _plain(event: Event) -> None:
    """Refuse tags, anchors and aliases: a runbook is read by people, top to bottom."""
    tag = getattr(event, "ctag", None)
    if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
        raise MarkedYAMLError(problem="anchors and aliases are not used here", problem_mark=event.start_mark)
    if tag is not None and str(tag) not in {"None", ""}:
        raise MarkedYAMLError(
            problem=f"the tag {tag} is not used here; write plain data", problem_mark=event.start_mark
        )


def _lines(node: Node, at: Where = ()) -> Iterator[tuple[Where, int]]:
    if at == ():
        yield at, node.start_mark.line + 1
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield (*at, key.value), key.start_mark.line + 1
            yield from _lines(value, (*at, key.value))
    elif isinstance(node, SequenceNode):
        for number, item in enumerate(node.value):
            yield (*at, number), item.start_mark.line + 1
            yield from _lines(item, (*at, number))


def _sentence(
    path: Path, lines: Mapping[Where, int], problem: ErrorDetails, model: type[BaseModel], under: Where = ()
) -> str:
    at = (*under, *problem["loc"])
    known = at
    while known not in lines:
        known = known[:-1]
    field = ".".join(str(part) for part in at) or "runbook"
    return f"{path.name}:{lines[known]} {field}: {_reason(problem, model)}"


def _reason(problem: ErrorDetails, model: type[BaseModel]) -> str:
    match problem["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            near = difflib.get_close_matches(str(problem["loc"][-1]), _keys(model), n=1)
            return f"is not a key here{f'; did you mean {near[0]}?' if near else ''}"
        case "value_error":
            return problem["msg"].removeprefix("Value error, ")
        case _:
            return problem["msg"][:1].lower() + problem["msg"][1:]


def _keys(model: type[BaseModel]) -> list[str]:
    """Every key that the model and its parts know, for a near miss."""
    schema = model.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return sorted({key for part in parts for key in part.get("properties", {})})


def _name(path: Path, runbook: Runbook, lines: Mapping[Where, int]) -> list[str]:
    if runbook.name == path.stem:
        return []
    return [f"{path.name}:{lines[('runbook',)]} runbook: the name {runbook.name} must be that of its file"]


def _params(
    path: Path, runbook: Runbook, lines: Mapping[Where, int], params_of: ParamsOf | None
) -> Iterator[str]:
    if params_of is None:
        return
    for number, step in enumerate(runbook.steps):
        model = params_of(step.action)
        if model is None:
            line = lines["steps", number, "action"]
            yield f"{path.name}:{line} steps.{number}.action: there is no action {step.action}"
            continue
        try:
            model.model_validate(step.params)
        except ValidationError as error:
            for problem in error.errors():
                yield _sentence(path, lines, problem, model, ("steps", number, "with"))
