"""Engines to whose SQL every question compiles, and that were never run: they hand over the query."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from spend.errors import Refused
from storage.engines.engine import Charges, Reader
from storage.engines.scans import scans, table_of

if TYPE_CHECKING:
    from storage.lake import Lake


class Compiled(Reader):
    """One of `NEVER_RUN`: the lake's files stand for its table `charges`."""

    def __init__(self, name: str) -> None:
        self._name = name

    @contextmanager
    def open(self, lake: "Lake", snapshots: Sequence[str]) -> Iterator[Charges]:
        """A table that nothing answers for."""

        def run(sql: str) -> list[tuple[Any, ...]]:
            raise Refused(
                f"lake.engine {self._name}: compiled, never run. Choose another engine for an answer, or ask "
                f"{self._name} yourself: {sql}"
            )

        yield Charges(table_of(scans(lake, snapshots)), self._name, run)
