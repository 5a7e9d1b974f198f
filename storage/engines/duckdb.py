"""The embedded engine: DuckDB over the Parquet files of the lake, in this process."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from spend.errors import Refused
from storage.engines.engine import BEYOND, DUCKDB, Charges, Reader
from storage.sources.columns import COSTS, KNOWN, NUMBERS, PERIODS, PROMOTED
from storage.sources.expressions import MACROS, name, quoted

if TYPE_CHECKING:
    from storage.lake import Lake

TYPES = {"VARCHAR": "string", "BIGINT": "int64", "DATE": "date", "TIMESTAMP": "timestamp"}


def engine(_address: str) -> "Embedded":
    """The engine that needs no address."""
    return Embedded()


class Embedded(Reader):
    """DuckDB. The only one that reads raw tags, and that can be asked about no snapshot at all."""

    @contextmanager
    def open(self, lake: "Lake", snapshots: Sequence[str]) -> Iterator[Charges]:
        """A view on the files."""
        import duckdb
        import ibis

        paths = lake.paths(snapshots)
        with lake.engine() as connection:
            for macro in MACROS:
                connection.execute(macro)
            if paths:
                names = [str(path) for path in paths]
                columns = f"* EXCLUDE (period) {_completed(connection, names)}"
                connection.execute(f"CREATE TEMP VIEW charges AS SELECT {columns} FROM {scanned(names)}")
            else:
                connection.execute(f"CREATE TEMP TABLE charges ({_empty()})")
            described = connection.execute("DESCRIBE charges").fetchall()
            kinds = {row[0]: TYPES.get(row[1], row[1].lower()) for row in described}

            def run(sql: str) -> list[tuple[Any, ...]]:
                try:
                    rows: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
                except duckdb.OutOfRangeException as error:
                    raise Refused(BEYOND) from error
                return rows

            yield Charges(ibis.table(kinds, name="charges"), DUCKDB, run)


def _completed(connection: Any, paths: Sequence[str]) -> str:
    """What gives the columns of promoted tags their values in files that were read before the promotion.

    Where all files have a column nothing is done: looking into the tags takes longer than all else.
    """
    rows = connection.execute(
        f"SELECT name FROM parquet_schema([{', '.join(map(quoted, paths))}]) "
        f"WHERE starts_with(name, {quoted(PROMOTED)}) "
        f"GROUP BY name HAVING count(DISTINCT file_name) < {len(paths)} ORDER BY name"
    ).fetchall()
    keys = {name(column): quoted(column.removeprefix(PROMOTED)) for (column,) in rows}
    found = (f"coalesce({column}, tag_value(tags, {key})) AS {column}" for column, key in keys.items())
    return f"REPLACE ({', '.join(found)})" if rows else ""


def scanned(paths: Sequence[str]) -> str:
    """SQL that reads files of the lake as one table."""
    listed = ", ".join(map(quoted, paths))
    options = "union_by_name = true, hive_partitioning = true, hive_types_autocast = false"
    return f"read_parquet([{listed}], {options})"


def _empty() -> str:
    types = dict.fromkeys(KNOWN, "VARCHAR") | dict.fromkeys((*COSTS, *NUMBERS), "DECIMAL(38, 20)")
    types |= dict.fromkeys(PERIODS, "TIMESTAMP") | {"charge_day": "DATE", "import_notes": "VARCHAR"}
    types |= {"source": "VARCHAR", "snapshot": "VARCHAR"}
    return ", ".join(f"{column} {kind}" for column, kind in types.items())
