"""PostgreSQL: each snapshot is copied into a table of its own when first asked for, and counted there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

from spend.errors import Refused, SettingsWrong
from storage.engines.engine import Charges, Engine
from storage.engines.loading import prefix, reading, table_name
from storage.engines.scans import DAY, MONEY, TEXT, Scan, asked, over, safe, scans, table_of

if TYPE_CHECKING:
    from storage.lake import Lake

DIALECT = "postgres"
#: The collation is PostgreSQL's own since 17: case as Unicode has it, order by code points, on every system.
TYPES = {MONEY: "numeric(38, 20)", DAY: "date", TEXT: 'text COLLATE "pg_c_utf8"'}
#: Rows that are copied at a time: some tens of megabytes.
BATCH = 20_000
#: PostgreSQL's text cannot hold a NUL, which the value of a tag may.
NO_NUL = "\ufffd".encode()


def engine(address: str) -> "PostgreSQL":
    """The engine at `postgresql://USER@HOST/DATABASE`."""
    return PostgreSQL(address)


class PostgreSQL(Engine):
    """A database that may create tables. Its password is libpq's to find."""

    def __init__(self, address: str) -> None:
        self._address = address

    @contextmanager
    def open(self, lake: "Lake", snapshots: Sequence[str]) -> Iterator[Charges]:
        """The tables of the snapshots, loaded where they are not there yet."""
        found = scans(lake, snapshots)
        tables = {scan.snapshot: table_name(scan) for scan in found}
        charges = over(found, tables, DIALECT)
        with self._connection() as connection:
            for scan in found:
                with connection.transaction():
                    _load(connection, lake, scan)

            def run(sql: str) -> list[tuple[Any, ...]]:
                rows: list[tuple[Any, ...]] = connection.execute(asked(charges, sql)).fetchall()
                return rows

            yield Charges(table_of(found), DIALECT, run)

    def forget(self, snapshots: Sequence[str]) -> None:
        """Drop their tables."""
        if not snapshots:
            return
        mine = "schemaname = current_schema() AND starts_with(tablename, %s)"
        query = f"SELECT tablename FROM pg_tables WHERE {mine}"
        with self._connection() as connection:
            for snapshot in snapshots:
                for (table,) in connection.execute(query, [prefix(snapshot)]).fetchall():
                    connection.execute(f"DROP TABLE IF EXISTS {table}")

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        import psycopg

        try:
            with psycopg.connect(self._address, autocommit=True, connect_timeout=10) as connection:
                yield connection
        except psycopg.errors.UndefinedObject as error:
            raise SettingsWrong(
                "The PostgreSQL of lake.address is too old: its collation pg_c_utf8 came with 17."
            ) from error
        except psycopg.OperationalError as error:
            raise SettingsWrong(f"The PostgreSQL of lake.address does not answer: {_first(error)}") from error
        except psycopg.Error as error:
            raise Refused(f"The PostgreSQL of lake.address could not answer: {_first(error)}") from error


def _load(connection: Any, lake: "Lake", scan: Scan) -> None:
    """Copy a snapshot once, whole or not at all; who comes second waits and finds it."""
    table = table_name(scan)
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [table])
    if connection.execute("SELECT to_regclass(%s)", [table]).fetchone() != (None,):
        return
    declared = ", ".join(f"{safe(name)} {TYPES[kind]}" for name, kind in scan.columns.items())
    connection.execute(f"CREATE TABLE {table} ({declared})")
    with connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT csv)") as copy:
        for part in _rows(lake, scan):
            copy.write(part)
    connection.execute(f"ANALYZE {table}")


def _rows(lake: "Lake", scan: Scan) -> Iterator[bytes]:
    """The rows as CSV, in which text is quoted and null is not."""
    from pyarrow import csv

    options = csv.WriteOptions(include_header=False)
    with lake.engine() as engine:
        for batch in engine.execute(reading(scan)).to_arrow_reader(BATCH):
            part = BytesIO()
            csv.write_csv(batch, part, options)
            yield part.getvalue().replace(b"\0", NO_NUL)


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
