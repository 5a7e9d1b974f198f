"""The long-running processes as they are really started: they answer, stop on SIGTERM, and come back."""

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from socket import socket
from time import monotonic

import pytest

from bot.supervisor import Child
from storage.store import Store
from storage.tables import Message
from tests.bot.slack import SIGNING, Slack, click, signed
from tests.bot.world import until
from tests.databases import Database


class Process:
    """A started `bursar`, and what it said."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process, self._log = process, log

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def until_said(self, text: str) -> None:
        """Wait until its log holds this."""
        until(lambda: text in self.log or self.process.poll() is not None, 20)
        assert text in self.log, self.log

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Stop it, and say how long it took."""
        began = monotonic()
        self.process.send_signal(number)
        assert self.process.wait(30) == 0, self.log
        return monotonic() - began


@contextmanager
def bursar(
    tmp_path: Path, database: Database, slack: Slack, *arguments: str, **environ: str
) -> Iterator[Process]:
    told = {
        "PATH": os.environ["PATH"],
        "BURSAR_HOME": str(tmp_path / "home"),
        "DATABASE_URL": database.url,
        "SLACK_BOT_TOKEN": "xoxb-test",
        "SLACK_SIGNING_SECRET": SIGNING,
        "SLACK_API_URL": slack.url,
        **environ,
    }
    log = tmp_path / "log.txt"
    with log.open("wb") as out:
        command = [sys.executable, "-P", "-m", "bot.cli", *arguments]
        started = subprocess.Popen(command, env=told, cwd=tmp_path, stderr=out, stdout=out)
        try:
            yield Process(started, log)
        finally:
            for child in children(started.pid) if started.poll() is None else []:
                os.kill(child, signal.SIGKILL)
            started.kill()
            started.wait()


def children(pid: int) -> list[int]:
    """The processes that this one started."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(one) for listed in lists for one in listed.read_text().split()]


def lives(pid: int) -> bool:
    """Whether a process is there, and not only its remains."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def free_port() -> int:
    with socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def ask(port: int, path: str, body: str | None = None) -> int | None:
    """The status of an answer, or None where nobody listens yet."""
    headers = signed(body, datetime.now(UTC)) if body else {}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", body.encode() if body else None, headers
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - likewise
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return None


def test_a_talker_answers_and_stops_on_sigterm(database: Database, slack: Slack, tmp_path: Path) -> None:
    port = free_port()
    with bursar(tmp_path, database, slack, "talk", "--http", f"127.0.0.1:{port}") as talker:
        until(lambda: ask(port, "/readyz") == 200, 20)
        assert ask(port, "/slack/events", click("no.such_button")) in {200, 404}
        assert ask(port, "/metrics") == 200
        assert talker.stop() < 10
        assert "Traceback" not in talker.log


def test_a_worker_delivers_and_stops_on_sigterm(database: Database, slack: Slack, tmp_path: Path) -> None:
    store = Store(database.url)
    with store.writing(datetime.now(UTC)) as unit:
        unit.send("post", "sentence", "", channel="C_OPS", args={"text": "hello"})
    port = free_port()
    with bursar(tmp_path, database, slack, "work", "--health", f"127.0.0.1:{port}") as worker:
        worker.until_said("is at work")
        until(lambda: slack.texts() == [("C_OPS", "hello")])
        assert ask(port, "/readyz") == 200
        assert worker.stop(signal.SIGINT) < 10
        assert "Traceback" not in worker.log
    with store.reading() as session:
        assert [message.state for message in session.query(Message)] == ["sent"]
    store.close()


def test_run_is_both_and_a_dead_worker_comes_back(sqlite: Database, slack: Slack, tmp_path: Path) -> None:
    port = free_port()
    with bursar(tmp_path, sqlite, slack, "run", "--http", f"127.0.0.1:{port}") as both:
        until(lambda: ask(port, "/readyz") == 200, 20)
        both.until_said("worker-1, epoch 1, is at work")
        [worker] = children(both.process.pid)
        os.kill(worker, signal.SIGKILL)
        both.until_said("worker-1, epoch 2, is at work")
        [worker] = children(both.process.pid)
        assert both.stop() < 10
        assert not lives(worker)
        assert "Traceback" not in both.log


def test_a_worker_does_not_outlive_its_talker(sqlite: Database, slack: Slack, tmp_path: Path) -> None:
    with bursar(tmp_path, sqlite, slack, "run", "--http", f"127.0.0.1:{free_port()}") as both:
        both.until_said("is at work")
        [worker] = children(both.process.pid)
        both.process.kill()
        both.process.wait()
        until(lambda: not lives(worker), 10)


def test_the_first_start_makes_the_embedded_database(slack: Slack, tmp_path: Path) -> None:
    fresh = f"sqlite:///{tmp_path / 'home' / 'new.db'}"
    port = free_port()
    with bursar(tmp_path, Database(fresh, fresh), slack, "talk", "--http", f"127.0.0.1:{port}") as talker:
        until(lambda: ask(port, "/readyz") == 200, 20)
        talker.stop()


@pytest.mark.case("T03", "V13.3.1")
@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (("talk",), "SLACK_APP_TOKEN"),
        (("run",), "SLACK_APP_TOKEN"),
        (("talk", "--http", "127.0.0.1:0"), "SLACK_SIGNING_SECRET"),
        (("work",), "SLACK_BOT_TOKEN"),
    ],
)
def test_a_missing_secret_ends_the_start_with_the_exact_fix(
    arguments: tuple[str, ...], missing: str, sqlite: Database, slack: Slack, tmp_path: Path
) -> None:
    with bursar(tmp_path, sqlite, slack, *arguments, **{missing: ""}) as refused:
        assert refused.process.wait(20) == 2
        assert re.fullmatch(rf"environment {missing} is not set: set it to .*\n", refused.log)


def test_a_child_that_dies_is_started_again_and_ends_with_its_parent(tmp_path: Path) -> None:
    script = "import os, sys, threading; open(sys.argv[1], 'a').write('x'); threading.Event().wait({})"
    short = [sys.executable, "-c", script.format(0), str(tmp_path / "short")]
    with Child(short, first_wait=0.01):
        until(lambda: (tmp_path / "short").exists() and len((tmp_path / "short").read_text()) >= 3)
    long = [sys.executable, "-c", script.format(60), str(tmp_path / "long")]
    with Child(long) as child:
        until((tmp_path / "long").exists)
        pid = child.pid
        assert pid is not None
    assert not lives(pid)
