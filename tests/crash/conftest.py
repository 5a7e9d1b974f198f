"""The harness of a test session, and what each story begins with on each kind of database."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.bot import slack as loopback
from tests.crash.beginnings import BEGINNINGS
from tests.crash.cloud import serving
from tests.crash.harness import BUCKET, Copies, Harness, PostgresCopies, SqliteCopies, harness
from tests.databases import Database, PostgresServer, SqliteTemplate

#: A killed process needs no disk that outlives the machine; waiting for one only costs time.
MEMORY = Path("/dev/shm")  # noqa: S108 - in it, each folder has a name of its own


@pytest.fixture(scope="session")
def crashing() -> Iterator[Harness]:
    """The fork server with its cloud and its Slack."""
    with (
        tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder,
        serving() as cloud,
        loopback.serving() as slack,
        bucket() as s3,
        harness(cloud, slack, s3, Path(folder)) as made,
    ):
        yield made


@contextmanager
def bucket() -> Iterator[str]:
    """The address of a service with the bucket of the trials, until the block ends."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    session = boto3.Session("test", "test", region_name="us-east-1")
    client = session.client("s3", endpoint_url=f"http://{host}:{port}")
    client.create_bucket(Bucket=BUCKET.removeprefix("s3://"))
    client.close()
    yield f"http://{host}:{port}"
    server.stop()


Begin = Callable[[str, str], Copies]


@pytest.fixture(scope="session")
def begin(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Begin:
    """Copies of what a story begins with on a kind of database; the first is made when it is asked for."""

    @cache
    def copies(kind: str, story: str) -> Copies:
        home = tmp_path_factory.mktemp(story) / "home"
        home.mkdir()
        if kind == "sqlite":
            template: SqliteTemplate = request.getfixturevalue("sqlite_template")
            _fill(template.fresh(home), story, home)
            return SqliteCopies(home)
        server: PostgresServer = request.getfixturevalue("postgres")
        database = server.fresh()
        _fill(database, story, home)
        return PostgresCopies(server, database.url.split("?")[0].rsplit("/", 1)[1], home)

    return copies


def _fill(database: Database, story: str, home: Path) -> None:
    store = database.store()
    BEGINNINGS[story](store, home)
    store.close()
