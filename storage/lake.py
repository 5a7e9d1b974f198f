"""The lake: immutable Parquet files under a home folder, and the import that adds to them."""

import fcntl
import glob
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from spend.charge import folded
from spend.errors import NotFound, SettingsWrong
from storage import snapshots
from storage.ids import new
from storage.snapshots import ImportReport
from storage.sources import focus
from storage.sources.currencies import CODES
from storage.sources.dialects import DIALECTS
from storage.sources.files import BillFile, Progress
from storage.sources.manifests import gather
from storage.sources.problems import BillRefused, Problem
from storage.sources.remote import Access, Asked, fetch, scheme
from storage.store import Store

#: What one reading or one question may hold in memory; more goes to disk.
MEMORY = "300MB"
QUERY_THREADS = 2
#: One thread keeps the rows of a file in their order without holding them back in memory.
READ_THREADS = 1
NO_ACCESS = Access()
SOURCE = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class Lake:
    """The folder that holds the line items, and the engine that reads them.

    Files never change once they stand under a snapshot's id; rows of the table `snapshot` say
    which are current. What an interrupted import leaves lies in `staging` only.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.root = home / "lake"

    def folder(self, source: str, period: date, snapshot: str) -> Path:
        """Where the files of one snapshot stand."""
        return self.root / f"source={source}" / f"period={period.isoformat()}" / f"snapshot={snapshot}"

    def paths(self, snapshot_ids: Sequence[str]) -> list[Path]:
        """The files of these snapshots, in a fixed order.

        Raises:
            NotFound: a snapshot has no files here.
        """
        found: list[Path] = []
        for snapshot in snapshot_ids:
            pattern = f"source=*/period=*/snapshot={glob.escape(snapshot)}/part-*.parquet"
            files = sorted(self.root.glob(pattern), key=lambda path: (len(path.name), path.name))
            if not files:
                raise NotFound(
                    f"The files of snapshot {snapshot} are not under {self.root}; "
                    "restore them or import the bill again."
                )
            found += files
        return found

    @contextmanager
    def engine(self, *, spill: Path | None = None, threads: int = QUERY_THREADS) -> Iterator[Any]:
        """A DuckDB connection that stays within its memory and never downloads an extension."""
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
    return SettingsWrong(f"The lake at {root} cannot be written ({error.strerror}); check BURSAR_HOME.")


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

    Raises:
        DeliveryRefused: something in it cannot be read safely; what was there before stays.
        SettingsWrong: the source's name cannot be a folder, or the home cannot be written.
        Conflict: another import of the same bill finished first.
    """
    _check(source, dialect, currency)
    with lake.staging() as staging, lake.engine(spill=staging / "spill", threads=READ_THREADS) as connection:
        try:
            files, left_out = _gathered(store, places, access, staging / "fetched", progress)
            if not files:
                return ImportReport([], left_out)
            readings, skipped = focus.read(
                connection,
                files,
                staging,
                dialect=DIALECTS[dialect] if dialect else None,
                currency=currency,
                promoted=sorted(set(map(folded, promoted))),
                progress=progress,
            )
        except BillRefused as refused:
            raise snapshots.refused(source or dialect, refused) from refused
        name = source or readings[0].layout.dialect.name
        deliveries = snapshots.divide(connection, readings, name, staging)
        try:
            published = snapshots.publish(lake, store, deliveries, actor=actor, now=now)
        except OSError as error:
            raise _unwritable(lake.root, error) from error
    problems = [*left_out, *skipped, *(problem for reading in readings for problem in reading.problems)]
    return ImportReport(published, problems)


def _check(source: str | None, dialect: str | None, currency: str | None) -> None:
    if source and not SOURCE.fullmatch(source):
        raise SettingsWrong(f"A source is named with a-z, 0-9, dot, dash and underscore; {source!r} is not.")
    if dialect and dialect not in DIALECTS:
        raise SettingsWrong(f"No bill is written as {dialect!r}; there are: {', '.join(DIALECTS)}.")
    if currency and currency not in CODES:
        raise SettingsWrong(f"A currency is a code of ISO 4217 as USD; {currency!r} is not.")


def _gathered(
    store: Store, places: Sequence[Path | str], access: Access, folder: Path, progress: Progress
) -> tuple[list[BillFile], list[Problem]]:
    """The files of a delivery; those that lay elsewhere are called as they are there."""
    paths: list[Path] = []
    called: dict[Path, str] = {}
    for number, place in enumerate(map(str, places)):
        if scheme(place) is None:
            paths.append(Path(place))
            continue
        into = folder / str(number)
        fetch(Asked(place, into, access, snapshots.delivered(store), progress))
        if any(into.iterdir()):
            paths.append(into)
            called[into] = place.rstrip("/")
    if not paths:
        return [], []
    files, left_out = gather(paths)
    return [_called(file, called) for file in files], left_out


def _called(file: BillFile, called: Mapping[Path, str]) -> BillFile:
    for folder, place in called.items():
        if file.path.is_relative_to(folder):
            return replace(file, shown=f"{place}/{file.path.relative_to(folder)}")
    return file
