"""`bursar audit`: what scripts and auditors rely on, from the key to the proof."""

import csv
import getpass
import io
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot import cli
from storage import checkpoints
from storage.store import Store

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ANN = "U012ANN3456"


@pytest.fixture
def home(empty: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a database, a key, a second place, and this account as Ann."""
    private, _ = checkpoints.generate()
    monkeypatch.setenv("BURSAR_AUDIT_KEY", private)
    (empty / "bursar.yaml").write_text(f"terminal_accounts: {{ {getpass.getuser()}: {ANN} }}\n")
    assert cli.outcome(["db", "upgrade"]) == 0
    return empty / "home"


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert cli.outcome(["audit", *arguments]) == code
    return capsys.readouterr().out


def written(home: Path, *reasons: str) -> None:
    store = Store(f"sqlite:///{home / 'bursar.db'}")
    for reason in reasons:
        with store.writing(NOON) as unit:
            unit.record("test.event", actor=ANN, subject="plan-1", after={"by": ANN}, reason=reason)
    store.close()


def signed(home: Path, private: str) -> None:
    """What a worker does as soon as it has started with a new key."""
    store = Store(f"sqlite:///{home / 'bursar.db'}")
    with store.writing(NOON) as unit:
        assert checkpoints.due(unit.session, NOON)
        checkpoints.sign(unit, checkpoints.signer(private))
    store.close()


def test_a_key_is_made_handed_over_and_the_log_verified_by_either(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written(home, "one")
    new = json.loads(told(capsys, "keygen", "--json"))
    assert "Checkpoint 1 says so" in told(capsys, "rotate", new["public"], "--reason", "a year is over")
    (line,) = [json.loads(one) for one in told(capsys, "export", "--checkpoints").splitlines()]
    assert line["next_key"] == new["public"]
    told(capsys, "rotate", new["public"], "--reason", "again", code=4)
    monkeypatch.setenv("BURSAR_AUDIT_KEY", new["private"])
    assert "which nothing vouches for" in told(capsys, "verify", code=1)  # until the new key has signed
    signed(home, new["private"])
    found = json.loads(told(capsys, "verify", "--json"))
    assert (found["ok"], found["checkpoints"]) == (True, 2)
    for public in (new["public"], line["key"]):
        told(capsys, "verify", "--since", "1", "--key", public)
    told(capsys, "verify", "--key", "0" * 64, code=1)


def test_a_new_key_is_either_vouched_for_or_the_old_one_lost(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written(home, "one")
    told(capsys, "rotate", "--reason", "why", code=4)
    told(capsys, "rotate", "--lost", "0" * 64, "--reason", "why", code=4)
    assert "Checkpoint 1 says so" in told(capsys, "rotate", "--lost", "--reason", "the disk burned")
    monkeypatch.delenv("BURSAR_AUDIT_KEY")
    told(capsys, "rotate", "--lost", "--reason", "why", code=2)
    capsys.readouterr()
    assert cli.outcome(["audit", "verify"]) == 0
    assert "No public key is known here" in capsys.readouterr().err


@pytest.mark.case("T60")
def test_a_row_edited_in_the_file_is_exit_1_and_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(home, "one", "two", "three")
    told(capsys, "rotate", "--lost", "--reason", "to sign now")
    connection = sqlite3.connect(home / "bursar.db")
    connection.execute("DROP TRIGGER audit_no_delete")
    connection.execute("DELETE FROM audit WHERE seq = 4")
    connection.commit()
    assert "row 4 is missing at the end" in told(capsys, "verify", code=1)
    connection.execute("DROP TRIGGER audit_no_update")
    connection.execute("UPDATE audit SET reason = 'forged' WHERE seq = 2")
    connection.commit()
    connection.close()
    assert "row 2 (test.event) was changed" in told(capsys, "verify", code=1)


def test_another_place_is_compared_where_the_settings_or_the_command_name_one(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(home, "one")
    told(capsys, "rotate", "--lost", "--reason", "to sign now")
    kept = tmp_path / "kept.jsonl"
    told(capsys, "export", "--checkpoints", "--out", str(kept))
    assert json.loads(told(capsys, "verify", "--json", "--anchors", str(kept)))["doubts"] == [
        "What was written after row 2 waits for the next checkpoint."
    ]
    kept.write_text(kept.read_text(encoding="utf-8").replace('"size":2', '"size":3'), encoding="utf-8")
    with Path("bursar.yaml").open("a", encoding="utf-8") as settings:
        settings.write(f"audit: {{ anchors: [{kept}] }}\n")
    assert f"checkpoint 1 is not the one that {kept} holds" in told(capsys, "verify", code=1)
    told(capsys, "verify", "--anchors", "nowhere.jsonl", code=2)


@pytest.mark.case("T52", "V1.2.10", "V16.4.1")
def test_the_export_is_safe_in_a_spreadsheet_and_no_reason_breaks_out_of_its_cell(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reasons = ["=1+1", "+1;cmd", "-2+3", "@SUM(A1)", "\tx", 'plain, "quoted"\nand\r\n9,forged.entry', "-1.5"]
    written(home, *reasons)
    rows = list(csv.DictReader(io.StringIO(told(capsys, "export", "--csv"), newline="")))
    assert [row["reason"] for row in rows[:-1]] == [*(f"'{one}" for one in reasons[:5]), *reasons[5:]]
    assert [row["event"] for row in rows] == ["test.event"] * len(reasons) + ["export.download"]
    lines = told(capsys, "export").splitlines()
    assert [json.loads(one)["reason"] for one in lines[: len(reasons)]] == reasons


def test_an_export_names_people_only_where_it_is_asked_to(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(home, f"for <@{ANN}>")
    assert ANN not in told(capsys, "export")
    assert ANN not in told(capsys, "export", "--csv")
    named = [json.loads(one) for one in told(capsys, "export", "--names").splitlines()]
    assert (named[0]["actor"], named[0]["reason"], named[-1]["actor"]) == (ANN, f"for <@{ANN}>", ANN)


def test_a_proof_is_one_document(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(home, "one", "two")
    told(capsys, "prove", "1", code=2)
    told(capsys, "rotate", "--lost", "--reason", "to sign now")
    proof = json.loads(told(capsys, "prove", "2"))
    assert ([row["seq"] for row in proof["entries"]], proof["checkpoint"]["size"]) == ([2, 3], 3)


def test_forgetting_asks_twice_and_the_chain_still_holds(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written(home, "one")
    for answer, code in (("somebody", 4), (ANN, 0), (ANN, 0)):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{answer}\n"))
        out = told(capsys, "forget", ANN, code=code)
        assert "cannot be taken back" in out
    assert "stands for nobody now" in out
    assert ANN not in told(capsys, "show", "plan-1")
    told(capsys, "verify")


def test_reading_money_on_the_terminal_is_an_entry(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command, code in ((["costs", "--by", "team"], 0), (["detect"], 2)):
        assert cli.outcome(command) == code
        (entry,) = json.loads(told(capsys, "show", command[0], "--json"))["entries"]
        assert (entry["event"], entry["actor"]) == ("report.view", ANN)
    assert entry["after"] == {}
    assert (home / "bursar.db").exists()
