"""The store: whose turn it is to write."""

import fcntl
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from storage.store import Store
from tests.databases import Database
from tests.storage.rows import NOON


def stands_in_line(database: Database) -> bool:
    """Whether somebody is next to write."""
    with Path(f"{database.url.removeprefix('sqlite:///')}-next").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_who_waits_to_write_to_a_sqlite_file_is_not_overtaken_by_who_just_wrote(sqlite: Database) -> None:
    mine, theirs = sqlite.store(), sqlite.store()
    order: list[str] = []

    def write(store: Store, name: str) -> None:
        with store.writing(NOON):
            order.append(name)

    with ThreadPoolExecutor(1) as pool:
        with mine.writing(NOON):
            waits = pool.submit(write, theirs, "theirs")
            while not stands_in_line(sqlite):
                threading.Event().wait(0.01)
        write(mine, "mine again")
        waits.result(timeout=60)
    assert order == ["theirs", "mine again"]
    for store in (mine, theirs):
        store.close()
