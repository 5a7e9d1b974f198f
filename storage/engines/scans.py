"""What other engines than the embedded one are given of the lake: which files, and which of their columns."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.sources.columns import COSTS, NUMBERS, PERIODS, PROMOTED, TEXTS
from storage.sources.expressions import quoted

if TYPE_CHECKING:
    from storage.lake import Lake

MONEY, DAY, TEXT = "decimal(38, 20)", "date", "string"
#: What no question is about: times beside the day, quantities, prices, and tags that are not promoted.
LEFT_OUT = frozenset({*PERIODS, *NUMBERS, "tags"})
#: What every engine takes as the name of a column.
PLAIN = re.compile(r"[a-z][a-z0-9_]{0,59}")
#: The columns that the folders of the lake are named by.
ORIGIN = ("source", "snapshot")


@dataclass(frozen=True, slots=True)
class Scan:
    """Files of one snapshot that an engine reads.

    Attributes:
        columns: those that questions can be about, with their types as ibis calls them.
    """

    source: str
    snapshot: str
    paths: tuple[Path, ...]
    columns: Mapping[str, str]

    @property
    def root(self) -> Path:
        """The folder above those that say source, period and snapshot."""
        return self.paths[0].parents[3]


def scans(lake: "Lake", snapshots: Sequence[str]) -> list[Scan]:
    """The files of these snapshots, one scan for each.

    Raises:
        NotFound: the files of a snapshot are gone.
    """
    paths = lake.paths(snapshots)
    columns = _columns(lake, paths)
    found: dict[Path, list[Path]] = {}
    for path in paths:
        found.setdefault(path.parent, []).append(path)
    return [_scan(folder, files, [columns[str(file)] for file in files]) for folder, files in found.items()]


def _scan(folder: Path, files: Sequence[Path], columns: Sequence[Mapping[str, str]]) -> Scan:
    source, snapshot = (
        at.name.removeprefix(f"{what}=") for what, at in zip(ORIGIN, (folder.parents[1], folder), strict=True)
    )
    return Scan(source, snapshot, tuple(files), shape(columns))


def _columns(lake: "Lake", paths: Iterable[Path]) -> dict[str, dict[str, str]]:
    """Of each file, the columns that questions can be about."""
    listed = ", ".join(quoted(str(path)) for path in paths)
    query = f"SELECT file_name, name FROM parquet_schema([{listed}]) WHERE num_children IS NULL"
    found: dict[str, dict[str, str]] = {}
    with lake.engine() as connection:
        for file, name in connection.execute(query).fetchall():
            if (kind := _kind(name)) is not None:
                found.setdefault(file, {})[name] = kind
    return found


def _kind(name: str) -> str | None:
    if name in LEFT_OUT:
        return None
    if name in COSTS:
        return MONEY
    if name == "charge_day":
        return DAY
    return TEXT if name in TEXTS or name.startswith(("x_", PROMOTED)) else None


def shape(parts: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The columns of several parts together, in a fixed order.

    A tag that was not promoted yet when one of them was read is not there at all: that part cannot tell.
    """
    every = reduce(or_, (set(part) for part in parts))
    common = reduce(and_, (set(part) for part in parts))
    kinds = {name: kind for part in parts for name, kind in part.items()}
    return {name: kinds[name] for name in sorted(every) if name in common or not name.startswith(PROMOTED)}


def table_of(found: Sequence[Scan]) -> Any:
    """The ibis table of these scans."""
    import ibis

    columns = shape([scan.columns for scan in found]) | dict.fromkeys(ORIGIN, TEXT)
    return ibis.table({safe(name): kind for name, kind in columns.items()}, name="charges")


def safe(name: str) -> str:
    """What a column is called on other engines: a tag may have any letters, and a name any length."""
    return name if PLAIN.fullmatch(name) else f"c_{digest(name)}"


def digest(*parts: str) -> str:
    """A short name for something long."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def over(found: Sequence[Scan], read: Mapping[str, str], dialect: str) -> str:
    """SQL of a dialect for `WITH charges AS (…)`, on which a question can be asked.

    Args:
        read: what reads a snapshot, in SQL; its columns have safe names.
    """
    import sqlglot.expressions as sge

    columns = shape([scan.columns for scan in found])
    types = {MONEY: "DECIMAL(38, 20)", DAY: "DATE", TEXT: "VARCHAR"}

    def column(scan: Scan, name: str) -> sge.Expression:
        if name in scan.columns:
            return sge.column(safe(name), quoted=True)
        return sge.cast(sge.null(), types[columns[name]])

    parts = []
    for scan in found:
        told = zip(ORIGIN, (scan.source, scan.snapshot), strict=True)
        chosen = [column(scan, name).as_(safe(name), quoted=True) for name in columns]
        chosen += [sge.Literal.string(value).as_(name, quoted=True) for name, value in told]
        parts.append(f"{sge.select(*chosen).sql(dialect)} FROM {read[scan.snapshot]}")
    return f"WITH charges AS ({' UNION ALL '.join(parts)})"


def asked(charges: str, sql: str) -> str:
    """A question on the charges that `over` names; it may name more tables itself."""
    return f"{charges}, {sql.removeprefix('WITH ')}" if sql.startswith("WITH ") else f"{charges} {sql}"
