"""A lake in a fresh home or in a fresh bucket, with SQLite beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.lake import Lake
from storage.store import Store
from tests.databases import Database, SqliteTemplate
from tests.storage.lake.bills import SHARED
from tests.storage.lake.hostile import BEFORE, Ground
from tests.storage.lake.lakes import bucket, lake_in
from tests.storage.shelf import aws, moto, shelf

__all__ = ["aws", "bucket", "moto", "shelf"]


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.slow)])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """An empty lake; what holds of one in a folder holds of one in a bucket."""
    if request.param == "folder":
        return Lake(tmp_path / "home")
    return lake_in(request.getfixturevalue("bucket"), tmp_path / "home")


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


@pytest.fixture(scope="module")
def ground(sqlite_template: SqliteTemplate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """One lake for all hostile files of a module: none of them may change what is in it."""
    folder = tmp_path_factory.mktemp("ground")
    store = sqlite_template.fresh(folder / "home").store()
    ground = Ground(Lake(folder / "home"), store, folder)
    yield ground
    assert ground.answers() == BEFORE
    store.close()
