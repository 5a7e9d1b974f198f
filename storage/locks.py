"""Worker seats: a lock that only a living process can hold, and an epoch that grows at each taking."""

import fcntl
import os
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError


@dataclass(frozen=True, slots=True)
class Hold:
    """Which seat a worker holds, and since which taking of it."""

    worker: str
    epoch: int


class Lock(Protocol):
    """A lock that is gone as soon as its process is."""

    def is_held(self) -> bool:
        """Whether it is still ours."""
        ...

    def release(self) -> None:
        """Give it back."""
        ...


class Locks(Protocol):
    """Hands out locks by name; None where another living process holds it."""

    def take(self, name: str) -> Lock | None:
        """Take the lock now, or not at all."""
        ...


class FileLock:
    """A lock on a file; the kernel drops it with the process."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def is_held(self) -> bool:
        """The kernel takes no file lock away from a living process."""
        return True

    def release(self) -> None:
        """Give it back."""
        os.close(self._handle)


class FileLocks:
    """`flock` on `worker-N.lock` beside the SQLite file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, name: str) -> Lock | None:
        """Take the lock now, or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        return FileLock(handle)


class Line:
    """Writers of one SQLite file stand in line for it, whichever process they are of.

    SQLite itself has them look again after ever longer sleeps, so that whoever just wrote comes first
    again. Here whoever is next holds one file and waits for the other: nobody can overtake.
    """

    def __init__(self, database: Path) -> None:
        self._next, self._turn = (f"{database}-{name}" for name in ("next", "turn"))

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn, and keep it for this block."""
        with ExitStack() as mine:
            with _locked(self._next):
                mine.enter_context(_locked(self._turn))
            yield


@contextmanager
def _locked(file: str) -> Iterator[None]:
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)  # the lock goes with it


class AdvisoryLock:
    """A session advisory lock; PostgreSQL drops it with the connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._lost = False

    def is_held(self) -> bool:
        """Ask the connection that holds it: a restart of the server, or a cut line, lost it."""
        if self._lost:
            return False
        try:
            self._connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            self._lost = True  # a line that comes back is not the one that held the lock
        return not self._lost

    def release(self) -> None:
        """Give it back at once, and close the connection that held it."""
        with suppress(SQLAlchemyError):
            self._connection.execute(text("SELECT pg_advisory_unlock_all()"))
        self._connection.invalidate()
        self._connection.close()


class AdvisoryLocks:
    """Session advisory locks on connections of their own, never pooled."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, name: str) -> Lock | None:
        """Take the lock now, or not at all."""
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        key = zlib.crc32(f"bursar:{name}".encode())
        if connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar():
            return AdvisoryLock(connection)
        connection.close()
        return None
