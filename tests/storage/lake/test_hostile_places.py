"""Hostile folders and JSON, bombs, and full disks: nothing is read that was not meant, nothing is lost."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.storage.lake.bills import write
from tests.storage.lake.hostile import BEFORE, Ground, bill, parquet, repeated, zipped

MIB = 1 << 20
#: What an import may take in all.
MOST_KIB = 400 * 1024
ALLOCATION: Mapping[str, Any] = {
    "name": "a",
    "properties": {"cluster": "c1", "namespace": "n"},
    "window": {"start": "2026-05-03T00:00:00Z", "end": "2026-05-04T00:00:00Z"},
    "totalCost": 1.5,
    "cpuCost": 1,
}


def _fifo(folder: Path) -> None:
    os.mkfifo(folder / "x.csv")


def _socket(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(folder / "x.csv"))


ODD = {
    "a pipe": (_fifo, "no_file"),
    "a socket": (_socket, "no_file"),
    "a link to itself": (lambda folder: (folder / "x.csv").symlink_to("x.csv"), "link"),
    "a link to nothing": (lambda folder: (folder / "x.csv").symlink_to("gone"), "link"),
    "a link to a file of the machine": (lambda folder: (folder / "x.csv").symlink_to("/etc/passwd"), "link"),
    "a link to a device": (lambda folder: (folder / "x.csv").symlink_to("/dev/zero"), "link"),
    "a link to a folder elsewhere": (lambda folder: (folder / "x").symlink_to("/etc"), "link"),
    "a name that is no text": (
        lambda folder: write(folder / os.fsdecode(b"\xff.csv"), bill()),
        "name",
    ),
}


@pytest.mark.parametrize("what", ODD)
def test_a_folder_with_something_odd_in_it_is_refused(ground: Ground, what: str) -> None:
    make, code = ODD[what]
    folder = ground.file("y.csv", bill()).parent
    make(folder)
    assert ground.refused(folder).report.problems[0].code == code


def test_a_path_that_is_no_file_is_refused_and_links_inside_a_folder_count_once(ground: Ground) -> None:
    folder = ground.file("y.csv", bill()).parent
    (folder / "x.csv").mkdir()
    write(folder / "x.csv" / "Z.CSV", bill())
    (folder / "latest").symlink_to("x.csv")
    (folder / "again.csv").symlink_to("y.csv")
    os.mkfifo(folder / "a-Manifest.json")
    assert ground.taken(folder)[1].totals[0]["charges"] == 6
    os.mkfifo(folder / "pipe")
    for path in (folder / "pipe", Path("/dev/null")):
        assert ground.refused(path).report.problems[0].code == "no_file"


BROKEN: Mapping[str, Any] = {
    "totalCost": "NaN", "cpuCost": "1_000", "window": "x", "properties": [1], "gpuCost": True,
    "ramCost": "1e999999",
}  # fmt: skip


def allocations(**changed: Any) -> bytes:
    return json.dumps({"code": 200, "data": [{"a": {**ALLOCATION, **changed}}]}).encode()


@pytest.mark.parametrize("name", BROKEN)
def test_an_allocation_with_a_broken_part_is_refused(ground: Ground, name: str) -> None:
    path = ground.file("a.json", allocations(**{name: BROKEN[name]}))
    assert ground.refused(path, currency="USD").report.problems


def test_broken_json_is_refused_and_odd_json_is_read_exactly(ground: Ground) -> None:
    one = allocations()
    for content in (
        one[:60], b'{"data":' + b"[" * 100_000, one.decode().encode("utf-16"), one.replace(b'"n"', b'"\xff"'),
        one.replace(b'"totalCost": 1.5', b'"totalCost": 1.5, "totalCost": 9'), one + b"\0", b"[1]",
        b"", b" " * (33 * MIB), one.replace(b'"n"', b'"a\\u0000b"'),
    ):  # fmt: skip
        assert ground.refused(ground.file("a.json", content), currency="USD").report.problems
    odd = {"cluster": "c", "labels": "x", "namespaceLabels": [1], "namespace": "\ud800"}
    for content in (b"\xef\xbb\xbf" + one, allocations(properties=odd), one.replace(b"1.5", b"15E-1")):
        _, table = ground.taken(ground.file("a.json", content), currency="USD")
        assert table.totals[0]["effective_cost"] == Decimal("1.5")


CHILD = """
import json, os, resource, sys
from bot.cli import outcome
most = int(sys.argv[2])
if most:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
codes = [outcome(["import", "--json", *one]) for one in json.loads(sys.argv[1])]
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({"codes": codes, "peak": int(peak)}), file=sys.stderr)
"""


def imported(home: Path, *asked: list[str], most: int = 0) -> dict[str, Any]:
    """What real imports answered, one after the other in a process of their own, and what it took at most."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, json.dumps(asked), str(most)],
        check=True,
        timeout=300,
        capture_output=True,
        text=True,
        cwd=home.parent,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "BURSAR_HOME": str(home)},
    )
    *said, last = done.stderr.strip().splitlines()
    assert "Traceback" not in done.stderr
    found: dict[str, Any] = json.loads(last)
    return found | {"said": said}


