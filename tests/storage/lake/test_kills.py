"""Imports and collections are killed at each named point while somebody reads: every answer is exact."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from storage.store import Store
from tests.bot.world import until
from tests.storage.lake.bills import NOW, current_ids, text, write
from tests.storage.lake.kills import KEEP, lake_of

KILLED = -signal.SIGKILL
#: A point of an import and one of a collection for each place; the long target takes all there are.
POINTS = {"folder": ("snapshot.settled", "parts.aside"), "bucket": ("part.kept", "object.removed")}
Kill = str | int | None


class Trial:
    """A lake of two machines: on one, processes are killed; on the other one somebody reads all the time."""

    def __init__(self, process: "subprocess.Popen[str]", url: str, folder: Path, bucket: str | None) -> None:
        self._process, self._folder = process, folder
        self.told = folder / "told"
        self.usual: dict[str, Any] = {
            "url": url,
            "home": str(folder / "home"),
            "bucket": bucket,
            "told": str(self.told),
        }
        self.usual["hits"] = str(folder / "hits")
        self._cloud = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        self._now = NOW
        self.published = 0

    def do(self, do: str, **more: Any) -> int:
        """The exit status of a process, or the id of one that goes on."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        task = {**self.usual, "now": self._now.isoformat(), "do": do, "cloud": self._cloud, **more}
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def hits(self) -> list[str]:
        """The points that the last process passed."""
        found: list[str] = json.loads(Path(self.usual["hits"]).read_text())
        return found

    def restate(self, kill: Kill = None) -> None:
        """Bring the next bill in; a first attempt is killed."""
        bill = self._folder / f"bill-{self.published + 1}"
        for part, amount in enumerate((str(self.published + 1), "0.25")):
            write(bill / f"{part}.csv", text([{"BilledCost": amount}]))
        if kill is not None:
            assert self.do("import", bill=str(bill), kill=kill) == KILLED
        assert self.do("import", bill=str(bill)) == 0
        self.published += 1

    def collect(self, kill: Kill = None) -> None:
        """Let everything that is not current grow old, and collect it; a first attempt is killed."""
        self._now += KEEP + timedelta(days=1)
        if kill is not None:
            assert self.do("collect", kill=kill) == KILLED
        assert self.do("collect") == 0

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Somebody asks all the time, and in the end is told what is so; every answer was so once."""
        home = self.usual["home"] if self.usual["bucket"] is None else str(self._folder / "reader")
        reader = self.do("read", home=home)
        yield
        last = f"{self.published}.25"
        until(lambda: self.told.exists() and self.told.read_text().endswith(f"{last}\n"))
        os.kill(reader, signal.SIGKILL)
        answers = [Decimal(line) for line in self.told.read_text().splitlines()]
        assert answers == sorted(answers)
        assert set(answers) <= {number + Decimal("0.25") for number in range(1, self.published + 1)}

    def clean(self) -> None:
        """Nothing is left but the current snapshot, whole."""
        lake, store = lake_of(self.usual), Store(self.usual["url"])
        assert [(key, bool(held.names)) for key, held in lake.place.held().items()] == [
            (key, True) for key in current_ids(store)
        ]
        assert not (lake.root / "staging").exists() or list((lake.root / "staging").iterdir()) == []
        store.close()


@pytest.fixture(scope="module")
def forks() -> Iterator["subprocess.Popen[str]"]:
    """The parent of all processes: what is imported once need not be imported by each."""
    command = [sys.executable, "-m", "tests.storage.lake.kills"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.communicate(timeout=30)


@pytest.fixture(params=["bucket", pytest.param("folder", marks=pytest.mark.slow)])
def trial(
    request: pytest.FixtureRequest, forks: "subprocess.Popen[str]", lake_store: Store, tmp_path: Path
) -> Trial:
    bucket = request.getfixturevalue("bucket") if request.param == "bucket" else None
    return Trial(forks, lake_store.url, tmp_path, bucket)


def test_after_a_kill_every_answer_is_exact_and_the_next_attempt_heals(
    trial: Trial, request: pytest.FixtureRequest
) -> None:
    trial.restate()
    with trial.reading():
        importing, collecting = POINTS[request.node.callspec.params["trial"]]
        trial.restate(importing)
        trial.collect(collecting)
    trial.clean()


@pytest.mark.slow
@pytest.mark.crash
def test_a_kill_at_every_place_of_an_import_and_a_collection_leaves_every_answer_exact(trial: Trial) -> None:
    trial.restate()
    trial.restate()
    importing = len(trial.hits())
    trial.collect()
    collecting = len(trial.hits())
    with trial.reading():
        for at in range(1, max(importing, collecting) + 1):
            trial.restate(min(at, importing))
            trial.collect(min(at, collecting))
    trial.clean()
    print(f"{2 * max(importing, collecting)} kills")


@pytest.mark.slow
@pytest.mark.parametrize("trial", ["bucket"], indirect=True)
def test_a_reader_killed_while_it_fetches_leaves_no_half_copy(trial: Trial) -> None:
    trial.restate()
    for kill in ("part.fetched", None):
        assert trial.do("read once", home=trial.usual["home"] + "-2", kill=kill) == (KILLED if kill else 0)
    assert trial.told.read_text() == "1.25\n"
