"""Names the place of what is wrong: the true line of a CSV, the row of a Parquet file, and its text."""

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from spend.money import plain
from storage.sources.columns import COSTS, PERIODS, REQUIRED
from storage.sources.expressions import ANY_NUMBER, EMPTY, located
from storage.sources.files import records
from storage.sources.layout import Layout
from storage.sources.problems import MOST, BillRefused, Grade, Problem, refusal

WANTED = {
    "billed_cost": ("money_unreadable", "is not an amount of money that can be kept exactly"),
    "effective_cost": ("money_unreadable", "is not an amount of money that can be kept exactly"),
    "billing_currency": ("currency_unknown", "is not a currency of ISO 4217"),
    "billing_account_id": ("account_missing", "is not a billing account"),
    "billing_period_start": ("period_unreadable", "is not a time that can be read"),
    "charge_period_start": ("period_unreadable", "is not a time that can be read"),
}
SENTENCES = {
    "missing": "is empty on {n} rows",
    "unreadable": "cannot be read on {n} rows and counts as nothing there",
    "unknown": "has a value that FOCUS does not know on {n} rows",
    "case": "is not in capitals on {n} rows",
    "reversed": "ends before it starts on {n} rows",
    "slashed": "is written with slashes on {n} rows, and other days here show that the month is first",
}
UNSURE = "it cannot be told whether the month or the day is first here; write days as 2026-05-03"
#: What the engine says, in part, and what it means.
MEANINGS = {
    "No space left|File too large": (
        "disk_full",
        "there is no space left on the disk to read it; free some and import again",
    ),
    "Out of Memory": ("too_large", "a part of it unpacks to more memory than an import may take"),
}
APART = "its rows cannot be told apart: its lines end in different ways, or a quote is out of place"
#: Texts that the database keeps, and PostgreSQL none with a NUL.
TOLD = ("sub_account_id", "service_name", "charge_category", "charge_class", "resource_id", "invoice_id")


def diagnose(layout: Layout, said: str) -> BillRefused:
    """Say in words, with the line, why the engine could not read a file."""
    file = layout.file
    for words, meaning in MEANINGS.items():
        if re.search(words, said):
            return refusal(file.shown, *meaning)
    if file.parquet:
        return refusal(file.shown, "parquet", f"the Parquet data is broken: {said.splitlines()[0]}")
    try:
        ragged = list(islice(_ragged(layout), MOST))
    except BillRefused as refused:
        return refused
    if not ragged:
        found = re.search(r"Line: (\d+)", said)
        line = int(found.group(1)) if found else None
        return refusal(file.shown, "csv", APART, line=line)
    return BillRefused(ragged, rejected=len(ragged))


def _ragged(layout: Layout) -> Iterator[Problem]:
    for line, cells in records(layout.file, layout.delimiter):
        if len(cells) != len(layout.cells):
            message = f"this row has {len(cells)} fields and the header {len(layout.cells)}"
            yield Problem(layout.file.shown, line, None, "ragged", message, Grade.BLOCK)


def refuse_blocked(connection: Any, layout: Layout, staged: Path, *, rows: int) -> None:
    """Refuse the file if money, currency, account or period is missing or unreadable on any row.

    Raises:
        BillRefused: with the first fifty places, and how many rows there are in all.
    """
    bad = " OR ".join(f"{column} IS NULL" for column in REQUIRED)
    scan = f"read_parquet({located(staged)}, file_row_number = true)"
    rejected = int(connection.execute(f"SELECT count(*) FROM {scan} WHERE {bad}").fetchone()[0])
    if not rejected:
        return
    ordinal = _ordinal(layout)
    flags = ", ".join(f"{column} IS NULL" for column in REQUIRED)
    found = connection.execute(
        f"SELECT {ordinal}, {flags} FROM {scan} WHERE {bad} ORDER BY 1 LIMIT {MOST}"
    ).fetchall()
    at: dict[int, dict[str, None]] = {}
    for row in found:  # of the rows that one row stands for, each may lack something
        at.setdefault(row[0], {}).update(
            {column: None for column, null in zip(REQUIRED, row[1:], strict=True) if null}
        )
    problems = [
        _blocked(layout, line, column, cells)
        for number, line, cells in _rows(connection, layout, at)
        for column in at[number]
    ]
    raise BillRefused(problems[:MOST], rows=rows, rejected=rejected)


def refuse_nul(connection: Any, layout: Layout, staged: Path) -> None:
    """Refuse a text that no database keeps; of a CSV it was looked for before.

    Raises:
        BillRefused: a column that is told has a NUL in it.
    """
    there = ", ".join(f"bool_or(contains({column}, chr(0)))" for column in TOLD)
    found = connection.execute(f"SELECT {there} FROM read_parquet({located(staged)})").fetchone()
    for column in (column for column, nul in zip(TOLD, found, strict=True) if nul):
        reason = "there is a NUL in this text, and no bill has one: the file is damaged"
        raise refusal(layout.file.shown, "nul", reason, column=layout.title(column))


def _ordinal(layout: Layout) -> str:
    """The number, from zero, of the file's row that a staged row comes from."""
    return "import_row" if layout.ordinal else "file_row_number"


