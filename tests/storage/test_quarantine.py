"""What is kept aside is bounded: the newest ten, a gigabyte, and never the wrong folder."""

from pathlib import Path

import pytest

from storage import quarantine
from tests.storage.lake.bills import write


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    folder = tmp_path / "staging"
    folder.mkdir()
    return folder


def keep(home: Path, staging: Path, number: int, *paths: Path) -> str | None:
    said = {"at": f"2026-06-01T00:00:{number:02}", "report": {}}
    return quarantine.keep(home, staging, f"delivery-{number}", paths, said)


def kept(home: Path) -> set[str]:
    return {one.name for one in (home / "lake" / "quarantine").iterdir()}


def test_the_newest_ten_are_kept(tmp_path: Path, staging: Path) -> None:
    for number in range(12):
        keep(tmp_path, staging, number, write(tmp_path / "bill.csv", f"{number}"))
    assert kept(tmp_path) == {f"delivery-{number}" for number in range(2, 12)}


def empty(path: Path, size: int) -> Path:
    """A file of nothing that takes no space."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
    return path


def test_the_oldest_go_where_all_are_more_than_a_gigabyte(tmp_path: Path, staging: Path) -> None:
    for number in range(3):
        keep(tmp_path, staging, number, write(tmp_path / "bill.csv", f"{number}"))
        empty(
            quarantine.kept_in(tmp_path) / f"delivery-{number}" / "files" / "big", quarantine.MOST_BYTES // 3
        )
    keep(tmp_path, staging, 3, write(tmp_path / "bill.csv", "the newest"))
    assert kept(tmp_path) == {"delivery-1", "delivery-2", "delivery-3"}


def test_of_a_delivery_that_is_too_large_only_the_report_is_kept(tmp_path: Path, staging: Path) -> None:
    big = empty(tmp_path / "bill.csv", quarantine.MOST_BYTES + 1)
    assert keep(tmp_path, staging, 1, big) is None
    found = quarantine.kept(tmp_path, "delivery-1")
    assert found is not None
    assert list(found.places) == []
    assert [one.name for one in found.folder.iterdir()] == ["report.json"]


def test_where_there_is_no_file_nothing_is_kept(tmp_path: Path, staging: Path) -> None:
    write(tmp_path / "in" / "notes.txt", "no bill")
    assert keep(tmp_path, staging, 1, tmp_path / "in", tmp_path / "nowhere") is None
    assert quarantine.kept(tmp_path, "delivery-1") is None


def test_what_was_fetched_is_linked_and_the_same_content_is_kept_once(tmp_path: Path, staging: Path) -> None:
    fetched = write(staging / "fetched" / "0" / "bill.csv", "a")
    assert keep(tmp_path, staging, 1, fetched.parent) == "delivery-1"
    assert fetched.stat().st_nlink == 2
    assert keep(tmp_path, staging, 2, fetched.parent) == "delivery-1"
    assert kept(tmp_path) == {"delivery-1"}
    found = quarantine.kept(tmp_path, "delivery-1")
    assert found is not None
    assert [(place / "bill.csv").read_text() for place in found.places] == ["a"]


def test_a_disk_that_takes_nothing_costs_the_copy_and_not_the_sentence(tmp_path: Path, staging: Path) -> None:
    bill = write(tmp_path / "bill.csv", "a")
    write(tmp_path / "lake", "a file where the folder should be")
    assert keep(tmp_path, staging, 1, bill) is None
    assert quarantine.kept(tmp_path, "delivery-1") is None
