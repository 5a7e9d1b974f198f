"""A lake in a fresh home, with SQLite beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.lake import Lake
from storage.store import Store
from tests.databases import Database
from tests.storage.lake.bills import SHARED


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(tmp_path / "home")


@pytest.fixture
def lake_store(sqlite: Database) -> Iterator[Store]:
    """The rows beside the lake; what the lake does is the same on every database."""
    opened = sqlite.store()
    yield opened
    opened.close()


@pytest.fixture
def shared() -> Path:
    """The shared folder of real bills."""
    if not SHARED.exists():
        pytest.skip(f"the shared bills are not here ({SHARED})")
    return SHARED