def test_bombs_are_refused_by_a_process_that_stays_small(tmp_path: Path) -> None:
    header, row = bill({}).splitlines(keepends=True)
    dictionary = repeated('{"a": "' + "x" * MIB + '"}', 3000)
    bombs = {
        "rows.csv.gz": zipped(header + row * 500_000),
        "line.csv": header + b"x" * (20 * MIB),
        "quote.csv": header + b'1001,"' + b"x\n" * (10 * MIB),
        "tags.parquet": parquet({"Tags": dictionary}, rows=3000, compression="zstd"),
        "deep.json": b'{"data":' + b"[" * MIB,
    }
    for name, content in bombs.items():
        (tmp_path / name).write_bytes(content)
    found = imported(tmp_path / "home", *([name] for name in bombs))
    assert found["codes"] == [3] * len(bombs)
    assert found["peak"] < MOST_KIB, found["peak"]


@pytest.mark.slow
def test_the_largest_bombs_are_refused_or_read_by_a_process_that_stays_small(tmp_path: Path) -> None:
    header = bill({}).splitlines(keepends=True)[0]
    allocation = {f"p{at}": {**ALLOCATION, "name": f"p{at}"} for at in range(120_000)}
    bombs = {
        "line.csv.gz": zipped(header + b"x" * (400 * MIB)),
        "lines.csv": header + b"x" * (300 * MIB),
        "quote.csv": header + b'1001,"' + b"x\n" * (150 * MIB),
        "page.parquet": parquet(
            {"Tags": ["x" * (400 * MIB)]}, rows=1, use_dictionary=False, compression="zstd"
        ),
        "cost.parquet": parquet({"BilledCost": repeated("1" * MIB, 9000)}, rows=9000, compression="zstd"),
    }
    for name, content in bombs.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "many.json").write_text(json.dumps({"data": [allocation]}))
    found = imported(tmp_path / "home", *([name] for name in bombs), ["--currency", "USD", "many.json"])
    assert found["codes"] == [3] * len(bombs) + [0]
    assert found["peak"] < MOST_KIB, found["peak"]


def random_text(seed: int) -> str:
    """What does not get smaller in a Parquet file."""
    return random.Random(seed).randbytes(100).hex()


@pytest.mark.slow
def test_a_disk_that_is_full_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "small.csv").write_bytes(bill({"BilledCost": "7"}))
    (tmp_path / "large.csv").write_bytes(bill(*[{"ResourceId": random_text(at)} for at in range(8000)]))
    home = tmp_path / "home"
    assert imported(home, ["small.csv"])["codes"] == [0]
    size = max(file.stat().st_size for file in home.rglob("*") if file.is_file())
    found = imported(home, ["--source", "other", "large.csv"], most=size + 64 * 1024)
    assert found["codes"][0] in (2, 3), found
    assert list((home / "lake" / "staging").iterdir()) == []
    assert imported(home, ["small.csv"], ["--source", "other", "large.csv"])["codes"] == [0, 0]


KILLED = """
import os, signal, sys
from pathlib import Path
from storage.lake import Lake, import_files
from storage.store import Store
from tests.storage.lake import bills

home, url, bill, word, calls = sys.argv[1:]
left = int(calls)

def progress(done, total, message):
    global left
    left -= message.startswith(word)
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)

import_files(Lake(Path(home)), Store(url), [Path(bill)], source="killed", promoted=(), actor="U",
             now=bills.NOW, progress=progress)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("word", "calls"), [("checking", 1), ("checking", 9), ("reading", 1)])
def test_an_import_killed_at_any_moment_leaves_garbage_only(ground: Ground, word: str, calls: int) -> None:
    content = bill(*[{"ResourceId": random_text(at)} for at in range(60_000)])
    arguments = (
        str(ground.lake.home),
        ground.store.url,
        str(ground.file("bill.csv", content)),
        word,
        str(calls),
    )
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments],
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert ended.returncode == -signal.SIGKILL
    assert list((ground.lake.root / "staging").iterdir()), "its garbage"
    assert ground.answers() == BEFORE
    ground.taken(ground.file("next.csv", bill()))
    assert list((ground.lake.root / "staging").iterdir()) == []
