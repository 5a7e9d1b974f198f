"""How long an ack takes while the worker reads a bill of a million rows, beside an idle worker."""

import gzip
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import _scene as scene
from bot import main as bursar
from bot.demo import bill, world
from bot.settings import load
from flows.desk import Desk
from storage import jobs

#: The demo's bill has about 100,000 rows; each of its files is written so many times over.
COPIES = 10
PAUSE, SAMPLES, LIMIT = 0.05, 200, 1.5


def main() -> None:
    """Measure the same clicks three times: idle, during the import, idle again."""
    with tempfile.TemporaryDirectory() as folder, scene.surroundings() as around:
        given = scene.environment(around, Path(folder) / "home")
        delivery, rows = _bill(Path(folder) / "bill")
        desk = bursar.open_desk(load(given))
        port = scene.free_port()
        with scene.talker(given, port), scene.worker(given):
            _clicks(port, _so_many(20))
            idle = _clicks(port, _so_many(SAMPLES))
            began = time.monotonic()
            _ask_for(desk, delivery)
            busy = _clicks(port, lambda _: jobs.ended(desk.store, ("import",), "measured"))
            took = time.monotonic() - began
            idle += _clicks(port, _so_many(SAMPLES))
        desk.store.close()
    print(f"the import of {rows:,} rows took {took:.1f} s, with {len(busy)} clicks meanwhile")
    for name, found in (("idle", idle), ("during the import", busy)):
        p50, p95 = scene.percentile(found, 50), scene.percentile(found, 95)
        print(f"{name}: ack p50 {p50:.1f} ms, p95 {p95:.1f} ms, slowest {max(found):.1f} ms")
    scene.verdict(
        "ack p95, import / idle", scene.percentile(busy, 95) / scene.percentile(idle, 95), LIMIT, "times"
    )


def _bill(folder: Path) -> tuple[Path, int]:
    """A FOCUS bill of about a million rows in its true width, and how many they are."""
    made = world.build(1, datetime.now(UTC).date())
    ids = {thing.name: f"i-{number:017x}" for number, thing in enumerate(made.things)}
    rows = 0
    for small in bill.write(made, ids, folder / "small"):
        with gzip.open(small, "rb") as packed:
            header, body = packed.readline(), packed.read()
        rows += COPIES * body.count(b"\n")
        with (folder / small.name.removesuffix(".gz")).open("wb") as large:
            large.write(header)
            for _ in range(COPIES):
                large.write(body)
    shutil.rmtree(folder / "small")
    return folder, rows


def _ask_for(desk: Desk, delivery: Path) -> None:
    with desk.store.writing(datetime.now(UTC)) as unit:
        unit.enqueue("import", "measured", args={"path": str(delivery)})


def _so_many(count: int) -> Callable[[int], bool]:
    return lambda done: done >= count


def _clicks(port: int, enough: Callable[[int], bool]) -> list[float]:
    """Click one after the other, and say how long each ack took.

    Each click is refused, as it points at no plan: the dearest kind of click, with a row in the
    inbox, one in the audit log, and a sentence for the person.
    """
    found: list[float] = []
    while not enough(len(found)):
        ack = scene.press(port, "approval.approve", "plan-none:0", person=scene.STRANGER)
        assert ack.status == 200
        found.append(ack.milliseconds)
        time.sleep(PAUSE)
    return found


if __name__ == "__main__":
    main()
