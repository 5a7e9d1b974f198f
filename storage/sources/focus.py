"""Reads bills (CSV, CSV.gz, Parquet) of any dialect into one exact Parquet file of FOCUS columns each."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from storage.sources import places
from storage.sources.allocations import unfold
from storage.sources.dialects.dialect import Dialect
from storage.sources.expressions import MACROS, quoted
from storage.sources.files import BillFile, Progress, count_lines
from storage.sources.layout import ROW, Layout, NotABill, layout_of
from storage.sources.problems import Grade, Problem, refusal
from storage.sources.projection import projection, tag_table, tag_texts

#: How often the bar moves while the engine works, in seconds.
BEAT = 0.2
#: Small row groups keep the memory of a wide, all-text write within its bound.
ROW_GROUP = 40_000
#: How many different texts of tags are kept at hand, and how many bytes each may have.
MOST_TAGS, LONGEST_TAGS = 50_000, 4096
#: Bytes of a file that is worth more memory, and how much of it.
LARGE, ROOM = 8 << 20, "420MB"


@dataclass(frozen=True, slots=True)
class Reading:
    """One file, read: the staged Parquet with its rows in order, and what is worth knowing about it."""

    layout: Layout
    staged: Path
    rows: int
    problems: list[Problem]


class _Bar:
    """Adds up bytes over the files; each file counts half for proving it whole, half for reading it."""

    def __init__(self, files: Sequence[BillFile], progress: Progress) -> None:
        self.total = sum(file.path.stat().st_size for file in files)
        self.progress, self.base = progress, 0

    def show(self, part: float, message: str) -> None:
        self.progress(min(int(self.base + part), self.total), self.total, message)


def read(
    connection: Any,
    files: Sequence[BillFile],
    staging: Path,
    *,
    dialect: Dialect | None,
    currency: str | None,
    promoted: Sequence[str],
    progress: Progress,
) -> tuple[list[Reading], list[Problem]]:
    """Read every file of a bill into `staging`; say what was skipped.

    Args:
        connection: a DuckDB connection of `storage.lake.Lake.engine`.
        dialect: the one that all files are written in; recognised when None.
        currency: that of a bill that names none.
        promoted: tag keys that get a `tag_*` column, matched whatever their case.

    Raises:
        BillRefused: a file is broken, or money, currency, period or account cannot be read on some row.
    """
    for macro in MACROS:
        connection.execute(macro)
    tables, same = unfold(files, staging)
    layouts, skipped = _layouts(connection, tables, dialect, currency)
    bar = _Bar([layout.file for layout in layouts], progress)
    readings: list[Reading] = []
    for number, layout in enumerate(layouts):
        target = staging / f"file-{number}.parquet"
        readings.append(_read_one(connection, layout, target, promoted=promoted, bar=bar))
        bar.base += layout.file.path.stat().st_size
    bar.show(0, "read")
    return readings, same + skipped


def _layouts(
    connection: Any, files: Sequence[BillFile], dialect: Dialect | None, currency: str | None
) -> tuple[list[Layout], list[Problem]]:
    """The files that are bills, all in one dialect, and what the others are."""
    found = [layout_of(connection, file, dialect, currency) for file in files]
    layouts = [one for one in found if isinstance(one, Layout)]
    others = [one for one in found if isinstance(one, NotABill)]
    if not layouts:
        one = others[0]
        reason = (
            f"this file has {one.holds}: not a bill"
            if len(files) == 1
            else "none of the files here is a bill"
        )
        raise refusal(one.file.shown, "not_a_bill", reason, line=1)
    for layout in layouts:
        if layout.dialect is not layouts[0].dialect:
            first = layouts[0].file.shown, layouts[0].dialect.holds
            reason = f"this file has {layout.dialect.holds} and {' '.join(first)}; import them one by one"
            raise refusal(layout.file.shown, "mixed", reason, line=1)
    layouts, told = layouts[0].dialect.together(connection, layouts)
    skipped = told + [
        Problem(one.file.shown, None, None, "skipped", f"skipped: {one.holds}", Grade.NOTE) for one in others
    ]
    return layouts, skipped


def _read_one(
    connection: Any, layout: Layout, target: Path, *, promoted: Sequence[str], bar: _Bar
) -> Reading:
    import duckdb

    file, size = layout.file, layout.file.path.stat().st_size
    lines = 0
    if not file.parquet:
        lines = count_lines(file, lambda done: bar.show(done / 2, f"checking {file.path.name}"))
    half = 0.0 if file.parquet else 0.5
    try:
        looked_up = layout.ordinal == ROW and _look_up_tags(connection, layout, promoted)
        statement = (
            f"COPY ({projection(layout, promoted, looked_up=looked_up)}) TO {quoted(str(target))} "
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
        )
        with _room(connection, layout) if size > LARGE else nullcontext():
            _run(
                connection,
                statement,
                lambda part: bar.show(size * (half + part * (1 - half)), f"reading {file.path.name}"),
            )
    except duckdb.Error as error:
        raise places.diagnose(layout, str(error)) from error
    rows = int(connection.execute(f"SELECT count(*) FROM read_parquet({quoted(str(target))})").fetchone()[0])
    if rows == 0:
        raise refusal(file.shown, "empty", "the file has a header and no rows", line=1)
    places.refuse_blocked(connection, layout, target, rows=rows)
    if file.parquet:
        places.refuse_nul(connection, layout, target)
    problems = places.warnings(connection, layout, target, rows=rows, lines=lines)
    return Reading(layout, target, rows, problems)


def _look_up_tags(connection: Any, layout: Layout, promoted: Sequence[str]) -> bool:
    """Read the tags of a file once for each different text, where few and short: most charges repeat them.

    Not of a CSV: it would be read twice, and a join does not keep its rows in order.
    """
    texts, longest = connection.execute(tag_texts(layout)).fetchone()
    if texts > MOST_TAGS or longest > LONGEST_TAGS:
        return False
    connection.execute(tag_table(layout, promoted))
    return True


@contextmanager
def _room(connection: Any, layout: Layout) -> Iterator[None]:
    """The memory that wide row groups need: with less the engine wears itself out. Parquet has two threads.

    Of a CSV only the order tells the number of a row, and one thread keeps it.
    """
    names = ("threads", "memory_limit")
    before = connection.execute(
        f"SELECT {', '.join(f'current_setting({quoted(n)})' for n in names)}"
    ).fetchone()
    _set(connection, names, (2 if layout.ordinal == ROW else before[0], ROOM))
    try:
        yield
    finally:
        _set(connection, names, before)


def _set(connection: Any, names: Sequence[str], values: Sequence[object]) -> None:
    for name, value in zip(names, values, strict=True):
        connection.execute(f"SET {name} = {quoted(str(value))}")


def _run(connection: Any, statement: str, beat: Any) -> None:
    """Execute in a thread, so that the bar moves; what it raises is raised here."""
    cursor = connection.cursor()
    raised: list[Exception] = []

    def work() -> None:
        import duckdb

        try:
            cursor.execute(statement)
        except duckdb.Error as error:
            raised.append(error)

    thread = Thread(target=work, name="bill-reader")
    thread.start()
    while thread.is_alive():
        thread.join(BEAT)
        beat(max(cursor.query_progress(), 0) / 100)
    cursor.close()
    if raised:
        raise raised[0]
