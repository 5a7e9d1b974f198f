"""Starting on a database that is old, gone, locked or newer: the processes say why they do not act."""

import json
import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from storage import recovery, tables
from storage.store import Store
from tests.bot.slack import Slack
from tests.bot.test_processes import ask, bursar, free_port
from tests.bot.world import until
from tests.databases import Database

SETTINGS = """
teams: {web: {title: Web, channel: C_WEB, owners: [U_ANN]}}
finance: {channel: C_FIN, people: [U_FIN]}
oncall: {channel: C_OPS}
approvers: {platform-oncall: [U_OPS, U_OZ], finance: [U_FIN]}
terminal_accounts: {ops: U_OPS, fin: U_FIN}
"""


def worked_before(database: Database, home: Path) -> None:
    """A machine that saw more of the log than this database has."""
    store = database.store()
    now = datetime.now(UTC)
    with store.writing(now) as unit:
        unit.record("test.happened", actor="bursar", subject="thing")
    with store.reading() as session:
        recovery.remember(session, home, now)
    store.close()
    seen = json.loads((home / recovery.FILE).read_text())
    seen["head"] |= {"seq": 9, "hash": "f" * 64}
    (home / recovery.FILE).write_text(json.dumps(seen))


def command(database: Database, home: Path, who: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """A command as a person of this account types it."""
    (home / "bursar.yaml").write_text(SETTINGS)
    told = {
        "PATH": os.environ["PATH"],
        "BURSAR_HOME": str(home),
        "BURSAR_CONFIG": str(home / "bursar.yaml"),
        "DATABASE_URL": database.url,
        "LOGNAME": who,
    }
    line = [sys.executable, "-P", "-m", "bot.cli", *words]
    return subprocess.run(line, env=told, capture_output=True, text=True, timeout=60, check=False)


def why(port: int) -> str:
    """What /readyz says of a process that is not ready."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return str(answer.read().decode())
    except HTTPError as error:
        with error:
            return str(error.read().decode())


@pytest.mark.slow
def test_a_restored_database_stops_the_bot_until_two_people_resume_it(
    database: Database, slack: Slack, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    worked_before(database, home)
    settings = {"BURSAR_CONFIG": str(home / "bursar.yaml")}
    (home / "bursar.yaml").write_text(SETTINGS)
    port = free_port()
    with bursar(tmp_path, database, slack, "work", "--health", f"127.0.0.1:{port}", **settings) as worker:
        until(lambda: ask(port, "/readyz") == 503)
        assert "looks restored from an old copy: its audit log ends at row 1" in why(port)
        until(lambda: {channel for channel, _ in slack.texts()} == {"C_OPS", "C_FIN"})
        assert command(database, home, "ops", "recovery", "show").returncode == 1
        assert command(database, home, "stranger", "recovery", "resume", "--reason", "fun").returncode == 4
        first = command(database, home, "ops", "recovery", "resume", "--reason", "looked")
        assert (first.returncode, first.stdout) == (0, "Noted; a second person has to agree.\n")
        assert command(database, home, "ops", "recovery", "resume", "--reason", "again").returncode == 4
        assert ask(port, "/readyz") == 503
        second = command(database, home, "fin", "recovery", "resume", "--reason", "looked too")
        assert second.stdout == "It is resumed; the bot acts again.\n"
        until(lambda: ask(port, "/readyz") == 200)
        assert "Nothing waits" in command(database, home, "ops", "recovery", "show").stdout
        worker.stop()
    with bursar(tmp_path, database, slack, "talk", "--http", f"127.0.0.1:{port}", **settings) as talker:
        until(lambda: ask(port, "/readyz") == 200, 20)
        assert "restored" not in talker.log


@pytest.mark.slow
@pytest.mark.case("T44")
def test_a_database_file_that_is_gone_ends_the_start_with_the_way_out(
    sqlite: Database, slack: Slack, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    store = sqlite.store()
    with store.reading() as session:
        recovery.remember(session, home, datetime.now(UTC))
    store.close()
    for file in home.glob("bursar.db*"):
        file.unlink()
    with bursar(tmp_path, sqlite, slack, "work") as refused:
        assert refused.process.wait(30) == 2
        assert "is gone, but Bursar has worked here before. Put its copy back" in refused.log
        assert "Traceback" not in refused.log
    assert not (home / "bursar.db").exists()


@pytest.mark.slow
@pytest.mark.case("T44")
def test_a_database_of_a_newer_bursar_ends_the_start(sqlite: Database, slack: Slack, tmp_path: Path) -> None:
    with sqlite3.connect(sqlite.url.removeprefix("sqlite:///")) as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
    newer.close()
    with bursar(tmp_path, sqlite, slack, "work") as refused:
        assert refused.process.wait(30) == 2
        assert "install the newer Bursar that wrote it" in refused.log


HOLD = """
import sqlite3, sys, threading
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
threading.Event().wait(5)
held.execute("COMMIT")
"""


@pytest.mark.slow
@pytest.mark.case("T43")
def test_a_write_waits_for_a_file_that_is_locked_for_five_seconds(sqlite: Database) -> None:
    line = [sys.executable, "-c", HOLD, sqlite.url.removeprefix("sqlite:///")]
    store = Store(sqlite.url)
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with store.writing(datetime.now(UTC)) as unit:
            unit.enqueue("sweep", "night")
        assert other.wait(10) == 0
    with store.reading() as session:
        assert [job.kind for job in session.query(tables.Job)] == ["sweep"]
    store.close()
