"""What an attacker would look for first, asked of the whole tree: evaluation, shells, patterns, secrets."""

import ast
import re
import re._constants as sre  # type: ignore[import-not-found] # Python's own reading of patterns
import re._parser as parser  # type: ignore[import-not-found]
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from bot import settings_model
from tests.test_architecture import PRODUCT, ROOT, dotted, imported_from, imports, parsed, shown

EVALUATES = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "subprocess.getoutput"}
MAKES_OBJECTS = {"pickle", "marshal", "shelve", "dill", "jsonpickle"}


def calls() -> Iterator[tuple[Any, ast.Call]]:
    for path in PRODUCT:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call):
                yield path, node


@pytest.mark.case("V1.3.2", "V1.2.5")
def test_nothing_is_evaluated_and_no_shell_is_asked() -> None:
    wrong = [shown(path, call) for path, call in calls() if dotted(call.func) in EVALUATES]
    wrong += [
        shown(path, call)
        for path, call in calls()
        for word in call.keywords
        if word.arg == "shell" and not (isinstance(word.value, ast.Constant) and word.value.value is False)
    ]
    assert wrong == []


@pytest.mark.case("V1.5.2")
def test_reading_data_never_makes_objects() -> None:
    wrong = [
        shown(path, node)
        for path in PRODUCT
        for node, library in imports(parsed(path))
        if library in MAKES_OBJECTS
    ]
    loaders = [
        ast.unparse(call) for path, call in calls() if dotted(call.func) == "YAML" for _ in [path]
    ]  # ruamel's own: `typ` decides whether tags make objects
    assert wrong == []
    assert loaders
    assert all("unsafe" not in one for one in loaders)


@pytest.mark.case("V1.3.7")
def test_no_text_from_outside_is_a_template() -> None:
    engines = {"jinja2", "mako", "django", "chevron"}
    wrong = [
        shown(path, node)
        for path in PRODUCT
        for node, library in imports(parsed(path))
        if library in engines or imported_from(node, "string") & {"Template", "Formatter"}
    ]
    assert wrong == []


@pytest.mark.case("V13.4.2")
def test_no_server_runs_in_debug_mode() -> None:
    wrong = [
        shown(path, call)
        for path, call in calls()
        for word in call.keywords
        if word.arg in {"debug", "reload"}
        and not (isinstance(word.value, ast.Constant) and not word.value.value)
    ]
    assert wrong == []


def patterns() -> Iterator[tuple[str, str]]:
    for path, call in calls():
        first = call.args[0] if call.args else None
        if dotted(call.func).startswith("re.") and isinstance(first, ast.Constant):
            yield shown(path, call), str(first.value)


def explodes(parts: Any, *, inside: bool = False) -> bool:
    """Whether an unbounded repeat stands inside another one, so that a text can be split in endless ways."""
    for kind, value in parts:
        if kind in {sre.MAX_REPEAT, sre.MIN_REPEAT}:
            _, most, body = value
            unbounded = most is sre.MAXREPEAT
            if (unbounded and inside) or explodes(body, inside=inside or unbounded):
                return True
        elif kind in {sre.SUBPATTERN, sre.BRANCH}:
            bodies = value[1] if kind is sre.BRANCH else [value[-1]]
            if any(explodes(one, inside=inside) for one in bodies):
                return True
    return False


@pytest.mark.case("V1.3.12")
def test_no_pattern_can_be_made_to_take_forever() -> None:
    found = list(patterns())
    assert len(found) > 10
    assert [where for where, one in found if explodes(parser.parse(one))] == []
    assert explodes(parser.parse(r"(a+)+$"))


@pytest.mark.case("V15.1.2", "V15.2.4")
def test_every_dependency_is_locked_with_its_hashes_and_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    packages = re.split(r"\n(?=[a-zA-Z0-9])", text[text.index("\n") :].strip())
    named = [one for one in packages if "==" in one.split("\n")[0]]
    assert len(named) > 50
    assert [one.split("==")[0] for one in named if "--hash=sha256:" not in one] == []
    assert "://" not in text
    assert "--index-url" not in text


def fields(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        for inner in re.findall(r"bot\.settings_model\.(\w+)", str(field.annotation)):
            found = getattr(settings_model, inner)
            if isinstance(found, type) and issubclass(found, BaseModel):
                yield from fields(found)


@pytest.mark.case("V13.3.1")
def test_the_settings_file_has_no_place_for_a_secret() -> None:
    names = set(fields(settings_model.File))
    assert {"teams", "owners", "role_arn"} <= names
    assert [name for name in names if re.search(r"token|secret|password|private|credential", name)] == []


@pytest.mark.case("V1.2.4")
def test_sql_is_written_from_names_of_ours_alone() -> None:
    """A statement may be put together only in `storage`, which is given values as parameters."""
    wrong = [
        shown(path, call)
        for path, call in calls()
        if dotted(call.func).split(".")[-1] in {"text", "exec_driver_sql"}
        and call.args
        and isinstance(call.args[0], ast.JoinedStr | ast.BinOp)
        and not shown(path).startswith("storage/")
    ]
    assert wrong == []
