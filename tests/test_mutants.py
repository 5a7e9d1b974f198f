"""What counts as noticed when the safety core is broken on purpose, and which files it is."""

import json
import os
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import mutants

TOOLS = tomllib.loads(Path("pyproject.toml").read_text())["tool"]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder to work in."""
    before = Path.cwd()
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(before)


def test_what_is_broken_on_purpose_is_what_has_to_be_covered() -> None:
    assert TOOLS["mutmut"]["only_mutate"] == TOOLS["coverage"]["run"]["include"]
    assert all(Path(file).exists() for file in TOOLS["mutmut"]["only_mutate"])


def test_only_a_failed_test_or_a_time_out_notices_a_mutant(folder: Path) -> None:
    codes = {"killed": 1, "timeout": -24, "survived": 0, "no tests": 33, "not tried": None}
    meta = folder / "mutants" / "step.py.meta"
    meta.parent.mkdir()
    meta.write_text(json.dumps({"exit_code_by_key": codes}))
    assert mutants.score("step.py") == {True: 2, False: 3}


def test_of_the_kit_only_the_escaping_counts(folder: Path) -> None:
    meta = folder / "mutants" / f"{mutants.KIT}.meta"
    meta.parent.mkdir(parents=True)
    keys = (
        "bot.blocks.kit.x_name__mutmut_1",
        "bot.blocks.kit.x_named__mutmut_1",
        "bot.blocks.kit.x_modal__mutmut_1",
    )
    meta.write_text(json.dumps({"exit_code_by_key": dict.fromkeys(keys, 1)}))
    assert mutants.score(mutants.KIT) == {True: 1}


def test_a_file_without_anything_to_break_is_told_too() -> None:
    assert mutants.told("step.py", Counter()).split() == ["step.py", "0", "of", "0", "-"]
    assert mutants.told("plan.py", Counter({True: 3, False: 1})).split() == [
        "plan.py",
        "3",
        "of",
        "4",
        "75.0%",
    ]
