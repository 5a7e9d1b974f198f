"""A fork server: everything is imported once, and each process of a trial is a fork of this one."""

import gc
import importlib
import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from actions import crash
from storage.store import Store
from tests.crash import faults
from tests.crash.play import Bot, Clouds, clouds, through
from tests.crash.stories import STORIES

#: Seconds after which a process hangs.
PATIENCE = 90
#: Stories that may be played in the fork server itself; the lake's threads would not come along into a fork.
LAKELESS = frozenset({"remedy", "restored"})


class Killer:
    """Counts the points that are passed, and ends the process at one of them as `kill -9` does."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.hits: list[str] = []
        self._one = threading.Lock()
        self._at = task.get("kill")
        self._told = Path(task["told"])
        self.sending = False  # between Slack's answer to a message and our commit

    def __call__(self, name: str) -> None:
        with self._one:  # a listener's thread may still be at work: only one of them dies, and tells of it
            self._pass(name)

    def _pass(self, name: str) -> None:
        self.hits.append(name)
        if name in {"message.answered", "message.kept"}:
            self.sending = name == "message.answered"
        if self._at is not None and len(self.hits) > self._at:
            self._told.write_text(json.dumps({"killed": name, "sending": self.sending}))
            os.kill(os.getpid(), signal.SIGKILL)


def live(task: dict[str, Any], made: Clouds, store: Store) -> None:
    """One process of a trial, from its start to its end or to its point."""
    log = os.open(task["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    signal.alarm(PATIENCE)
    if fault := task.get("fault"):
        faults.FAULTS[fault]()
    killer = Killer(task)
    crash.arm(killer)
    bot = Bot(task, made, store)
    finished = through(bot, STORIES[task["story"]])
    bot.leave()
    told = {"finished": finished, "hits": killer.hits, "now": bot.clock().isoformat()}
    Path(task["told"]).write_text(json.dumps(told))


def tried(task: dict[str, Any], made: Clouds, store: Store) -> int:
    """The exit status of a life that nobody kills."""
    try:
        live(task, made, store)
    except BaseException:  # noqa: BLE001 - a fork must not go on as its parent
        traceback.print_exc()
        return 1
    return 0


def at_home(task: dict[str, Any], made: Clouds, store: Store) -> int:
    """Play a life in this process: its forks find compiled what they all would compile for themselves."""
    own = [os.dup(1), os.dup(2)]
    status = tried(task, made, store)
    signal.alarm(0)
    for number, kept in enumerate(own, 1):
        os.dup2(kept, number)
        os.close(kept)
    crash.arm(None)
    store.close()
    store.hold = None
    made.hang_up()
    gc.collect()
    gc.freeze()  # or the first collection of each fork copies every page
    return status


def forked(task: dict[str, Any], made: Clouds, store: Store) -> int:
    """Play a life in a process of its own."""
    child = os.fork()
    if child == 0:
        os._exit(tried(task, made, store))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def serve() -> None:
    """Play a life for each line of the standard input, and answer with the exit status."""
    for heavy in ("duckdb", "ibis", "ibis.backends.duckdb", "pyarrow.parquet", "vl_convert"):
        importlib.import_module(heavy)
    made = clouds()
    stores: dict[str, Store] = {}
    warm: set[tuple[str, str]] = set()
    for line in sys.stdin:
        task = json.loads(line)
        store = stores.setdefault(task["url"], Store(task["url"]))
        place = (task["url"], task["story"])
        whole = task["life"] == 0 and task["kill"] is None and not task["fault"]
        if whole and task["story"] in LAKELESS and place not in warm:
            warm.add(place)
            status = at_home(task, made, store)
        else:
            status = forked(task, made, store)
        print(status, flush=True)


if __name__ == "__main__":
    serve()
