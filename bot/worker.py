"""The worker: takes due jobs and approved plans, delivers the outbox, and takes over from dead workers."""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from slack_sdk import WebClient

from actions.crash import crashpoint
from bot import clock, errors, sender
from flows import recovery
from flows.desk import Desk
from spend.errors import BursarError, NotFound
from storage import jobs, seats, tables
from storage.locks import AdvisoryLocks, FileLocks, Lock, Locks
from storage.store import Store

LOG = logging.getLogger("bursar.worker")
POLL = 0.25
#: Seconds after which the rows are looked at even if nothing seems changed: something may have fallen due.
LOOK_EVERY = 1.0
ADOPT_EVERY = 5.0
#: Seconds between two notes of where the audit log ends, for the next start to compare.
REMEMBER_EVERY = 60.0
JOB_THREADS, RUN_THREADS = 2, 24
#: Seconds that a stopping worker gives to what is under way; an orchestrator kills after 30.
STOP_WITHIN = 25
#: A run that ended in an error is taken up again after this many seconds, doubled up to the second.
FIRST_RETRY, LONGEST_RETRY = 2, 60
SENDER = "sender"

JobHandler = Callable[[Desk, tables.Job, datetime], None]
Now = Callable[[], datetime]


class Stopping(BursarError):
    """This worker was told to stop: no further step begins; who comes next looks at what was begun."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker does, as functions of the flows.

    Attributes:
        handlers: what does a job, by its kind.
        ready: the plans to run now, this worker's own unfinished ones included.
        execute: runs one plan to its end.
        expire: closes what nobody answered in time.
    """

    handlers: Mapping[str, JobHandler]
    ready: Callable[[Store, datetime], list[str]]
    execute: Callable[..., None]
    expire: Callable[[Desk, datetime], object]


def locks_of(store: Store, folder: Path) -> Locks:
    """The locks of this database: files beside SQLite, advisory locks on PostgreSQL."""
    return FileLocks(folder) if store.sqlite else AdvisoryLocks(store.engine)


