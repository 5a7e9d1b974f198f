"""A bare repository in a folder, as a git remote to which only commits may be added."""

import subprocess
from pathlib import Path

import pytest


def git(name: str, *words: str) -> str:
    """What git says of the repository of a place."""
    folder = name.removeprefix("git+file://")
    done = subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def remote(tmp_path: Path) -> str:
    """An empty remote."""
    folder = tmp_path / "remote.git"
    folder.mkdir()
    name = f"git+file://{folder}"
    git(name, "init", "--quiet", "--bare")
    return name
