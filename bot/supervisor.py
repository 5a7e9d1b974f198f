"""Keeps a child process alive: starts it again when it dies, and stops it when we stop."""

import logging
import subprocess
import threading
from collections.abc import Sequence
from time import monotonic
from types import TracebackType
from typing import Self

LOG = logging.getLogger("bursar.supervisor")
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
#: A child that lived this long was healthy: the next wait begins anew.
HEALTHY_AFTER = 60.0
STOP_WITHIN = 28


class Child:
    """A context: the child runs while the block does."""

    def __init__(self, command: Sequence[str], *, first_wait: float = FIRST_WAIT) -> None:
        self._command, self._first_wait = list(command), first_wait
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        self._start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        with self._lock:
            process = self._process
            if process is not None and process.poll() is None:
                process.terminate()
        if process is not None:
            self._end(process)
        self._thread.join(5)

    @property
    def pid(self) -> int | None:
        """The process id of the child that runs now."""
        return self._process.pid if self._process else None

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        try:
            process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            LOG.warning("the worker did not stop within %s s and is killed", STOP_WITHIN)
            process.kill()
            process.wait()

    def _start(self) -> None:
        with self._lock:
            if not self._stop.is_set():
                self._process = subprocess.Popen(self._command)  # noqa: S603 - our own interpreter and module

    def _watch(self) -> None:
        wait = self._first_wait
        while not self._stop.is_set() and self._process is not None:
            began = monotonic()
            code = self._process.wait()
            if self._stop.is_set():
                return
            wait = self._first_wait if monotonic() - began > HEALTHY_AFTER else wait
            LOG.warning("the worker ended with %s; starting another in %.0f s", code, wait)
            self._stop.wait(wait)
            wait = min(wait * 2, LONGEST_WAIT)
            self._start()
