"""The peer of `lake`: bare DuckDB doing the same conversion and the same sums, in a process of its own."""

import sys
from pathlib import Path
from typing import Any

from storage.lake import MEMORY, QUERY_THREADS
from storage.sources.columns import COSTS, KNOWN, NUMBERS, PERIODS, recognise, tag_column
from storage.sources.expressions import quoted
from storage.sources.focus import ROOM, ROW_GROUP

#: Promoted as in the settings' default, by the spelling that the bill has.
TAGS = {"team": "Team", "owner": "Owner", "environment": "Environment", "env": "Env"}
DIGEST = "charge_day, service_name, tag_team, billing_currency"


def main() -> None:
    """Convert a bill, or ask what a digest asks."""
    import duckdb

    what, source, target = sys.argv[1:]
    memory = ROOM if what == "convert" else MEMORY
    with duckdb.connect(config={"threads": QUERY_THREADS, "memory_limit": memory}) as connection:
        connection.execute(f"SET temp_directory = {quoted(str(Path(target).parent / 'spill'))}")
        connection.execute("SET preserve_insertion_order = false")
        if what == "convert":
            _convert(connection, source, target)
        else:
            _digest(connection, source)


def _convert(connection: Any, source: str, target: str) -> None:
    scan = f"read_parquet({quoted(source)})"
    if source.endswith(".csv"):
        scan = f"read_csv({quoted(source)}, header = true, all_varchar = true)"
    given = {recognise(row[0]): row[0] for row in connection.execute(f"DESCRIBE FROM {scan}").fetchall()}
    columns = [f"{_cast(column, given.get(column, 'NULL'))} AS {column}" for column in KNOWN]
    columns += [f"json_extract_string(Tags, '$.{tag}') AS {tag_column(key)}" for key, tag in TAGS.items()]
    columns.append("CAST(ChargePeriodStart AS DATE) AS charge_day")
    connection.execute(
        f"COPY (SELECT {', '.join(columns)} FROM {scan}) TO {quoted(target)} "
        f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
    )


def _cast(column: str, given: str) -> str:
    if column in (*COSTS, *NUMBERS):
        return f"CAST({given} AS DECIMAL(38, 20))"
    return f"CAST({given} AS {'TIMESTAMP' if column in PERIODS else 'VARCHAR'})"


def _digest(connection: Any, source: str) -> None:
    sums = ", ".join(f"sum({cost})" for cost in COSTS)
    rows = connection.execute(
        f"SELECT {DIGEST}, {sums}, count(*) FROM read_parquet({quoted(source)}) GROUP BY ALL"
    ).fetchall()
    print(len(rows))


if __name__ == "__main__":
    main()
