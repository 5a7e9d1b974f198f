"""Runs trials: a story whose processes are killed at given points, and the world that is there afterwards."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy

from storage import audit
from storage.store import Store
from tests.actions.world import NOW
from tests.bot.slack import Slack
from tests.crash.cloud import Cloud
from tests.databases import Database, PostgresServer

KILLED = -9
#: Where the lakes of trials lie that lie in a bucket, each under a number of its own.
BUCKET = "s3://bursar-crash"
#: Every trial has the same addresses: what the fork server compiled for them serves all forks.
NAME = "crash_trial"
#: After a kill the next process starts when a call of the last one can be under way no more.
LATER = timedelta(minutes=4)


class Copies(Protocol):
    """Hands out copies of a prepared database."""

    def fresh(self, home: Path) -> Database:
        """A copy of its own for one trial."""

    def drop(self, database: Database) -> None:
        """Take it away again."""


class SqliteCopies:
    """Copies of a folder with the SQLite file in it."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def fresh(self, home: Path) -> Database:
        shutil.copytree(self._home, home)
        url = f"sqlite:///{home / 'bursar.db'}"
        return Database(url, url)

    def drop(self, database: Database) -> None:
        """The trial's folder goes as a whole."""


class PostgresCopies:
    """Copies of a database by its template, and of the folder beside it."""

    def __init__(self, server: PostgresServer, template: str, home: Path) -> None:
        self._server, self._template, self._home = server, template, home

    def fresh(self, home: Path) -> Database:
        shutil.copytree(self._home, home)
        return self._server._create(self._template, NAME)

    def drop(self, database: Database) -> None:
        self._server.drop(database)


@dataclass
class World:
    """What is there after a trial."""

    store: Store
    cloud: Cloud
    slack: Slack
    lives: list[dict[str, Any]] = field(default_factory=list)
    log: str = ""

    @property
    def finished(self) -> bool:
        return bool(self.lives[-1].get("finished"))

    @property
    def hits(self) -> list[str]:
        """The points that the last life passed."""
        found: list[str] = self.lives[-1].get("hits", [])
        return found

    def rows(self, table: Any) -> list[Any]:
        with self.store.reading() as session:
            return list(session.query(table))

    def entries(self) -> list[dict[str, Any]]:
        with self.store.reading() as session:
            return list(audit.rows(session))

    def posted(self) -> Counter[str]:
        """How often each message was posted, by the id that it carries."""
        return Counter(call["client_msg_id"] for call in self.slack.of("chat.postMessage"))


class Harness:
    """A fork server and the servers that its forks talk to."""

    def __init__(self, process: "subprocess.Popen[str]", cloud: Cloud, slack: Slack, folder: Path) -> None:
        self._process, self._cloud, self._slack, self._folder = process, cloud, slack, folder
        self.kills = 0
        self._numbers = count(1)
        self._played: set[tuple[str, str]] = set()

    @contextmanager
    def trial(
        self,
        copies: Copies,
        story: str,
        kills: Sequence[int] = (),
        *,
        targets: int = 2,
        fault: str | None = None,
    ) -> Iterator[World]:
        """Play a story, killing the first life at the first number of points, and so on.

        The last life is left alone. The world stands until the block ends.
        """
        folder = self._folder / "trial"
        database = copies.fresh(folder / "home")
        self._cloud.reset(targets)
        self._slack.calls.clear()
        store = Store(database.url)
        world = World(store, self._cloud, self._slack)
        self._cloud.head = lambda: _head(store)
        task = {"url": database.url, "home": str(folder / "home"), "slack": self._slack.url}
        task |= {
            "story": story,
            "told": str(folder / "told"),
            "log": str(folder / "log"),
            "now": NOW.isoformat(),
        }
        task |= {"fault": fault or "", "bucket": f"{BUCKET}/{next(self._numbers)}"}
        try:
            self._live(world, task, [*kills, None])
            world.log = (folder / "log").read_text(encoding="utf-8")
            yield world
        finally:
            store.close()
            copies.drop(database)
            shutil.rmtree(folder)

    def _live(self, world: World, task: dict[str, Any], kills: Sequence[int | None]) -> None:
        moment = datetime.fromisoformat(task["now"])
        for life, kill in enumerate(kills):
            status = self._fork({**task, "life": life, "kill": kill, "now": moment.isoformat()})
            told = json.loads(Path(task["told"]).read_text(encoding="utf-8")) if status in {0, KILLED} else {}
            world.lives.append({"status": status, **told})
            if status != KILLED:
                return  # it came to its end before the point, or it broke
            self.kills += 1
            moment += LATER

    def _fork(self, task: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def _head(store: Store) -> int:
    with store.reading() as session:
        return int(session.execute(sqlalchemy.text("SELECT coalesce(max(seq), 0) FROM audit")).scalar_one())


@contextmanager
def harness(cloud: Cloud, slack: Slack, s3: str, folder: Path) -> Iterator[Harness]:
    """A harness, until the block ends.

    Args:
        s3: the address of a service with `BUCKET`.
    """
    environment = {
        "PATH": "/usr/bin:/bin",
        "AWS_ENDPOINT_URL": cloud.address,
        "AWS_ENDPOINT_URL_S3": s3,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }
    with (folder / "zygote.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.crash.zygote"],
            cwd=Path(__file__).parent.parent.parent,
            env={**environment, "PYTHONPATH": str(Path(__file__).parent.parent.parent)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            yield Harness(process, cloud, slack, folder)
        finally:
            process.communicate(timeout=30)
