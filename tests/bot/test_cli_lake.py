"""`bursar lake`: what it holds as a table for people and as one document for scripts, and its collection."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.cli.lake import size
from bot.cli.money import desk_of
from storage.lake import import_files
from tests.bot.test_cli_work import home, told
from tests.storage.lake.bills import quiet, text, write

__all__ = ["home"]
DAY = timedelta(days=1)


def brought_in(home: Path, *amounts: str, ago: int) -> None:
    """Bills of one month, each in place of the former one, so many days ago."""
    with desk_of() as desk:
        for amount in amounts:
            bill = write(home / "bill.csv", text([{"BilledCost": amount}]))
            at = datetime.now(UTC) - ago * DAY
            import_files(
                desk.lake, desk.store, [bill], source="aws", promoted=(), actor="U", now=at, progress=quiet
            )


def test_what_the_lake_holds_is_shown_and_what_nobody_needs_is_collected(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    brought_in(home, "1", "2", ago=31)
    brought_in(home, "3", ago=2)
    said = told(capsys, "lake", "show")
    assert "3 snapshots" in said
    assert said.count("until the next collection") == 1
    shown = json.loads(told(capsys, "lake", "show", "--json"))
    assert [(one["state"], one["whole"], one["pinned"]) for one in shown["snapshots"]] == [
        ("superseded", True, False),
        ("superseded", True, False),
        ("current", True, False),
    ]
    assert shown["snapshots"][2]["goes"] is None
    for word, expected in (("--dry-run", True), ("--dry-run", True), ("--json", False)):
        found = json.loads(told(capsys, "lake", "gc", "--json", *{word} - {"--json"}))
        assert [one["id"] for one in found["collected"]] == [shown["snapshots"][0]["id"]]
        assert (found["dry_run"], found["bytes"]) == (expected, shown["snapshots"][0]["bytes"])
    assert "Collected: 0 B" in told(capsys, "lake", "gc")
    assert len(json.loads(told(capsys, "lake", "show", "--json"))["snapshots"]) == 2
    assert json.loads(told(capsys, "costs", "--json"))["totals"][0]["billed_cost"] == "3"


def test_missing_files_and_unknown_ones_are_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    brought_in(home, "1", ago=1)
    (folder,) = (home / "home" / "lake").glob("*/*/snapshot=*")
    folder.rename(folder.with_name("snapshot=of-another-database"))
    assert "its files are not all there: import the bill again" in told(capsys, "lake", "show")
    assert "import the bill again" in told(capsys, "costs", code=2)
    shown = json.loads(told(capsys, "lake", "show", "--json"))
    assert list(shown["unknown"]) == ["of-another-database"]
    brought_in(home, "1", ago=1)
    assert json.loads(told(capsys, "costs", "--json"))["totals"][0]["billed_cost"] == "1"


def test_sizes_are_told_as_people_read_them() -> None:
    assert [size(one) for one in (0, 999, 1000, 1_540_000, 10**15)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "1.5 MB",
        "1000.0 TB",
    ]
