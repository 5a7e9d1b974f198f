"""How one file is laid out: its dialect, where each FOCUS column stands, and the SQL for its text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from storage.sources.columns import COSTS, NUMBERS, PERIODS
from storage.sources.dialects import DIALECTS
from storage.sources.dialects.dialect import Cell, Dialect, Header, Placed
from storage.sources.dialects.focus import title
from storage.sources.expressions import located, name, quoted
from storage.sources.files import LONGEST_LINE, BillFile, header, in_words
from storage.sources.problems import BillRefused, Grade, Problem, refusal

#: Columns that are read; each takes memory and time of its own, and no bill has nearly as many.
MOST_COLUMNS = 1000
#: Digits of the widest decimal that the engine reads exactly.
WIDEST = 38
#: What the engine calls the number of a row of a Parquet file; whole numbers that fit an amount.
ROW, WHOLE = (
    "file_row_number",
    frozenset({"TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER"}),
)
LACKING = "the file has no such column, and a bill cannot be read safely without it"
NAME_IT = "; if the bill is in one currency, --currency CODE names it"


@dataclass(frozen=True, slots=True)
class Layout:
    """A bill's file: its dialect, its columns as text expressions, and how to scan it.

    Attributes:
        typed: columns that the file keeps as numbers or times already: their SQL.
        ordinal: what tells the number of a row in the file, from zero; None where rows keep their order.
    """

    file: BillFile
    dialect: Dialect
    cells: Sequence[str]
    texts: Sequence[str]
    columns: dict[str, Cell]
    ignored: tuple[str, ...]
    scan: str
    relation: str
    typed: dict[str, str]
    ordinal: str | None
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
    cells, texts, scan, delimiter, kinds = _parquet(connection, file) if file.parquet else _csv(file)
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
        typed=_typed(placed, found.texts, kinds),
        ordinal="import_row" if placed.many else ROW if file.parquet else None,
        delimiter=delimiter,
    )


def recognised(connection: Any, file: BillFile) -> Dialect | None:
    """The dialect that a file's header shows, whatever else is wrong with it."""
    try:
        cells, texts, *_ = _parquet(connection, file) if file.parquet else _csv(file)
    except BillRefused:
        return None
    found = Header(cells, texts)
    return next((one for one in DIALECTS.values() if one.recognises(found)), None)


def _csv(file: BillFile) -> tuple[list[str], list[str], str, str, list[str]]:
    cells, delimiter = header(file)
    names = [f"c{at}" for at in range(len(cells))]
    types = ", ".join(f"'{one}': 'VARCHAR'" for one in (*names, "beyond"))
    scan = (
        f"read_csv({located(file.path)}, auto_detect = false, header = true, columns = {{{types}}}, "
        f"delim = {quoted(delimiter)}, quote = '\"', escape = '\"', "
        "nullstr = chr(1) || chr(1), null_padding = true, parallel = false, "
        f"max_line_size = {LONGEST_LINE}, buffer_size = {4 * LONGEST_LINE}, "
        f"compression = '{'gzip' if file.zipped else 'none'}')"
    )
    # The engine drops a field too many where it is empty or not asked for, and the rest may be shifted then:
    # so there is a column more, and what a row lacks is null, as nothing else is.
    ragged = f"beyond IS NOT NULL OR {names[-1]} IS NULL"
    scan = (
        f"(SELECT * EXCLUDE (beyond) FROM {scan} WHERE row({', '.join(names)}) IS NOT NULL "
        f"AND CASE WHEN {ragged} THEN error('ragged') ELSE true END)"
    )
    return cells, names, scan, delimiter, ["VARCHAR"] * len(cells)


def _parquet(connection: Any, file: BillFile) -> tuple[list[str], list[str], str, str, list[str]]:
    import duckdb

    scan = f"read_parquet({located(file.path)}, file_row_number = true, hive_partitioning = false)"
    try:
        with in_words(file):
            file.path.open("rb").close()
        described = connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()
        cells = _names(connection, file)
    except duckdb.Error as error:
        reason = f"this is not a whole Parquet file: {str(error).splitlines()[0]}"
        raise refusal(file.shown, "parquet", reason) from error
    columns = [row[:2] for row in described if row[0] != ROW]
    texts = [_as_text(*column) for column in columns]
    return cells, texts, scan, ",", [kind for _, kind in columns]


def _names(connection: Any, file: BillFile) -> list[str]:
    """What the columns are called in the file: the engine gives the second of two equal names another.

    Raises:
        BillRefused: a column has more digits than the engine reads exactly.
    """
    asked = f"SELECT name, coalesce(num_children, 0), precision FROM parquet_schema({located(file.path)})"
    names, inside = [], 0
    for column, parts, digits in connection.execute(asked).fetchall()[1:]:
        if digits is not None and digits > WIDEST:
            reason = f"decimals of {digits} digits cannot be read exactly; write at most {WIDEST}"
            raise refusal(file.shown, "too_wide", reason, column=column)
        if not inside:
            names.append(column)
        inside += parts - (inside > 0)
    return names


def _typed(placed: Placed, texts: Sequence[str], kinds: Sequence[str]) -> dict[str, str]:
    """The columns that are one cell which is a number or a time already."""
    found = {}
    for column, cell in placed.columns.items():
        if len(cell.at) == 1 and cell.sql == texts[cell.at[0]]:
            kind, plain = kinds[cell.at[0]], re.sub(r"^CAST\((.*) AS VARCHAR\)$", r"\1", cell.sql)
            numeric = column in (*COSTS, *NUMBERS) and (kind in WHOLE or _fine(kind))
            if numeric or (column in PERIODS and kind.startswith(("TIMESTAMP", "DATE"))):
                found[column] = plain
    return found


def _fine(kind: str) -> bool:
    """Whether a type is decimal with no more places than an amount has."""
    found = re.fullmatch(r"DECIMAL\(\d+,(\d+)\)", kind)
    return found is not None and int(found[1]) <= 20  # noqa: PLR2004 - DECIMAL(38, 20)


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
    if len(placed.columns) > MOST_COLUMNS:
        reason = f"the file has {len(placed.columns)} columns to read, and {MOST_COLUMNS} at most are read"
        raise refusal(file.shown, "columns_many", reason, line=1)
    if blocking := [Problem(file.shown, *what, Grade.BLOCK) for what in (*twice, *missing)]:
        raise BillRefused(blocking)
