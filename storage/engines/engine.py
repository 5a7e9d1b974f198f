"""What the product asks of an engine: open the charges of some snapshots, and answer ibis expressions."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from spend.errors import SettingsWrong

if TYPE_CHECKING:
    from storage.lake import Lake

DUCKDB = "duckdb"
#: What is said of a sum that no DECIMAL(38,20) can hold.
BEYOND = "A sum is beyond 18 digits before the point, which lake.engine cannot tell; ask for a part of it."
#: Engines to whose SQL every question compiles, and that nobody has run them on.
NEVER_RUN = ("athena", "trino")
#: What the address of an engine looks like; the others have none.
ADDRESSES: Mapping[str, tuple[re.Pattern[str], str]] = {
    "spark": (re.compile(r"spark://[^/@\s]+:\d+"), "spark://HOST:PORT"),
    "postgresql": (
        re.compile(r"postgresql://(?!.*[?&]password=)(?:[^/:@\s]*@)?[^@\s]*"),
        "postgresql://USER@HOST/DATABASE",
    ),
    "bigquery": (re.compile(r"[a-z][a-z0-9:.-]+\.[A-Za-z0-9_]+"), "PROJECT.DATASET"),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which engine counts, and where it is.

    Raises:
        ValueError: the address is missing, too much, or not one of this engine.
    """

    name: str = DUCKDB
    address: str = ""

    def __post_init__(self) -> None:
        pattern, shown = ADDRESSES.get(self.name, (None, ""))
        if pattern is None and self.address:
            raise ValueError(f"{self.name} has no address; take it away")
        if pattern is not None and not pattern.fullmatch(self.address):
            raise ValueError(f"{self.name} needs an address {shown}, without a password")


@dataclass(frozen=True, slots=True)
class Charges:
    """The charges of some snapshots as an ibis table, and the engine that answers for it.

    Attributes:
        table: FOCUS columns, `source`, `snapshot`, `charge_day`, `tag_*` and `x_*`. Only the embedded
            engine has the raw `tags` too.
        run: gives the rows of a query in the engine's own SQL, with exact Decimals and dates.
    """

    table: Any
    dialect: str
    run: Callable[[str], Sequence[Sequence[Any]]] = field(repr=False)

    def fetch(self, expression: Any) -> list[dict[str, Any]]:
        """The rows of an expression. Engines order text as they do."""
        rows = self.run(_sql(expression.op(), self.dialect))
        return [dict(zip(expression.columns, row, strict=True)) for row in rows]


@lru_cache(maxsize=256)
def _sql(asked: Any, dialect: str) -> str:
    """What asks this of the engine. Written once for equal questions: it takes longer than most answers."""
    import ibis

    return str(ibis.to_sql(asked.to_expr(), dialect=dialect, pretty=False))


class Engine(Protocol):
    """Counts the charges of a lake."""

    def open(self, lake: "Lake", snapshots: Sequence[str]) -> AbstractContextManager[Charges]:
        """The charges of these snapshots; at least one.

        Raises:
            NotFound: the files of a snapshot are gone.
            SettingsWrong: the engine is not there.
        """
        ...

    def forget(self, snapshots: Sequence[str]) -> None:
        """Remove what the engine keeps of these snapshots."""
        ...


class Reader(Engine):
    """An engine that reads the lake itself, and keeps nothing."""

    def forget(self, snapshots: Sequence[str]) -> None:
        """There is nothing to remove."""


def library(name: str, package: str) -> Any:
    """A library that only this engine needs.

    Raises:
        SettingsWrong: it is not installed.
    """
    try:
        return import_module(name)
    except ImportError:
        raise SettingsWrong(
            f"The engine of lake.engine needs the package {package}, which is in requirements-engines.lock: "
            "install that, or choose duckdb."
        ) from None
