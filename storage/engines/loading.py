"""Snapshots as tables of another database, each loaded when it is first asked for, under its own name."""

import re

from storage.engines.duckdb import scanned
from storage.engines.scans import Scan, digest, safe
from storage.sources.expressions import name as identifier


def table_name(scan: Scan) -> str:
    """The table of a snapshot. It tells which columns were loaded: a later version may ask for others."""
    return f"{prefix(scan.snapshot)}{digest(*sorted(scan.columns))}"


def prefix(snapshot: str) -> str:
    """How the names of all tables of a snapshot begin."""
    return f"charges_{re.sub(r'[^a-z0-9]', '_', snapshot)}_"


def reading(scan: Scan) -> str:
    """What DuckDB is asked for the rows to load, in the order of the columns."""
    columns = ", ".join(f"{identifier(name)} AS {safe(name)}" for name in scan.columns)
    return f"SELECT {columns} FROM {scanned([str(path) for path in scan.paths])}"
