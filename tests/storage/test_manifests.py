"""A folder that is a copy of a bucket: its manifests tell which files are the delivery."""

import json
from pathlib import Path

import pytest

from storage.sources.manifests import gather
from storage.sources.problems import BillRefused
from tests.storage.lake.bills import write
from tests.storage.shelf import bill, execution


def export(folder: Path, number: int, *, root: str = "exports/all", say: bool = True) -> Path:
    """A delivery of a data export that keeps the former ones; `say` renews the manifest above them all."""
    of, partition = f"20260602T0900{number:02}Z-{execution(number)}", "BILLING_PERIOD=2026-05"
    file = write(folder / root / "data" / partition / of / "all-00001.csv", bill("1"))
    manifest = {
        "exportArn": f"arn:aws:bcm-data-exports:us-east-1:1001:export/{root}",
        "dataFiles": [f"s3://bills/{file.relative_to(folder)}"],
    }
    for place in (of, "")[: 1 + say]:
        path = folder / root / "metadata" / partition / place / "all-Manifest.json"
        write(path, json.dumps(manifest))
    return file


def test_the_highest_manifest_of_a_data_export_tells_the_delivery(tmp_path: Path) -> None:
    former, newest = export(tmp_path, 1), export(tmp_path, 2)
    stray = write(tmp_path / "exports" / "by-hand.csv", bill("1"))
    [file], left = gather([tmp_path])
    assert (file.path, file.delivery) == (newest, f"{execution(2)}:2026-05")
    assert {(each.file, each.code) for each in left} == {(str(former), "skipped"), (str(stray), "unnamed")}


def test_what_no_manifest_puts_in_order_is_refused(tmp_path: Path) -> None:
    for number in (1, 2):
        export(tmp_path, number, say=False)
    with pytest.raises(BillRefused, match="2 deliveries of the period from 2026-05"):
        gather([tmp_path])
    with pytest.raises(BillRefused, match="look like two deliveries of one period"):
        gather([tmp_path / "exports" / "all" / "data"])


def test_of_two_exports_neither_lends_its_file_to_the_other(tmp_path: Path) -> None:
    export(tmp_path, 1, root="one/all")
    export(tmp_path, 1, root="two/all").unlink()
    with pytest.raises(BillRefused, match="name the same file"):
        gather([tmp_path])