def _blocked(layout: Layout, line: int, column: str, cells: Sequence[str | None]) -> Problem:
    code, reason = WANTED[column]
    at = _blamed(layout, column, cells)
    text = None if at is None else cells[at]
    if text is None or not text.strip() or text in EMPTY:
        code, message = code.split("_")[0] + "_missing", "the field is empty, and it must not be"
    else:
        shown = text if len(text) <= 60 else text[:60] + "…"  # noqa: PLR2004 - a glimpse is enough
        message = f"“{shown}” {reason}"
    title = layout.title(column) if at is None else layout.cells[at]
    return Problem(layout.file.shown, line, title, code, message, Grade.BLOCK)


def _blamed(layout: Layout, column: str, cells: Sequence[str | None]) -> int | None:
    """Of the cells that a column is made of, the one at fault; the main one first."""
    places = layout.columns[column].at
    if column not in COSTS:
        return next(iter(places), None)
    texts = {at: (cells[at] or "").strip() for at in places}
    empty = [at for at in places if texts[at] in EMPTY]
    wrong = [at for at in places if at not in empty and not re.fullmatch(ANY_NUMBER, texts[at])]
    main = [at for at in places[:1] if at in empty or at in wrong]
    return next(iter((*main, *wrong, *empty, *places)), None)


def _rows(
    connection: Any, layout: Layout, ordinals: Iterable[int]
) -> Iterator[tuple[int, int, Sequence[str | None]]]:
    """The place and the cells of some rows, by their number from zero."""
    wanted = sorted(ordinals)
    if layout.file.parquet:
        scan = layout.scan
        numbers = ", ".join(str(ordinal) for ordinal in wanted)
        for row in connection.execute(
            f"SELECT file_row_number, {', '.join(layout.texts)} FROM {scan} "
            f"WHERE file_row_number IN ({numbers}) ORDER BY 1"
        ).fetchall():
            yield row[0], row[0] + 1, row[1:]
        return
    left = set(wanted)
    for ordinal, (line, row) in enumerate(records(layout.file, layout.delimiter)):
        if ordinal in left:
            yield ordinal, ordinal + 1 if layout.file.by_row else line, row
            left.remove(ordinal)
        if not left:
            return


def warnings(connection: Any, layout: Layout, staged: Path, *, rows: int, lines: int) -> list[Problem]:
    """One problem for each kind of warning, with the first line that has it and how many do."""
    scan = f"read_parquet({located(staged)}, file_row_number = true)"
    found = connection.execute(
        f"SELECT code, count(*), min(n) FROM (SELECT unnest(string_split(import_notes, ',')) AS code, "
        f"{_ordinal(layout)} AS n FROM {scan} WHERE import_notes IS NOT NULL) GROUP BY code ORDER BY code"
    ).fetchall()
    problems = []
    for code, count, first in found:
        column, _, kind = code.rpartition("_")
        column = {"charge_period": "charge_period_end"}.get(column, column)
        if kind == "rounded":
            message = _rounded(connection, scan, column, count)
        else:
            message = SENTENCES[kind].format(n=count) + _counts_as_zero(column, kind)
        line = _line(layout, first, rows, lines)
        if kind == "slashed" and not _month_first(connection, scan):
            raise refusal(layout.file.shown, "days_unsure", UNSURE, line=line, column=layout.title(column))
        problems.append(Problem(layout.file.shown, line, layout.title(column), code, message, Grade.WARN))
    if layout.ignored:
        message = f"columns that are neither FOCUS nor x_ were left out: {', '.join(layout.ignored)}"
        problems.append(Problem(layout.file.shown, 1, None, "columns_ignored", message, Grade.NOTE))
    return problems


def _month_first(connection: Any, scan: str) -> bool:
    """Whether the days that are written with slashes, and were read with the month first, show that it is.

    They do if one is after the 12th, or a billing period begins on the first of another month than January:
    read the other way round, it would begin in the midst of January.
    """
    shown = " OR ".join(
        f"(contains(import_notes, '{period}_slashed') AND (day({period}) > 12"
        + (f" OR day({period}) = 1 AND month({period}) > 1))" if period.startswith("billing") else "))")
        for period in PERIODS
    )
    asked = f"SELECT bool_or({shown}) FROM {scan} WHERE import_notes IS NOT NULL"
    return bool(connection.execute(asked).fetchone()[0])


def _counts_as_zero(column: str, kind: str) -> str:
    return " and counts as 0 there" if column in COSTS and kind == "missing" else ""


def _rounded(connection: Any, scan: str, cost: str, count: int) -> str:
    remainder = connection.execute(f"SELECT sum({cost}_remainder) FROM {scan}").fetchone()[0] or Decimal(0)
    return f"has more than 20 decimals on {count} rows; rounding them half-even left out {plain(remainder)}"


def _line(layout: Layout, ordinal: int, rows: int, lines: int) -> int | None:
    """The line of a row. Without line breaks inside fields it follows from the row's number."""
    if layout.file.parquet or layout.file.by_row:
        return ordinal + 1
    if lines == rows + 1 and not layout.ordinal:
        return ordinal + 2
    return next(islice(records(layout.file, layout.delimiter), ordinal, None), (None,))[0]
