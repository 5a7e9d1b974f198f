"""Imports, collects and reads in processes of their own, each killed where it is told to be."""

import json
import os
import signal
import sys
import traceback
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from threading import Event
from typing import Any

from actions import crash
from spend.money import plain
from storage import garbage
from storage.costs import costs
from storage.lake import Lake, import_files
from storage.store import Store
from tests.storage.lake.bills import quiet
from tests.storage.lake.lakes import lake_in

#: Seconds after which a process hangs; a reader goes on until it is killed.
PATIENCE = {"read": 900}
USUALLY = 60
#: Seconds between two questions of a reader: there are two processors.
REST = 0.02
KEEP = timedelta(days=30)


def lake_of(task: dict[str, Any]) -> Lake:
    """The lake of a task, as the machine of this home sees it."""
    home = Path(task["home"])
    return lake_in(task["bucket"], home) if task["bucket"] else Lake(home)


def do(task: dict[str, Any]) -> None:
    """One piece of work; a reader goes on until it is killed."""
    lake, store = lake_of(task), Store(task["url"])
    now = datetime.fromisoformat(task["now"])
    if task["do"] == "import":
        import_files(
            lake, store, [task["bill"]], source=None, promoted=(), actor="U", now=now, progress=quiet
        )
    elif task["do"] == "collect":
        garbage.collect(lake, store, KEEP, actor="bursar", now=now)
    else:
        with Path(task["told"]).open("a") as told:
            while True:
                (total,) = costs(lake, store).totals
                told.write(plain(total["billed_cost"]) + "\n")
                told.flush()
                if task["do"] == "read once":
                    return
                Event().wait(REST)


def live(task: dict[str, Any]) -> int:
    """Work in this process; with `kill`, end it at that number of points as `kill -9` does."""
    hits: list[str] = []

    def hook(name: str) -> None:
        hits.append(name)
        if task.get("kill") in {name, len(hits)}:
            os.kill(os.getpid(), signal.SIGKILL)

    os.environ.update(task["cloud"])
    signal.alarm(PATIENCE.get(task["do"], USUALLY))
    crash.arm(hook)
    try:
        do(task)
    except BaseException:  # noqa: BLE001 - a fork must not go on as its parent
        traceback.print_exc()
        return 1
    Path(task["hits"]).write_text(json.dumps(hits))
    return 0


def serve() -> None:
    """A process for each line of the standard input; it answers with the exit status, or with the id."""
    for heavy in ("duckdb", "ibis", "ibis.backends.duckdb", "pyarrow.parquet", "boto3"):
        import_module(heavy)
    for line in sys.stdin:
        task = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(live(task))
        if task["do"] == "read":
            print(child, flush=True)
        else:
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()
