"""What the documents say is true: diagrams, examples, commands, settings, links and actions."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel

from actions.registry import ACTIONS, params_of
from bot.cli import COMMANDS, find
from bot.settings import load
from runbooks import loader
from spend.moves import diagram
from storage.unit import MACHINES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted(DOCS.rglob("*.md")),
    ROOT / "benchmarks" / "README.md",
]
STATES = DOCS / "states.md"


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def fenced(page: Path, kind: str) -> list[str]:
    """The code of each block of this kind."""
    return re.findall(rf"^ *```{kind}\n(.*?)^ *```", text(page), re.DOTALL | re.MULTILINE)


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def commands(page: Path) -> set[str]:
    """What a page shows as a command: in shell blocks and between backticks."""
    shell = [line.strip() for block in fenced(page, "sh") for line in block.splitlines()]
    return {line.removeprefix("$ ") for line in [*shell, *re.findall(r"`([^`\n]+)`", text(page))]}


@pytest.mark.parametrize("machine", MACHINES.values(), ids=lambda machine: str(machine[2]))
def test_the_diagrams_are_drawn_from_the_tables_of_moves(machine: tuple[object, Mapping, str]) -> None:  # type: ignore[type-arg]  # one table per kind of state
    _, moves, what = machine
    section = text(STATES).partition(f"\n## {what.capitalize()}\n")[2].partition("\n## ")[0]
    assert f"```mermaid\n{diagram(moves)}\n```" in section


def test_no_diagram_is_stale() -> None:
    headings = re.findall(r"^## (.+)$", text(STATES), re.MULTILINE)
    assert sorted(headings) == sorted(what.capitalize() for _, _, what in MACHINES.values())


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_yaml_example_loads(page: Path, tmp_path: Path) -> None:
    for number, example in enumerate(fenced(page, "ya?ml")):
        title = re.search(r"^runbook: (\S+)$", example, re.MULTILINE)
        file = tmp_path / f"{title[1] if title else number}.yaml"
        file.write_text(example, encoding="utf-8")
        if title:
            assert loader.load(file, params_of).name == title[1]
        else:
            assert load({"BURSAR_CONFIG": str(file), "BURSAR_HOME": str(tmp_path)}).file


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_of_bursar_exists(page: Path) -> None:
    for command in commands(page):
        found = re.match(r"(?:\.venv/bin/)?bursar ([a-z][a-z-]*)(?: ([a-z-]+))?", command)
        if found is None:
            continue
        assert found[1] in COMMANDS, command
        below = getattr(find(found[1]), "commands", None)
        assert not (below and found[2]) or found[2] in below, command


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z.-]+):", text(ROOT / "Makefile"), re.MULTILINE))
    wanted = {found[1] for one in commands(page) if (found := re.match(r"make ([a-z-]+)", one))}
    assert wanted <= targets


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text(page))
    dead = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    names = re.findall(
        r"`((?:actions|benchmarks|bot|docs|flows|runbooks|spend|storage|tests)/[\w./-]+)`", text(page)
    )
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_every_action_is_in_the_runbook_format_with_its_grade_and_its_undo() -> None:
    rows = re.findall(
        r"^\| `(aws\.\w+)` \| [^|]+ \| ([A-D]) \| (?:`([\w.]+)`|[^|`]+) \|$",
        text(DOCS / "runbook-format.md"),
        re.MULTILINE,
    )
    told = {name: (grade, undo or None) for name, grade, undo in rows}
    assert told == {name: (str(action.grade), action.undo) for name, action in ACTIONS.items()}


@pytest.mark.case("V2.1.3")
def test_every_field_of_a_runbook_is_in_the_runbook_format() -> None:
    told = re.findall(r"^\| `([a-z_.\[\]]+)` \|", text(DOCS / "runbook-format.md"), re.MULTILINE)
    assert sorted(one for one in told if not one.startswith("aws.")) == sorted(_fields())


def _fields() -> list[str]:
    from runbooks.schema import Approval, Grace, Guards, Pace, Runbook, RunbookStep, Verify, When

    parts: dict[str, type[BaseModel]] = {
        "when": When,
        "guards": Guards,
        "approval": Approval,
        "steps[]": RunbookStep,
        "rollout": Pace,
        "grace": Grace,
        "verify": Verify,
    }
    whole = [name for name in Runbook.model_fields if name.removesuffix("s") + "s[]" not in parts]
    found = [name for name in whole if name not in parts]
    for prefix, part in parts.items():
        found += [f"{prefix}.{field.alias or name}" for name, field in part.model_fields.items()]
    return found


def test_the_help_line_of_every_command_is_in_the_help() -> None:
    bursar = Path(sys.executable).with_name("bursar")
    asked = subprocess.run([bursar, "--help"], capture_output=True, text=True, check=True)
    assert [name for name in COMMANDS if f"  {name} " not in asked.stdout] == []


def test_pictures_are_small_enough_to_load() -> None:
    pictures = sorted((DOCS / "images").glob("*"))
    assert pictures
    assert [named(one) for one in pictures if one.stat().st_size > 300_000] == []
