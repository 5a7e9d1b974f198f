"""How long `bursar demo` takes: to make its world, to read the bill and post everything, and in all."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from benchmarks import _scene as scene

POSTED_LIMIT, READY_LIMIT = 20, 30


def main() -> None:
    """Start the demo as a newcomer does, and put a time beside each line that it prints."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "demo"
        began = time.monotonic()
        lines = _watch(home, began)
        limit = _duckdb_alone(home)
    made = next(at for at, line in lines if "bill of 60 days" in line)
    posted = next(at for at, line in lines if "every message" in line)
    ready = next(at for at, line in lines if "Ready after" in line)
    print(f"the cloud and the bill were made after {made:.1f} s")
    scene.verdict("bot started, bill read, everything posted", posted - made, POSTED_LIMIT, "s")
    scene.verdict("from the command to ready", ready, READY_LIMIT, "s")
    print(
        f"DuckDB alone reads and sums the same files in {limit:.2f} s ({(posted - made) / limit:.0f} times)"
    )


def _watch(home: Path, began: float) -> list[tuple[float, str]]:
    command = [sys.executable, "-P", "-m", "bot.cli", "demo", "--no-browser", "--port", "0"]
    process = subprocess.Popen([*command, "--home", str(home)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = []
    try:
        for line in process.stdout:
            found.append((time.monotonic() - began, line))
            if "Ready after" in line:
                break
        else:
            raise SystemExit(f"The demo ended by itself:\n{(home / 'bot.log').read_text()}")
    finally:
        process.terminate()
        process.communicate(timeout=60)
    return found


def _duckdb_alone(home: Path) -> float:
    """Seconds in which the bill can be read and summed by team and service, and nothing else done."""
    began = time.monotonic()
    with duckdb.connect() as connection:
        rows = connection.execute(
            "SELECT ServiceName, sum(EffectiveCost::DECIMAL(38, 20)) "
            "FROM read_csv(?, all_varchar = true) GROUP BY ALL",
            [str(home / "bill" / "*.csv.gz")],
        ).fetchall()
    assert rows
    return time.monotonic() - began


if __name__ == "__main__":
    main()
