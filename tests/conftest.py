"""What all tests share: a database of each kind, a store on it, and a moment in time."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from storage.store import Store
from tests.databases import Database, PostgresServer, SqliteTemplate

if TYPE_CHECKING:
    from tests.bigquery import BigQuery

# A deadline would make a busy machine fail a property that holds.
settings.register_profile("bursar", deadline=None)
settings.load_profile("bursar")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the story: it takes longest, and the other processes have work beside it."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/story"))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> SqliteTemplate:
    """A migrated SQLite file."""
    return SqliteTemplate(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The session's PostgreSQL server; started by the first test that asks for it."""
    with tempfile.TemporaryDirectory(prefix="bursar-pg-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder))
        yield server
        server.stop()


@pytest.fixture(scope="session")
def bigquery(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[BigQuery]":
    """The session's BigQuery; started by the first test that asks for it."""
    from tests.bigquery import running

    with running(tmp_path_factory.mktemp("bigquery")) as found:
        yield found


@pytest.fixture
def sqlite(sqlite_template: SqliteTemplate, tmp_path: Path) -> Database:
    """A fresh SQLite database with the schema in it."""
    return sqlite_template.fresh(tmp_path / "home")


@pytest.fixture
def postgresql(postgres: PostgresServer) -> Iterator[Database]:
    """A fresh PostgreSQL database with the schema in it."""
    database = postgres.fresh()
    yield database
    postgres.drop(database)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """A fresh database of each kind, one after the other."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Database)
    return found


@pytest.fixture
def store(database: Database) -> Iterator[Store]:
    """A store on a fresh database of each kind, as the app's role."""
    opened = database.store()
    yield opened
    opened.close()


@pytest.fixture
def owner_store(database: Database) -> Iterator[Store]:
    """A store on the same database as its owner, who could drop the guards."""
    opened = Store(database.owner_url)
    yield opened
    opened.close()


@pytest.fixture
def now() -> datetime:
    """A Monday at noon, UTC."""
    return datetime(2026, 3, 2, 12, tzinfo=UTC)
