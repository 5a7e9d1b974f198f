"""How one file is laid out: its dialect, where each FOCUS column stands, and the SQL for its text."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from storage.sources.dialects import DIALECTS
from storage.sources.dialects.dialect import Cell, Dialect, Header, Placed
from storage.sources.dialects.focus import title
from storage.sources.expressions import name, quoted
from storage.sources.files import BillFile, header, in_words
from storage.sources.problems import BillRefused, Grade, Problem, refusal

#: Bytes of a CSV's line; the engine's buffers grow with it.
LONGEST_LINE = 1 << 21
LACKING = "the file has no such column, and a bill cannot be read safely without it"
NAME_IT = "; if the bill is in one currency, --currency CODE names it"


@dataclass(frozen=True, slots=True)
class Layout:
    """A bill's file: its dialect, its columns as text expressions, and how to scan it."""

    file: BillFile
    dialect: Dialect
    cells: Sequence[str]
    texts: Sequence[str]
    columns: dict[str, Cell]
    ignored: tuple[str, ...]
    scan: str
    relation: str
    many: bool
    delimiter: str

    def title(self, column: str) -> str:
        """How the file calls a column that is one of its cells; the others are called as in FOCUS."""
        places = self.columns[column].at if column in self.columns else ()
        return self.cells[places[0]] if len(places) == 1 else title(column)


@dataclass(frozen=True, slots=True)
class NotABill:
    """A file that holds something else, and what."""

    file: BillFile
    holds: str


def layout_of(
    connection: Any, file: BillFile, dialect: Dialect | None = None, currency: str | None = None
) -> Layout | NotABill:
    """Read a file's header, recognise its dialect unless it is given, and place its columns.

    A bill that names no currency is in `currency`.

    Raises:
        BillRefused: the header has two columns of one name, or lacks money, currency, account or period.
    """
    cells, texts, scan, delimiter = _parquet(connection, file) if file.parquet else _csv(file)
    found = Header(cells, texts)
    known = dialect or next((one for one in DIALECTS.values() if one.recognises(found)), None)
    if known is None or not known.recognises(found):
        other = next((holds for one in DIALECTS.values() if (holds := one.other(found))), None)
        if known is None or other is not None:
            return NotABill(file, other or "no columns of a bill that is known here")
    placed = known.place(found)
    if currency is not None and "billing_currency" not in placed.columns:
        placed = replace(placed, columns={**placed.columns, "billing_currency": Cell(quoted(currency))})
    _check(file, known, found, placed)
    return Layout(
        file=file,
        dialect=known,
        cells=found.cells,
        texts=found.texts,
        columns=dict(placed.columns),
        ignored=tuple(found.cells[at] for at in placed.ignored),
        scan=scan,
        relation=(placed.relation or "{scan}").replace("{scan}", scan),
        many=placed.many,
        delimiter=delimiter,
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


def _check(file: BillFile, dialect: Dialect, found: Header, placed: Placed) -> None:
    twice = [(1, found.cells[at], "column_twice", "this column is there twice") for at in placed.twice]
    missing = [
        (1, shown, "column_missing", LACKING + (NAME_IT if column == "billing_currency" else ""))
        for column, shown in dialect.needs.items()
        if column not in placed.columns
    ]
    if blocking := [Problem(file.shown, *what, Grade.BLOCK) for what in (*twice, *missing)]:
        raise BillRefused(blocking)
