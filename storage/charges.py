"""The line items of some snapshots as one ibis table, on which every question of money is written once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from typing import Any

from spend.charge import DIMENSIONS, TAG, TIMES, folded
from spend.errors import NotFound
from storage.lake import Lake
from storage.sources.columns import COSTS, KNOWN, NUMBERS, PERIODS, tag_column
from storage.sources.expressions import MACROS, quoted

#: Columns by which nobody can group: amounts and times, for which there are `day` and `month`.
MEASURES = frozenset({*COSTS, *NUMBERS, *PERIODS})


TYPES = {"VARCHAR": "string", "BIGINT": "int64", "DATE": "date", "TIMESTAMP": "timestamp"}


@dataclass(frozen=True, slots=True)
class Charges:
    """The charges as an ibis table, and the engine that answers for it."""

    table: Any
    connection: Any

    def fetch(self, expression: Any) -> list[dict[str, Any]]:
        """The rows of an expression, with exact Decimals and dates."""
        names = expression.columns
        rows = self.connection.execute(_sql(expression.op())).fetchall()
        return [dict(zip(names, row, strict=True)) for row in rows]


@lru_cache(maxsize=256)
def _sql(asked: Any) -> str:
    """What asks this of the engine. Written once for equal questions: it takes longer than most answers."""
    import ibis

    return str(ibis.to_sql(asked.to_expr(), dialect="duckdb", pretty=False))


@contextmanager
def charges(lake: Lake, snapshots: Sequence[str]) -> Iterator[Charges]:
    """All charges of these snapshots: FOCUS columns, `source`, `snapshot`, `charge_day`, `tag_*`, `x_*`.

    Raises:
        NotFound: the files of a snapshot are gone.
    """
    import ibis

    paths = lake.paths(snapshots)
    with lake.engine() as connection:
        for macro in MACROS:
            connection.execute(macro)
        if paths:
            listed = ", ".join(quoted(str(path)) for path in paths)
            options = "union_by_name = true, hive_partitioning = true, hive_types_autocast = false"
            scan = f"read_parquet([{listed}], {options})"
            connection.execute(f"CREATE TEMP VIEW charges AS SELECT * EXCLUDE (period) FROM {scan}")
        else:
            connection.execute(f"CREATE TEMP TABLE charges ({_empty()})")
        described = connection.execute("DESCRIBE charges").fetchall()
        columns = {row[0]: TYPES.get(row[1], row[1].lower()) for row in described}
        yield Charges(ibis.table(columns, name="charges"), connection)


def _empty() -> str:
    types = dict.fromkeys(KNOWN, "VARCHAR") | dict.fromkeys((*COSTS, *NUMBERS), "DECIMAL(38, 20)")
    types |= dict.fromkeys(PERIODS, "TIMESTAMP") | {"charge_day": "DATE", "import_notes": "VARCHAR"}
    types |= {"source": "VARCHAR", "snapshot": "VARCHAR"}
    return ", ".join(f"{column} {kind}" for column, kind in types.items())


def dimension(table: Any, name: str, promoted: Sequence[str] = ()) -> Any:
    """What a dimension's name stands for: a FOCUS or `x_` column, `day`, `month`, or `tag:KEY`.

    A promoted key matches in any letter case; any other key is taken byte for byte.

    Raises:
        NotFound: there is no such dimension.
    """
    if name == "day":
        return table.charge_day
    if name == "month":
        return table.charge_day.strftime("%Y-%m")
    if name.startswith(TAG):
        return _tag(table, name.removeprefix(TAG), promoted)
    if name in table.columns and (name.startswith("x_") or (name in KNOWN and name not in MEASURES)):
        return table[name]
    known = ", ".join((*TIMES, *DIMENSIONS))
    raise NotFound(f"There is no dimension {name!r}. There are: {known}, tag:KEY and x_ columns.")


def _tag(table: Any, key: str, promoted: Sequence[str]) -> Any:
    if key not in promoted:
        return function("tag_exact", str)(table.tags, key)
    value = function("tag_value", str)(table.tags, folded(key))
    column = tag_column(key)
    return table[column].fill_null(value) if column in table.columns else value


@cache
def function(name: str, returns: type) -> Callable[[Any, str], Any]:
    """One of the engine's text functions (storage/sources/expressions.py) for use in ibis."""
    import ibis

    def declared(text: str, key: str) -> Any: ...

    declared.__name__ = name
    declared.__annotations__ = {"text": str, "key": str, "return": returns}
    found: Callable[[Any, str], Any] = ibis.udf.scalar.builtin(declared)
    return found


def within(table: Any, start: date | None, end: date | None) -> Any:
    """Only charges from `start` on, up to and without `end`, by their day in UTC."""
    import ibis

    if start is not None:
        table = table.filter(table.charge_day >= ibis.literal(start))
    return table if end is None else table.filter(table.charge_day < ibis.literal(end))


def only(table: Any, where: Mapping[str, str], promoted: Sequence[str] = ()) -> Any:
    """Only charges with these values; an empty text asks for charges without the value.

    Raises:
        NotFound: there is no such dimension.
    """
    for name, wanted in where.items():
        value = dimension(table, name, promoted)
        table = table.filter(value.isnull() if wanted == "" else value.cast("string") == wanted)
    return table
