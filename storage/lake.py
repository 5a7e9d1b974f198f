"""The lake: immutable Parquet files in one place, and the import that adds to them."""

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from spend.charge import folded
from spend.errors import NotFound, SettingsWrong
from storage import publishing, quarantine, snapshots
from storage.engines.duckdb import Embedded
from storage.engines.engine import Engine
from storage.gathering import Gathered, Wanted, gathered
from storage.ids import new
from storage.parts import Folder, Place, paths_of
from storage.snapshots import DeliveryRefused, ImportReport, Outcome
from storage.sources import focus, invoices
from storage.sources.currencies import CODES
from storage.sources.dialects import DIALECTS
from storage.sources.files import Progress
from storage.sources.problems import BillRefused
from storage.sources.remote import Access
from storage.store import Store
from storage.unit import Unit

#: What one reading or one question may hold in memory; more goes to disk.
MEMORY = "300MB"
QUERY_THREADS = 2
#: One thread keeps the rows of a file in their order without holding them back in memory.
READ_THREADS = 1
NO_ACCESS = Access()
#: How DuckDB says that a file is not there (any more), or is cut short; and what a person is told.
LOST = {
    re.compile(r"No files found|No such file"): "Files of the lake were collected meanwhile; ask again.",
    re.compile(r"too small to be a Parquet|No magic bytes"): (
        "A file of the lake is cut short (`bursar lake show` says of which bill); import that bill again."
    ),
}
SOURCE = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class Lake:
    """The place that holds the line items, and the engine that reads them.

    Files never change once they are kept under a snapshot's id; rows of the table `snapshot` say
    which are current. What is only on its way lies in `staging`.

    Args:
        home: where the embedded state lives.
        place: where the files are kept; the folder `lake` of the home when it is left out.
        counted_by: the engine that answers questions; DuckDB, which also imports, when it is left out.
    """

    def __init__(self, home: Path, place: Place | None = None, counted_by: Engine | None = None) -> None:
        self.home = home
        self.counted_by: Engine = counted_by or Embedded()
        self.place: Place = place or Folder(home / "lake")
        self.root = self.place.root

    def paths(self, snapshot_ids: Sequence[str]) -> list[Path]:
        """The files of these snapshots on this machine, in a fixed order.

        Raises:
            NotFound: a snapshot is not in the lake, or not whole.
            SettingsWrong: there is no room for copies of what lies elsewhere.
        """
        try:
            return paths_of(self.place, snapshot_ids)
        except OSError as error:
            raise _unwritable(self.root, error) from error

    @contextmanager
    def engine(self, *, spill: Path | None = None, threads: int = QUERY_THREADS) -> Iterator[Any]:
        """A DuckDB connection that stays within its memory and never downloads an extension.

        Raises:
            NotFound: a file that it reads was taken away meanwhile, or is cut short.
        """
        import duckdb

        connection = duckdb.connect(
            config={
                "threads": threads,
                "memory_limit": MEMORY,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "preserve_insertion_order": False,
                "temp_directory": str(spill or self.root / "spill"),
            }
        )
        try:
            connection.execute("SET GLOBAL TimeZone = 'UTC'")
            yield connection
        except (duckdb.IOException, duckdb.InvalidInputException) as error:
            for said, sentence in LOST.items():
                if said.search(str(error)):
                    raise NotFound(sentence) from error
            raise
        finally:
            connection.close()

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A folder for one import, removed at its end; what dead imports left is removed first.

        A living import holds a lock on its folder, so that another one cannot take it for garbage.

        Raises:
            SettingsWrong: the home folder cannot be written.
        """
        folder = self.root / "staging" / new("import")
        try:
            folder.mkdir(parents=True)
            _sweep(folder.parent)
            lock = os.open(folder / "new", os.O_CREAT | os.O_RDWR)
            fcntl.flock(lock, fcntl.LOCK_EX)
            (folder / "new").rename(folder / "lock")  # only a lock that is held is ever called so
        except OSError as error:
            raise _unwritable(self.root, error) from error
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _unwritable(root: Path, error: OSError) -> SettingsWrong:
    said = f"The lake at {root} cannot be written ({error.strerror})"
    return SettingsWrong(f"{said}; check BURSAR_HOME and lake.url.")


def _sweep(staging: Path) -> None:
    """Remove the folders of imports whose process is gone: their lock can be taken."""
    for folder in staging.iterdir():
        try:
            lock = os.open(folder / "lock", os.O_RDWR)
        except FileNotFoundError:
            continue  # just being made, by an import that starts now
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(lock)


def import_files(
    lake: Lake,
    store: Store,
    places: Sequence[Path | str],
    *,
    access: Access = NO_ACCESS,
    dialect: str | None = None,
    currency: str | None = None,
    source: str | None,
    promoted: tuple[str, ...],
    actor: str,
    now: datetime,
    progress: Progress,
    delivery: str | None = None,
    told: Callable[[Unit, ImportReport], object] = lambda _unit, _report: None,
    forced: bool = False,
) -> ImportReport:
    """Read a delivery and make it current: all of its accounts and periods in one transaction, or none.

    Args:
        places: files, folders and addresses (`storage.sources.remote`); together they are one delivery,
            and complete for each billing account and period they mention.
        access: how the addresses are entered.
        dialect: how it is written, one of `DIALECTS`; recognised when None.
        currency: that of a bill that names none.
        source: the name under which this stream of bills is kept; that of its dialect when None.
        promoted: tag keys that get a column of their own.
        actor: who imports, for the audit log.
        progress: called with bytes done, bytes in all and a word on what is being done.
        delivery: the id of its record, under which its files are kept aside if refused; None keeps none.
        told: called in the transaction that makes it current, where anything does.
        forced: it takes the place even of what looks later.

    Raises:
        DeliveryRefused: something in it cannot be read safely; what was there before stays.
        SettingsWrong: the source's name cannot be a folder, or the home cannot be written.
        Conflict: another import of the same bill finished first.
    """
    _check(source, dialect, currency)
    order = quarantine.Order(delivery, tuple(map(str, places)), source, dialect, currency, now)
    with lake.staging() as staging, lake.engine(spill=staging / "spill", threads=READ_THREADS) as connection:
        want = Wanted(order.places, access, source or dialect, staging / "fetched")
        try:
            found = gathered(lake.place, store, want, progress, now)
            if not found.files:
                return ImportReport(found.unchanged, found.problems, source or dialect, dialect)
            readings, report = _read(connection, found, staging, order, promoted=promoted, progress=progress)
            bills = snapshots.divide(connection, readings, report.source or "", staging)
            keep = partial(_tell, told, report, found)
            published = publishing.publish(
                lake.place, store, bills, actor=actor, now=now, told=keep, forced=forced
            )
        except (BillRefused, DeliveryRefused) as refused:
            raise quarantine.aside(lake.home, staging, connection, order, refused) from refused
        except OSError as error:
            raise _unwritable(lake.root, error) from error
    return _with(report, published, found)


def _read(
    connection: Any,
    found: Gathered,
    staging: Path,
    order: quarantine.Order,
    *,
    promoted: tuple[str, ...],
    progress: Progress,
) -> tuple[list[focus.Reading], ImportReport]:
    """What the files say, staged, and the report of it before anything is published."""
    readings, skipped = focus.read(
        connection,
        found.files,
        staging,
        dialect=DIALECTS[order.dialect] if order.dialect else None,
        currency=order.currency,
        promoted=sorted(set(map(folded, promoted))),
        progress=progress,
    )
    said, also = invoices.beside(connection, found.files, skipped)
    read = [problem for reading in readings for problem in reading.problems]
    dialect = readings[0].layout.dialect.name
    report = ImportReport([], [*found.problems, *also, *read], order.source or dialect, dialect, said)
    return readings, report


def _tell(
    told: Callable[[Unit, ImportReport], object],
    report: ImportReport,
    found: Gathered,
    unit: Unit,
    outcomes: Sequence[Outcome],
) -> None:
    told(unit, _with(report, outcomes, found))


def _with(report: ImportReport, outcomes: Sequence[Outcome], found: Gathered) -> ImportReport:
    return replace(report, snapshots=[*outcomes, *found.unchanged])


def _check(source: str | None, dialect: str | None, currency: str | None) -> None:
    if source and not SOURCE.fullmatch(source):
        raise SettingsWrong(f"A source is named with a-z, 0-9, dot, dash and underscore; {source!r} is not.")
    if dialect and dialect not in DIALECTS:
        raise SettingsWrong(f"No bill is written as {dialect!r}; there are: {', '.join(DIALECTS)}.")
    if currency and currency not in CODES:
        raise SettingsWrong(f"A currency is a code of ISO 4217 as USD; {currency!r} is not.")
