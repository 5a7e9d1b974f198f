"""BigQuery: each snapshot is loaded into a table of its own when it is first asked for, and counted there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spend.errors import Refused, SettingsWrong
from storage.engines.engine import Charges, Engine
from storage.engines.loading import prefix, reading, table_name
from storage.engines.scans import DAY, MONEY, TEXT, Scan, asked, over, safe, scans, table_of
from storage.sources.expressions import quoted

if TYPE_CHECKING:
    from storage.lake import Lake

DIALECT = "bigquery"
#: BIGNUMERIC is exact to 38 decimals; told to have 20, it takes the lake's amounts and no others.
TYPES = {MONEY: "BIGNUMERIC(38, 20)", DAY: "DATE", TEXT: "STRING"}


def engine(address: str) -> "BigQuery":
    """The engine in the data set `PROJECT.DATASET`."""
    return BigQuery(address)


class BigQuery(Engine):
    """A data set in which tables may be created. Who asks is Google's libraries' to find."""

    def __init__(self, address: str) -> None:
        self._project, self._dataset = address.rsplit(".", 1)
        self._loaded: set[str] = set()

    @contextmanager
    def open(self, lake: "Lake", snapshots: Sequence[str]) -> Iterator[Charges]:
        """The tables of the snapshots, loaded where they are not there yet."""
        found = scans(lake, snapshots)
        tables = {scan.snapshot: f"`{self._place(table_name(scan))}`" for scan in found}
        charges = over(found, tables, DIALECT)
        with self._client() as client:
            for scan in found:
                self._load(client, lake, scan)

            def run(sql: str) -> list[tuple[Any, ...]]:
                return [tuple(row.values()) for row in client.query(asked(charges, sql)).result()]

            yield Charges(table_of(found), DIALECT, run)

    def forget(self, snapshots: Sequence[str]) -> None:
        """Delete their tables."""
        if not snapshots:
            return
        begins = tuple(map(prefix, snapshots))
        with self._client() as client:
            for table in client.list_tables(f"{self._project}.{self._dataset}"):
                if table.table_id.startswith(begins):
                    client.delete_table(table.reference, not_found_ok=True)
                    self._loaded.discard(self._place(table.table_id))

    def _place(self, table: str) -> str:
        return f"{self._project}.{self._dataset}.{table}"

    @contextmanager
    def _client(self) -> Iterator[Any]:
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError
        from google.cloud import bigquery

        try:
            with bigquery.Client(self._project) as client:
                yield client
        except GoogleAuthError as error:
            raise SettingsWrong(f"BigQuery cannot be entered: {error}") from error
        except GoogleAPIError as error:
            raise Refused(f"BigQuery could not answer: {str(error).splitlines()[0]}") from error

    def _load(self, client: Any, lake: "Lake", scan: Scan) -> None:
        """Load a snapshot, whole or not at all: one job takes the place of whatever is in the table.

        Two processes may do it at once: both load the same.
        """
        place = self._place(table_name(scan))
        if place in self._loaded:
            return
        table = table_at(client, place, scan)
        if table.num_rows != _rows(lake, scan):
            _fill(client, table, lake, scan)
        self._loaded.add(place)


def table_at(client: Any, place: str, scan: Scan) -> Any:
    """The table of a snapshot, made empty where there is none."""
    from google.api_core.exceptions import NotFound

    try:
        return client.get_table(place)
    except NotFound:
        declared = ", ".join(f"{safe(name)} {TYPES[kind]}" for name, kind in scan.columns.items())
        client.query(f"CREATE TABLE IF NOT EXISTS `{place}` ({declared})").result()
        return client.get_table(place)


def _fill(client: Any, table: Any, lake: "Lake", scan: Scan) -> None:
    from google.cloud.bigquery import LoadJobConfig

    config = LoadJobConfig(source_format="PARQUET", write_disposition="WRITE_TRUNCATE", schema=table.schema)
    with lake.staging() as folder:
        file = folder / "charges.parquet"
        _write(lake, scan, file)
        with file.open("rb") as stream:
            client.load_table_from_file(stream, table.reference, job_config=config).result()


def _rows(lake: "Lake", scan: Scan) -> int:
    with lake.engine() as engine:
        (count,) = engine.execute(f"SELECT count(*) FROM ({reading(scan)})").fetchone()
    return int(count)


def _write(lake: "Lake", scan: Scan, file: Path) -> None:
    with lake.engine(spill=file.parent / "spill") as engine:
        engine.execute(f"COPY ({reading(scan)}) TO {quoted(str(file))} (FORMAT parquet, COMPRESSION zstd)")
