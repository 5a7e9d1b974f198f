"""Hostile runbooks: refused with file and line, or read as what they say; never an exception or an effect."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from ruamel.yaml import YAML

from actions.registry import ACTIONS, params_of
from runbooks import loader
from spend.errors import SettingsWrong
from tests.fuzz.mutate import garbled, mutated

SHIPPED = [path.read_text() for path in sorted(loader.SHIPPED.glob("*.yaml"))]
STEP = "  - id: evil\n    action: {}\n"
BOMB = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
#: What would run, import, read or call something, if anything here did.
EVIL = (
    "!!python/object/apply:os.system ['touch {marker}']",
    "!!python/name:os.system",
    "!!python/module:antigravity",
    "!<tag:yaml.org,2002:python/object/new:subprocess.Popen> [['touch', '{marker}']]",
    "!include /etc/passwd",
    "&x [*x]",
    "{{{{ lookup('pipe', 'touch {marker}') }}}}",
    "$(touch {marker})",
    "`touch {marker}`",
    "http://169.254.169.254/latest/meta-data/",
)
ACTIONS_THAT_ARE_NONE = (
    "shell.run",
    "http.get",
    "http.post",
    "aws.terminate_everything",
    "python.eval",
    "os.system",
    "a.b",
)
LINE = re.compile(r"^[\w.-]+\.yaml:\d+ ", re.ASCII)


class Book:
    """Writes runbooks that are nearly right."""

    def __init__(self, seed: int, marker: Path) -> None:
        self._chance, self._marker = Random(seed), marker

    def text(self) -> str:
        """The next one."""
        good = self._chance.choice(SHIPPED)
        make = self._chance.choice(
            [self._changed, self._changed, self._broken, self._stepped, self._evil, self._huge]
        )
        return make(good).encode("utf-8", "replace").decode()

    def _changed(self, good: str) -> str:
        """As JSON, which is YAML too."""
        return json.dumps(mutated(self._chance, plain(YAML(typ="safe").load(good))), indent=1)

    def _broken(self, good: str) -> str:
        return garbled(self._chance, good)

    def _stepped(self, good: str) -> str:
        step = STEP.format(self._chance.choice(ACTIONS_THAT_ARE_NONE))
        return good.replace(
            "steps:\n", f"steps:\n{step}    with: {{ url: https://evil.example, command: id }}\n"
        )

    def _evil(self, good: str) -> str:
        lines = good.splitlines()
        at = self._chance.randrange(len(lines))
        key = lines[at].partition(":")[0]
        lines[at] = f"{key}: {self._chance.choice(EVIL).format(marker=self._marker)}"
        return "\n".join(lines)

    def _huge(self, good: str) -> str:
        return self._chance.choice(
            [
                BOMB + good,
                good * 60,
                good + "x: " + "[" * 20_000,
                good + "why: " + "y" * 70_000,
                "{" * 5000,
                "- " * 9000,
            ]
        )


def plain(data: Any) -> Any:
    """Dates as text, so that a change can be made to anything."""
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [plain(value) for value in data]
    return data if isinstance(data, str | int | bool | None) else str(data)


def refused(path: Path) -> list[str]:
    """Why a runbook is not read, line by line; nothing where it is."""
    try:
        found = loader.load(path, params_of)
    except SettingsWrong as wrong:
        return str(wrong).splitlines()
    assert {step.action for step in found.steps} <= set(ACTIONS)
    return []


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[Path]:
    """A file that none of them may make."""
    path = tmp_path / "was-here"
    yield path
    assert not path.exists()


@pytest.mark.case("T53", "T54", "T55", "V1.5.2")
@pytest.mark.parametrize(
    "count", [50, pytest.param(2000, marks=[pytest.mark.slow, pytest.mark.fuzz])], ids="{} runbooks".format
)
def test_hostile_runbooks_are_refused_with_their_line_or_read_as_they_are(
    count: int, tmp_path: Path, marker: Path
) -> None:
    book, path, no = Book(1, marker), tmp_path / "stop-idle-dev.yaml", 0
    before = set(sys.modules)
    for _ in range(count):
        path.write_text(book.text(), encoding="utf-8")
        lines = refused(path)
        assert all(LINE.match(line) for line in lines), lines
        no += bool(lines)
    assert count * 0.7 < no < count
    assert not {"antigravity"} & (set(sys.modules) - before)


@pytest.mark.case("T55", "V1.3.6")
def test_there_is_no_action_that_calls_a_host_or_a_shell() -> None:
    names = {name.partition(".")[0] for name in ACTIONS}
    assert names & {"http", "https", "shell", "ssh", "script", "command", "python", "webhook"} == set()


@pytest.mark.case("T54")
@pytest.mark.parametrize("evil", EVIL)
def test_what_wants_to_run_or_import_something_never_does(evil: str, tmp_path: Path, marker: Path) -> None:
    text = SHIPPED[0].replace("\nsteps:\n", f"\nx-evil: {evil.format(marker=marker)}\nsteps:\n")
    path = tmp_path / "cap-lambda-concurrency.yaml"
    path.write_text(text)
    (first, *_) = refused(path)
    at = text.splitlines().index(next(line for line in text.splitlines() if line.startswith("x-evil"))) + 1
    assert first.startswith((f"{path.name}:{at} ", f"{path.name}:{at + 1} ")), first
