"""Apache Spark: a cluster whose workers read the files of the lake at the paths that they have here."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from spend.errors import Refused, SettingsWrong
from storage.engines.engine import Charges, Reader, library
from storage.engines.scans import ORIGIN, safe, scans, shape, table_of

if TYPE_CHECKING:
    from storage.lake import Lake

DIALECT = "pyspark"
#: Sums that overflow are errors, never nulls; folders are read as text; nothing is drawn on the terminal.
CONFIG = {
    "spark.app.name": "bursar",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}


def engine(address: str) -> "Spark":
    """The engine at `spark://HOST:PORT`."""
    return Spark(address)


class Spark(Reader):
    """One application on the cluster for as long as this process lives; it starts with the first question."""

    def __init__(self, address: str) -> None:
        self._address = address

    @cached_property
    def session(self) -> Any:
        """The application.

        Raises:
            SettingsWrong: pyspark or Java is missing, or the cluster does not take it.
        """
        sql = library("pyspark.sql", "pyspark")
        errors = library("pyspark.errors", "pyspark")
        java = library("py4j.protocol", "pyspark")
        builder = sql.SparkSession.builder.master(self._address)
        for name, value in CONFIG.items():
            builder = builder.config(name, value)
        try:
            return builder.getOrCreate()
        except (errors.PySparkException, java.Py4JError) as error:
            raise SettingsWrong(
                f"Spark at {self._address} cannot be entered: it needs a Java runtime here (17 or 21), "
                "and a master that answers; see lake.address."
            ) from error

    @contextmanager
    def open(self, lake: "Lake", snapshots: Sequence[str]) -> Iterator[Charges]:
        """A view on the files, in a session of its own."""
        found = scans(lake, snapshots)
        session = self.session.newSession()
        for name in ("spark.sql.ansi.enabled", "spark.sql.session.timeZone"):
            session.conf.set(name, CONFIG[name])
        columns = shape([scan.columns for scan in found])
        quoted = {f"`{name.replace('`', '``')}`": name for name in columns}
        types = (f"{name} {columns[plain]}" for name, plain in quoted.items())
        chosen = (f"{name} AS {safe(plain)}" for name, plain in quoted.items())
        files = [str(path) for scan in found for path in scan.paths]
        reader = session.read.schema(", ".join(types)).option("basePath", str(found[0].root))
        reader.parquet(*files).selectExpr(*chosen, *ORIGIN).createOrReplaceTempView("charges")

        def run(sql: str) -> list[tuple[Any, ...]]:
            errors = library("pyspark.errors", "pyspark")
            try:
                return [tuple(row) for row in session.sql(sql).collect()]
            except errors.PySparkException as error:
                raise Refused(f"Spark could not answer: {str(error).splitlines()[0]}") from error

        yield Charges(table_of(found), DIALECT, run)
