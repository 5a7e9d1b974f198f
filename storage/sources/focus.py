"""Reads bills (CSV, CSV.gz, Parquet) of any dialect into one exact Parquet file of FOCUS columns each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from spend.charge import folded
from storage.sources import columns, places
from storage.sources.allocations import unfold
from storage.sources.currencies import CODES
from storage.sources.dialects.dialect import NOTHING, Dialect
from storage.sources.expressions import MACROS, money_layers, name, quoted
from storage.sources.files import BillFile, Progress, count_lines
from storage.sources.layout import Layout, NotABill, layout_of
from storage.sources.problems import Grade, Problem, refusal

#: How often the bar moves while the engine works, in seconds.
BEAT = 0.2
#: Small row groups keep the memory of a wide, all-text write within its bound.
ROW_GROUP = 40_000


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
    statement = (
        f"COPY ({projection(layout, promoted)}) TO {quoted(str(target))} "
        f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
    )
    try:
        _run(
            connection,
            statement,
            lambda part: bar.show(size * (half + part * (1 - half)), f"reading {file.path.name}"),
        )
    except (duckdb.InvalidInputException, duckdb.IOException, duckdb.SerializationException) as error:
        raise places.diagnose(layout, str(error)) from error
    rows = int(connection.execute(f"SELECT count(*) FROM read_parquet({quoted(str(target))})").fetchone()[0])
    if rows == 0:
        raise refusal(file.shown, "empty", "the file has a header and no rows", line=1)
    places.refuse_blocked(connection, layout, target, rows=rows)
    problems = places.warnings(connection, layout, target, rows=rows, lines=lines)
    return Reading(layout, target, rows, problems)


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


def projection(layout: Layout, promoted: Sequence[str]) -> str:
    """The SELECT that turns a scan of text into the lake's columns, in the order of the file."""
    trimmed = {*columns.COSTS, *columns.PERIODS, *columns.NUMBERS, "billing_account_id", "billing_currency"}
    texts = []
    for column in columns.KNOWN:
        text = f"filled({layout.columns[column].sql if column in layout.columns else NOTHING})"
        texts.append(f"{f'nullif(trim({text}), {chr(39) * 2})' if column in trimmed else text} AS t_{column}")
    extra = [column for column in layout.columns if column not in columns.KNOWN]
    texts += [f"filled({layout.columns[column].sql}) AS {name(column)}" for column in extra]
    origin = ["import_row"] if layout.many else []
    select = f"SELECT {', '.join([*texts, *origin])} FROM {layout.relation}"
    tags = {columns.tag_column(key): f"tag_value(braced(t_tags), {quoted(folded(key))})" for key in promoted}
    for layer in _layers(tags):
        steps = ", ".join(f"{expression} AS {name(column)}" for column, expression in layer.items())
        select = f"SELECT *, {steps} FROM ({select})"
    remainders = [f"{cost}_remainder" for cost in columns.COSTS]
    kept = [name(column) for column in (*columns.KNOWN, *extra, *tags, *remainders, *origin)]
    return f"SELECT {', '.join(kept)}, charge_day, {_notes()} AS import_notes FROM ({select})"


def _layers(tags: dict[str, str]) -> list[dict[str, str]]:
    """Columns computed step by step, each step from those before it."""
    steps = [money_layers(cost) for cost in columns.COSTS]
    layers = [
        {key: value for step in level for key, value in step.items()} for level in zip(*steps, strict=True)
    ]
    for cost in columns.COSTS[2:]:
        layers[-1][f"r_{cost}"] = layers[-1].pop(cost)
    return [
        {period: f"instant(t_{period})" for period in columns.PERIODS}
        | {number: f"number(t_{number})" for number in columns.NUMBERS}
        | _texts()
        | tags,
        *layers,
        {cost: f"coalesce(r_{cost}, 0)" for cost in columns.COSTS[2:]}
        | {"charge_day": "CAST(charge_period_start AS DATE)"},
    ]


def _texts() -> dict[str, str]:
    codes = ", ".join(quoted(code) for code in sorted(CODES))
    values = {column: f"t_{column}" for column in columns.TEXTS}
    values["billing_currency"] = (
        f"CASE WHEN upper(t_billing_currency) IN ({codes}) THEN upper(t_billing_currency) END"
    )
    values["tags"] = "braced(t_tags)"
    return values


def _notes() -> str:
    """The codes of all warnings of a row, joined by commas; null where all is well."""
    tests: dict[str, str] = {}
    for cost in columns.COSTS[2:]:
        tests[f"{cost}_missing"] = f"t_{cost} IS NULL"
        tests[f"{cost}_unreadable"] = f"t_{cost} IS NOT NULL AND r_{cost} IS NULL"
    for cost in columns.COSTS:
        tests[f"{cost}_rounded"] = f"{cost}_remainder IS NOT NULL"
    for number in columns.NUMBERS:
        tests[f"{number}_unreadable"] = f"t_{number} IS NOT NULL AND {number} IS NULL"
    for end in ("billing_period_end", "charge_period_end"):
        tests[f"{end}_missing"] = f"t_{end} IS NULL"
        tests[f"{end}_unreadable"] = f"t_{end} IS NOT NULL AND {end} IS NULL"
    tests["charge_period_reversed"] = "charge_period_end < charge_period_start"
    for column, allowed in (
        ("charge_category", columns.CATEGORIES),
        ("charge_frequency", columns.FREQUENCIES),
        ("charge_class", ("Correction",)),
    ):
        known = ", ".join(quoted(value) for value in allowed)
        tests[f"{column}_unknown"] = f"t_{column} NOT IN ({known})"
    tests["charge_category_missing"] = "t_charge_category IS NULL"
    tests["service_name_missing"] = "t_service_name IS NULL"
    tests["tags_unreadable"] = "tags IS NOT NULL AND object_or_null(tags) IS NULL"
    tests["billing_currency_case"] = "t_billing_currency <> billing_currency"
    cases = ", ".join(f"CASE WHEN {test} THEN '{code}' END" for code, test in tests.items())
    return f"nullif(concat_ws(',', {cases}), '')"
