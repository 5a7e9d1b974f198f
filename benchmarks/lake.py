"""Ten million charges: importing them and asking of them, beside bare DuckDB doing the same in one run."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks._bare import TAGS

MILLION = 1_000_000
SIZES = (1, 3, 10)
#: Limits: CPU and memory beside the peer's; megabytes; seconds of a million rows.
CPU, DIGEST_MEMORY, MEMORY, CSV_WITHIN, PARQUET_WITHIN = 1.5, 2.0, 700, 15, 3
ASK = ("--by", "day,service_name,tag:team", "--json")


@dataclass(frozen=True, slots=True)
class Spent:
    """What one process took: seconds by the clock and of CPU, megabytes at its peak; and what it said."""

    wall: float
    cpu: float
    memory: float
    said: str = ""

    def __str__(self) -> str:
        return f"{self.wall:6.1f} s, {self.cpu:6.1f} CPU s, {self.memory:4.0f} MB"


def main() -> None:
    """Measure; sizes in millions may be named."""
    if sys.argv[1:2] == ["import"]:
        _import(Path(sys.argv[2]), Path(sys.argv[3]))
        return
    sizes = [int(size) for size in sys.argv[1:]] or list(SIZES)
    with tempfile.TemporaryDirectory() as folder:
        first: tuple[int, Spent] | None = None
        for size in sizes:
            found = _measure(Path(folder), "parquet", size)
            first = first or (size, found)
            each = (found.cpu / size) / (first[1].cpu / first[0])
            print(f"{size} million rows of Parquet, CPU a row / that of the first size: {each:.2f}")
        _measure(Path(folder), "csv", 1)


def _import(source: Path, home: Path) -> None:
    """Read a bill and publish it, without the ledger: what the peer does, and that it is right."""
    from storage import schema
    from storage.lake import Lake, import_files
    from storage.store import Store

    home.mkdir()
    store = Store(f"sqlite:///{home / 'bursar.db'}")
    schema.upgrade(store.engine)
    began = time.monotonic()
    import_files(
        Lake(home),
        store,
        [source],
        source=None,
        promoted=tuple(TAGS),
        actor="benchmark",
        now=datetime.now(UTC),
        progress=lambda _done, _all, _what: None,
    )
    print(json.dumps(time.monotonic() - began))


def _measure(folder: Path, ending: str, size: int) -> Spent:
    """Import one bill, by itself and by the command; and where it is Parquet, ask for its digest."""
    source = folder / f"bill-{size}.{ending}"
    # In a process of its own: what this one has held would count as theirs.
    subprocess.run([sys.executable, "-m", "benchmarks._bill", str(source), str(size * MILLION)], check=True)
    what, bare = f"{size} million rows of {ending}", folder / "bare.parquet"
    peer = _run([sys.executable, "-m", "benchmarks._bare", "convert", str(source), str(bare)])
    ours = _run(
        [
            sys.executable,
            "-m",
            "benchmarks.lake",
            "import",
            str(source),
            str(folder / f"alone-{ending}-{size}"),
        ]
    )
    _told(f"{what}, import", ours, peer)
    print(f"{what}, memory of the import: {ours.memory:.0f} MB (at most {MEMORY})")
    if size == 1:
        limit = CSV_WITHIN if ending == "csv" else PARQUET_WITHIN
        print(f"{what}, import: {float(ours.said):.1f} s (at most {limit} on a quiet machine)")
    home = folder / f"home-{ending}-{size}"
    print(f"{what}, `bursar import`, with its ledger: {_run(_bursar('import', str(source), '--json'), home)}")
    if ending == "parquet":
        peer = _run([sys.executable, "-m", "benchmarks._bare", "digest", str(bare), str(folder / "none")])
        asked = _run(_bursar("costs", *ASK), home)
        _told(f"{what}, digest", asked, peer)
        print(
            f"{what}, digest, memory ours / bare: {asked.memory / peer.memory:.2f} (at most {DIGEST_MEMORY})"
        )
    for path in (source, bare):
        path.unlink()
    return ours


def _told(what: str, ours: Spent, peer: Spent) -> None:
    print(f"{what}: ours {ours}; bare DuckDB {peer}")
    print(f"{what}, CPU ours / bare: {ours.cpu / peer.cpu:.2f} (at most {CPU})", flush=True)


def _bursar(*words: str) -> list[str]:
    return [sys.executable, "-P", "-m", "bot.cli", *words]


def _run(command: list[str], home: Path | None = None) -> Spent:
    environ = os.environ | ({"BURSAR_HOME": str(home)} if home else {})
    began = time.monotonic()
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE) as process:
        said = process.stdout.read() if process.stdout else b""
        _, status, spent = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    wall, cpu = time.monotonic() - began, spent.ru_utime + spent.ru_stime
    return Spent(wall, cpu, spent.ru_maxrss / 1024, said.decode())


if __name__ == "__main__":
    main()
