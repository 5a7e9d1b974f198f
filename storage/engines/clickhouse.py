"""ClickHouse, embedded as chDB: it reads the Parquet files of the lake where they lie."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from spend.errors import Refused
from storage.engines.engine import Charges, Reader, library
from storage.engines.scans import DAY, MONEY, TEXT, Scan, asked, over, safe, scans, table_of

if TYPE_CHECKING:
    from storage.lake import Lake

CLICKHOUSE = "clickhouse"
#: Sums of Decimal(38, 20) overflow without a word; wide ones have room for any bill.
TYPES = {MONEY: "Nullable(Decimal(76, 20))", DAY: "Nullable(Date32)", TEXT: "Nullable(String)"}


def engine(_address: str) -> "ClickHouse":
    """The engine that needs no address."""
    return ClickHouse()


class ClickHouse(Reader):
    """ClickHouse in this process."""

    @contextmanager
    def open(self, lake: "Lake", snapshots: Sequence[str]) -> Iterator[Charges]:
        """The table function `file` over the parts of each snapshot."""
        found = scans(lake, snapshots)
        charges = over(found, {scan.snapshot: _read(scan) for scan in found}, CLICKHOUSE)
        yield Charges(table_of(found), CLICKHOUSE, partial(_run, charges))


def _read(scan: Scan) -> str:
    import sqlglot.expressions as sge

    def literal(text: str) -> str:
        return sge.Literal.string(text).sql(CLICKHOUSE)

    columns = {_quoted(name): (safe(name), TYPES[kind]) for name, kind in scan.columns.items()}
    chosen = ", ".join(f"{name} AS {called}" for name, (called, _) in columns.items())
    types = ", ".join(f"{name} {kind}" for name, (_, kind) in columns.items())
    parts = [
        f"SELECT {chosen} FROM file({literal(str(path))}, Parquet, {literal(types)})" for path in scan.paths
    ]
    return f"({' UNION ALL '.join(parts)})"


def _quoted(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _run(charges: str, sql: str) -> list[tuple[Any, ...]]:
    chdb = library("chdb", "chdb")
    try:
        answer = chdb.query(asked(charges, _folding(sql)), "ArrowTable")
    except RuntimeError as error:
        raise Refused(f"ClickHouse could not answer: {str(error).splitlines()[0]}") from error
    return list(zip(*(column.to_pylist() for column in answer.columns), strict=True))


@lru_cache(maxsize=256)
def _folding(sql: str) -> str:
    """The question with all letters lowered as elsewhere: the `lower` of ClickHouse knows only a to z."""
    import sqlglot
    import sqlglot.expressions as sge

    def unicode(node: Any) -> Any:
        return sge.func("lowerUTF8", node.this) if isinstance(node, sge.Lower) else node

    folded: str = sqlglot.parse_one(sql, read=CLICKHOUSE).transform(unicode).sql(CLICKHOUSE)
    return folded
