"""The company of the flows' tests, on each kind of database, and its cloud."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from actions.clouds import AccountAccess, AwsClouds
from storage.store import Store
from tests.actions.world import ACCOUNT, World, empty
from tests.databases import Database, PostgresServer, SqliteTemplate
from tests.flows.restoring import save
from tests.flows.world import Company
from tests.storage.buckets import bucket
from tests.storage.remotes import remote
from tests.watching import watching

__all__ = ["bucket", "remote", "save"]

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture
def company(store: Store, tmp_path: Path) -> Company:
    """The company before its first bill."""
    return Company(store, tmp_path / "home")


@pytest.fixture
def on_sqlite(sqlite: Database, tmp_path: Path) -> Iterator[Company]:
    """The company before its first bill, where the kind of database does not matter."""
    store = sqlite.store()
    yield Company(store, tmp_path / "home")
    store.close()


def import_once(database: Database, home: Path) -> None:
    store = database.store()
    Company(store, home).bill()
    store.close()


@pytest.fixture(scope="session")
def billed_file(sqlite_template: SqliteTemplate, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the bill in its lake and its SQLite file."""
    home = tmp_path_factory.mktemp("billed") / "home"
    import_once(sqlite_template.fresh(home), home)
    return home


@pytest.fixture(scope="session")
def billed_database(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The name of a PostgreSQL database with the bill, and the home of its lake."""
    database, home = postgres.fresh(), tmp_path_factory.mktemp("billed") / "home"
    import_once(database, home)
    return database.url.split("?")[0].rsplit("/", 1)[1], home


def a_copy_on_sqlite(home: Path, folder: Path) -> Database:
    shutil.copytree(home, folder)
    url = f"sqlite:///{folder / 'bursar.db'}"
    return Database(url, url)


@pytest.fixture(params=["sqlite", "postgresql"])
def billed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Company]:
    """The company with its bill, on each kind of database."""
    if request.param == "sqlite":
        database = a_copy_on_sqlite(request.getfixturevalue("billed_file"), tmp_path / "home")
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        template, home = request.getfixturevalue("billed_database")
        shutil.copytree(home, tmp_path / "home")
        database = server._create(template)
    store = database.store()
    yield Company(store, tmp_path / "home")
    store.close()
    if request.param == "postgresql":
        server.drop(database)


@pytest.fixture
def billed_on_sqlite(billed_file: Path, tmp_path: Path) -> Iterator[Company]:
    """The company with its bill, where the kind of database does not matter."""
    store = a_copy_on_sqlite(billed_file, tmp_path / "home").store()
    yield Company(store, tmp_path / "home")
    store.close()


@pytest.fixture(scope="session")
def cloud_address() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def shared_clouds() -> AwsClouds:
    """Clients take a third of a second to make, so that the tests share them."""
    return AwsClouds({ACCOUNT: AccountAccess()}, "flows")


@pytest.fixture
def cloud(cloud_address: str, shared_clouds: AwsClouds, monkeypatch: pytest.MonkeyPatch) -> World:
    """An empty cloud, reached by HTTP on the loopback."""
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": cloud_address}.items():
        monkeypatch.setenv(name, value)
    empty()
    return World(shared_clouds)


@pytest.fixture
def acting(store: Store, tmp_path: Path, cloud: World) -> Company:
    """The company with its cloud."""
    return Company(store, tmp_path / "home", cloud.clouds)


#: The companies that have a cloud to act on.
ACTING = ("acting", "company", "on_sqlite", "billed", "billed_on_sqlite")


@pytest.fixture(autouse=True)
def history(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test does to the cloud through the runner is right by the audit log beside it."""
    names = [name for name in ACTING if name in request.fixturenames]
    if "cloud" not in request.fixturenames or not names:
        yield
        return
    company: Company = request.getfixturevalue(names[0])
    with watching(company.store, lambda: company.desk.org.caps):
        yield