class Worker:
    """One worker process; any number of them share a PostgreSQL, and one machine's share a SQLite file."""

    def __init__(
        self, desk: Desk, work: Work, locks: Locks, now: Now, slack: WebClient | None = None
    ) -> None:
        self._desk, self._work, self._locks, self._now, self._slack = desk, work, locks, now, slack
        self._stop = threading.Event()
        self._jobs = ThreadPoolExecutor(JOB_THREADS, thread_name_prefix="job")
        self._runs = ThreadPoolExecutor(RUN_THREADS, thread_name_prefix="run")
        self._busy: dict[str, Future[None]] = {}
        self._taking = threading.Lock()  # so that a job just taken never looks like one left behind
        self._handling: set[str] = set()
        self._failures: dict[str, tuple[int, datetime]] = {}
        self._mark: Any = None

    def stop(self) -> None:
        """Tell it to finish what is under way and to begin nothing new; safe in a signal handler."""
        self._stop.set()

    def run(self) -> bool:
        """Work until told to stop; say whether everything under way was finished."""
        self._seat = self._sit()
        ticking = clock.start(self._desk.store, self._now)
        sending = threading.Thread(target=self._deliver, name="sender", daemon=True)
        sending.start()
        try:
            self._loop()
        finally:
            ticking.shutdown(wait=True)
            finished = self._finish(sending)
            self._seat.leave()
            errors.attempt("remembering", recovery.remember, self._desk, self._now())
        return finished

    def _sit(self) -> seats.Seat:
        """Take a seat; a database that was restored meanwhile is noticed first."""
        recovery.examine(self._desk, self._now())
        seat = seats.take(self._desk.store, self._locks, self._now())
        self._desk.store.hold = seat.hold
        LOG.info("%s, epoch %s, is at work", seat.hold.worker, seat.hold.epoch)
        return seat

    def _loop(self) -> None:
        adopt_in = look_in = remember_in = 0.0
        while not self._stop.is_set():
            if adopt_in <= 0:
                errors.attempt("keeping the seat", self._keep_seat)
                errors.attempt("taking over", self._adopt, self._seat)
                adopt_in = ADOPT_EVERY
            if remember_in <= 0:
                errors.attempt("remembering", recovery.remember, self._desk, self._now())
                remember_in = REMEMBER_EVERY
            if errors.attempt("asking the database", self._changed).value or look_in <= 0:
                errors.attempt("looking for work", self._look)
                look_in = LOOK_EVERY
            self._stop.wait(POLL)
            adopt_in, look_in, remember_in = adopt_in - POLL, look_in - POLL, remember_in - POLL

    def _keep_seat(self) -> None:
        """Sit down anew where the lock was lost: PostgreSQL drops it with its connection.

        What was under way is fenced by the seat's next epoch; who holds that looks before it goes on.
        """
        if not self._seat.is_held():
            LOG.warning("the lock of %s was lost", self._seat.hold.worker)
            self._seat = self._sit()

    def _changed(self) -> bool:
        """Whether another connection wrote since the last look; PostgreSQL cannot tell so cheaply."""
        before, self._mark = self._mark, self._desk.store.changed()
        return self._mark is None or self._mark != before

    def _adopt(self, seat: seats.Seat) -> None:
        if taken := seats.adopt(self._desk.store, self._locks, seat.hold, self._now()):
            LOG.warning("took over %s", ", ".join(taken))
        with self._taking:
            known = set(self._handling)
            left = [job for job in jobs.held(self._desk.store, seat.hold) if job.id not in known]
            self._handling |= {job.id for job in left}
        for job in left:
            self._begin(self._jobs, job.id, partial(self._do, job))

    def _look(self) -> None:
        self._busy = {key: future for key, future in self._busy.items() if not future.done()}
        now = self._now()
        self._work.expire(self._desk, now)
        for key in self._work.ready(self._desk.store, now):
            if key not in self._failures or self._failures[key][1] <= now:
                self._begin(self._runs, key, partial(self._execute, key))
        for thread in range(JOB_THREADS):
            self._begin(self._jobs, f"due jobs {thread}", self._do_due)

    def _begin(self, pool: ThreadPoolExecutor, key: str, call: Callable[[], None]) -> None:
        if key not in self._busy and not self._stop.is_set():
            self._busy[key] = pool.submit(call)

    def _do_due(self) -> None:
        while not self._stop.is_set():
            job = errors.attempt("taking a job", self._take).value
            if job is None:
                return
            self._do(job)

    def _take(self) -> tables.Job | None:
        store = self._desk.store
        with self._taking:
            job = jobs.take(store, store.hold, self._now()) if store.hold else None
            if job is not None:
                self._handling.add(job.id)
        return job

    def _do(self, job: tables.Job) -> None:
        crashpoint("job.taken")
        wrong = errors.attempt(f"job {job.kind} {job.key}", self._handle, job).wrong
        crashpoint("job.handled")
        errors.attempt(f"ending job {job.id}", jobs.end, self._desk.store, job, self._now(), wrong)
        crashpoint("job.ended")
        self._handling.discard(job.id)

    def _handle(self, job: tables.Job) -> None:
        if (handler := self._work.handlers.get(job.kind)) is None:
            raise NotFound(f"This version of Bursar does not know jobs of kind {job.kind!r}.")
        handler(self._desk, job, self._now())

    def _execute(self, key: str) -> None:
        call = partial(self._work.execute, self._desk, key, now=self._now, wait=self._pause)
        if errors.attempt(f"run {key}", call).wrong is None:
            self._failures.pop(key, None)
            return
        tries = self._failures.get(key, (0, self._now()))[0]
        seconds = min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(tries, 6))
        self._failures[key] = (tries + 1, self._now() + timedelta(seconds=seconds))

    def _pause(self, seconds: float) -> None:
        """Wait between two looks or two waves.

        Raises:
            Stopping: the worker was told to stop; the run is taken up by the next one.
        """
        if self._stop.wait(seconds):
            raise Stopping("the worker is stopping; another one takes this run up")

    def _deliver(self) -> None:
        """Deliver while this worker holds the sender's lock: one sender at a time keeps messages in order."""
        if self._slack is None:
            return
        lock: Lock | None = None
        while not self._stop.is_set():
            lock = lock if lock and lock.is_held() else None
            lock = lock or errors.attempt("becoming the sender", self._locks.take, SENDER).value
            sent = 0
            if lock is not None:
                sent = (
                    errors.attempt("delivering", sender.deliver, self._desk, self._slack, self._now).value
                    or 0
                )
            if not sent:
                self._stop.wait(POLL if lock else LOOK_EVERY)
        if lock is not None:
            lock.release()

    def _finish(self, sending: threading.Thread) -> bool:
        for pool in (self._jobs, self._runs):
            pool.shutdown(wait=False, cancel_futures=True)
        begun = [work for work in self._busy.values() if not work.cancelled()]  # `wait` waits for those too
        _, left = wait(begun, timeout=STOP_WITHIN)
        sending.join(1)
        if left:
            LOG.warning("%s pieces of work are left to the next worker", len(left))
        return not left and not sending.is_alive()
