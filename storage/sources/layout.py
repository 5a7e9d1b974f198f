"""How one file is laid out: which FOCUS column stands where, and the SQL that yields it as text."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from storage.sources.columns import KNOWN, MARKS, OTHER_DATASETS, REQUIRED, recognise, version_of
from storage.sources.expressions import name, quoted
from storage.sources.files import BillFile, header, in_words
from storage.sources.problems import BillRefused, Grade, Problem, refusal

#: Bytes of a CSV's line; the engine's buffers grow with it.
LONGEST_LINE = 1 << 21


@dataclass(frozen=True, slots=True)
class Layout:
    """A cost-and-usage file: its version, its columns as text expressions, and how to scan it."""

    file: BillFile
    version: str
    columns: dict[str, str]
    titles: dict[str, str]
    positions: dict[str, int]
    ignored: tuple[str, ...]
    scan: str
    delimiter: str
    width: int


@dataclass(frozen=True, slots=True)
class NotCostAndUsage:
    """A file that holds something else, and what."""

    file: BillFile
    holds: str


def title(column: str) -> str:
    """The FOCUS spelling of a column: `billed_cost` is `BilledCost`."""
    return "".join(part.capitalize() for part in column.split("_"))


def layout_of(connection: Any, file: BillFile) -> Layout | NotCostAndUsage:
    """Read a file's header and place its columns.

    Raises:
        BillRefused: the header has two columns of one name, or lacks money, currency, account or period.
    """
    cells, texts, scan, delimiter = _parquet(connection, file) if file.parquet else _csv(file)
    names = [recognise(cell) for cell in cells]
    if (other := _other(file, set(names))) is not None:
        return other
    _check(file, names, cells)
    kept = {column: at for at, column in enumerate(names) if column in KNOWN or column.startswith("x_")}
    return Layout(
        file=file,
        version=version_of(names),
        columns={column: texts[at] for column, at in kept.items()},
        titles={column: cells[at].strip() for column, at in kept.items()},
        positions=kept,
        ignored=tuple(cells[at].strip() for at, column in enumerate(names) if column not in kept),
        scan=scan,
        delimiter=delimiter,
        width=len(cells),
    )


def _csv(file: BillFile) -> tuple[list[str], list[str], str, str]:
    cells, delimiter = header(file)
    types = ", ".join(f"'c{at}': 'VARCHAR'" for at in range(len(cells)))
    scan = (
        f"read_csv({quoted(str(file.path))}, auto_detect = false, header = true, columns = {{{types}}}, "
        f"delim = {quoted(delimiter)}, quote = '\"', escape = '\"', "
        f"max_line_size = {LONGEST_LINE}, buffer_size = {4 * LONGEST_LINE}, "
        f"compression = '{'gzip' if file.zipped else 'none'}')"
    )
    return cells, [f"c{at}" for at in range(len(cells))], scan, delimiter


def _parquet(connection: Any, file: BillFile) -> tuple[list[str], list[str], str, str]:
    import duckdb

    scan = f"read_parquet({quoted(str(file.path))})"
    try:
        with in_words(file):
            file.path.open("rb").close()
        described = connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()
    except duckdb.Error as error:
        reason = f"this is not a whole Parquet file: {str(error).splitlines()[0]}"
        raise refusal(file.shown, "parquet", reason) from error
    return [row[0] for row in described], [_as_text(row[0], row[1]) for row in described], scan, ","


def _as_text(column: str, kind: str) -> str:
    """A Parquet column as the text a CSV would hold; a float as its shortest exact spelling."""
    if kind == "VARCHAR":
        return name(column)
    if kind.startswith(("MAP", "STRUCT")) or kind.endswith("]"):
        return f"CAST(to_json({name(column)}) AS VARCHAR)"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"CAST({name(column)} AT TIME ZONE 'UTC' AS VARCHAR)"
    return f"CAST({name(column)} AS VARCHAR)"


def _other(file: BillFile, names: set[str]) -> NotCostAndUsage | None:
    for holds, marks in OTHER_DATASETS.items():
        if names & marks and not names & MARKS:
            return NotCostAndUsage(file, f"a FOCUS {holds} dataset")
    if not names & MARKS:
        return NotCostAndUsage(file, "no FOCUS columns")
    return None


def _check(file: BillFile, names: list[str], cells: list[str]) -> None:
    blocking = [
        Problem(
            file.shown,
            1,
            cells[names.index(column)],
            "column_twice",
            "this column is there twice",
            Grade.BLOCK,
        )
        for column, times in Counter(names).items()
        if times > 1
    ] + [
        Problem(
            file.shown,
            1,
            title(column),
            "column_missing",
            "the file has no such column, and a bill cannot be read safely without it",
            Grade.BLOCK,
        )
        for column in REQUIRED
        if column not in names
    ]
    if blocking:
        raise BillRefused(blocking)
