"""The command line: quick help, exit codes that scripts read, sentences and never a traceback."""

import json
import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import cli
from spend.errors import BursarError, Conflict, InputRefused, NotFound, Refused, SettingsWrong
from storage.store import Store
from tests.databases import PostgresServer


@pytest.fixture
def home(empty: Path) -> Path:
    """The home of a newcomer."""
    return empty / "home"


def store_of(home: Path) -> Store:
    return Store(f"sqlite:///{home / 'bursar.db'}")


def record(home: Path, *subjects: str) -> None:
    store = store_of(home)
    for subject in subjects:
        with store.writing(datetime(2026, 3, 2, tzinfo=UTC)) as unit:
            unit.record("test.event", actor="U_ANN", subject=subject)
    store.close()


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    script = (
        "import sys; from bot.cli import outcome; code = outcome(['--help']); "
        "heavy = {'sqlalchemy', 'slack_bolt', 'boto3', 'duckdb', 'pydantic', 'uvicorn'} & set(sys.modules); "
        "print(code, sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"
    assert all(name in done.stdout for name in cli.COMMANDS)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_is_where_the_list_says(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.outcome([name, "--help"]) == 0
    assert "Usage: bursar" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("no"), 4),
        (Conflict("no"), 4),
        (InputRefused("broken", file="a.csv"), 3),
        (SettingsWrong("no"), 2),
        (NotFound("no"), 2),
        (BursarError("no"), 1),
    ],
)
def test_each_kind_of_no_has_its_exit_code(error: BursarError, code: int) -> None:
    assert next(number for kind, number in cli.EXIT_CODES if isinstance(error, kind)) == code


@pytest.mark.parametrize("arguments", [["nonsense"], ["audit", "nonsense"], ["talk", "--nonsense"], []])
def test_wrong_usage_is_exit_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.outcome(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_wrong_settings_are_exit_2_and_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bursar.yaml").write_text("mode: perhaps\nzone: Mars\n", encoding="utf-8")
    assert cli.outcome(["audit", "verify"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["bursar.yaml:1", "bursar.yaml:2"]


def test_the_audit_log_holds_until_a_row_is_edited(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.outcome(["audit", "verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 0
    record(home, "plan-1", "plan-2", "plan-3")
    assert cli.outcome(["audit", "verify"]) == 0
    connection = sqlite3.connect(home / "bursar.db")
    connection.execute("DROP TRIGGER audit_no_update")
    connection.execute("UPDATE audit SET actor = 'U_EVE' WHERE seq = 2")
    connection.commit()
    connection.close()
    capsys.readouterr()
    assert cli.outcome(["db", "check", "--json"]) == 1
    assert "audit_no_update is missing" in json.loads(capsys.readouterr().out)["problems"][0]
    assert cli.outcome(["db", "upgrade"]) == 0
    capsys.readouterr()
    assert cli.outcome(["audit", "verify", "--json"]) == 1
    verdict = json.loads(capsys.readouterr().out)
    assert (verdict["ok"], verdict["broken"], verdict["rows"]) == (False, 2, 1)
    assert "row 2 (test.event) was changed" in verdict["reason"]


def test_the_story_of_a_record_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.outcome(["db", "upgrade"]) == 0
    record(home, "plan-1", "plan-2")
    capsys.readouterr()
    assert cli.outcome(["audit", "show", "plan-2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [entry["seq"] for entry in told["entries"]] == [2]
    assert cli.outcome(["audit", "show", "plan-2"]) == 0
    assert "test.event" in capsys.readouterr().out
    assert cli.outcome(["audit", "show", "plan-9"]) == 2
    assert capsys.readouterr().err == "The audit log holds nothing about plan-9.\n"


def test_the_log_is_exported_line_by_line(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.outcome(["db", "upgrade"]) == 0
    record(home, "plan-1", "plan-2")
    capsys.readouterr()
    assert cli.outcome(["audit", "export"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["subject"] for row in rows] == ["plan-1", "plan-2", "audit"]  # that it was taken out, too
    assert cli.outcome(["audit", "export", "--out", str(tmp_path / "log.jsonl")]) == 0
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 4


@pytest.mark.case("T37")
@pytest.mark.usefixtures("home")
def test_the_kill_switch_is_thrown_with_a_reason_under_ones_own_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.outcome(["kill-switch", "on"]) == 2
    assert cli.outcome(["kill-switch", "on", "--reason", " "]) == 4
    assert cli.outcome(["kill-switch", "on", "--reason", "odd bills"]) == 0
    assert cli.outcome(["kill-switch", "off", "--reason", "explained"]) == 0
    capsys.readouterr()
    cli.outcome(["audit", "show", "kill", "--json"])
    entries = json.loads(capsys.readouterr().out)["entries"]
    assert [(entry["event"], entry["reason"]) for entry in entries] == [
        ("switch.on", "odd bills"),
        ("switch.off", "explained"),
    ]
    assert {entry["actor"] for entry in entries} == {cli.person()}


def test_the_unforeseen_is_one_line_and_a_file(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home.mkdir(parents=True)
    (home / "bursar.db").write_bytes(b"this is no database, but somebody's notes" * 100)
    assert cli.outcome(["audit", "verify"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    [kept] = (home / "log").iterdir()
    assert str(kept) in line
    assert "Traceback" in kept.read_text(encoding="utf-8")


def test_postgresql_is_upgraded_by_its_owner_and_refused_before(
    home: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    database = postgres.empty()
    monkeypatch.setenv("DATABASE_URL", database.url)
    monkeypatch.setenv("DATABASE_OWNER_URL", database.owner_url)
    assert cli.outcome(["audit", "verify"]) == 2
    assert "run `bursar db upgrade`" in capsys.readouterr().err
    assert cli.outcome(["db", "check"]) == 1
    assert cli.outcome(["db", "upgrade"]) == 0
    assert cli.outcome(["db", "check"]) == 0
    assert cli.outcome(["kill-switch", "on", "--reason", "a test"]) == 0
    assert cli.outcome(["audit", "verify"]) == 0
    postgres.drop(database)
    assert not (home / "bursar.db").exists()
    assert os.environ["BURSAR_HOME"] == str(home)
