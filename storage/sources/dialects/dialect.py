"""What a dialect is: one way of writing a bill, and how its cells become the FOCUS columns."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from storage.sources.expressions import quoted

if TYPE_CHECKING:
    from storage.sources.layout import Layout
    from storage.sources.problems import Problem

NOTHING = "CAST(NULL AS VARCHAR)"


class Freshness(StrEnum):
    """How fine the times of a bill's charges are."""

    HOURLY = "hourly"
    DAILY = "daily"


@dataclass(frozen=True, slots=True)
class Cell:
    """The SQL that yields a FOCUS column as text, and the cells it is made of, the main one first."""

    sql: str
    at: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a file has the FOCUS columns.

    Attributes:
        twice: cells whose name another cell before them has too.
        ignored: cells that nothing is read from, where that is worth knowing.
        relation: what the columns are taken from, if not the file as it is: a relation over `{scan}`.
        many: whether one row of the file is several there; `import_row` is then the number of that row.
    """

    columns: Mapping[str, Cell]
    twice: Sequence[int] = ()
    ignored: Sequence[int] = ()
    relation: str | None = None
    many: bool = False


class Header:
    """The cells of a file's first line, found by their letters whatever the case and punctuation."""

    def __init__(self, cells: Sequence[str], texts: Sequence[str]) -> None:
        self.cells, self.texts = [cell.strip() for cell in cells], list(texts)
        self._places: dict[str, int] = {}
        for at, cell in enumerate(self.cells):
            self._places.setdefault(letters(cell), at)

    def at(self, *names: str) -> int | None:
        """The place of the first of these names that is there."""
        for name in names:
            if name in self.cells:
                return self.cells.index(name)
            if (found := self._places.get(letters(name))) is not None:
                return found
        return None

    def sql(self, *names: str) -> str:
        """The text of the first of these cells, null where it is empty or not there."""
        at = self.at(*names)
        return NOTHING if at is None else f"filled(trim({self.texts[at]}))"

    def cell(self, *names: str) -> Cell | None:
        """The first of these cells as it is, or None."""
        at = self.at(*names)
        return None if at is None else Cell(self.texts[at], (at,))

    def made(self, sql: str, *names: str) -> Cell:
        """A column made of several cells; those that are there tell its place."""
        return Cell(sql, tuple(at for name in names if (at := self.at(name)) is not None))

    def plain(self, names: Mapping[str, Sequence[str]]) -> dict[str, Cell]:
        """Each FOCUS column that is one cell, by the names the cell may have."""
        return {column: cell for column, each in names.items() if (cell := self.cell(*each)) is not None}

    def tags(self, keys: Mapping[int, str]) -> str:
        """Tags as JSON from one cell for each key; empty ones are not there."""
        pairs = ", ".join(f"{quoted(key)}, filled({self.texts[at]})" for at, key in keys.items())
        return f"nullif(CAST(json_merge_patch('{{}}', json_object({pairs})) AS VARCHAR), '{{}}')"

    def twice(self, columns: Mapping[str, Cell]) -> list[int]:
        """Cells that bear the same name as one that something is read from."""
        used = {self.cells[at] for cell in columns.values() for at in cell.at}
        return [at for at, cell in enumerate(self.cells) if cell in used and self.cells.index(cell) < at]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way of writing a bill.

    Attributes:
        name: what `--as` calls it, and the source its bills belong to when nothing else is said.
        holds: what such a file holds, in words.
        freshness: how fine the times of its charges are.
        settles: days after the end of a billing period until its figures rest; None where nobody says.
        needs: the cell that each indispensable FOCUS column comes from.
        recognises: whether a header is of this dialect.
        place: where a header has the FOCUS columns.
        other: what a file holds that is near to it and no bill.
        together: what the files of one delivery mean together, and what is to be said about it.
        divides: whether it only says who used what of money that stands in another bill; it does not count
            beside that bill, unless the settings say so.
        month_first: whether its days may be written as 5/3/2026, and mean May 3 then.
    """

    name: str
    holds: str
    freshness: Freshness
    settles: int | None
    needs: Mapping[str, str]
    recognises: Callable[[Header], bool]
    place: Callable[[Header], Placed]
    other: Callable[[Header], str | None] = field(default=lambda _header: None)
    together: "Callable[[Any, Sequence[Layout]], tuple[list[Layout], list[Problem]]]" = field(
        default=lambda _connection, layouts: (list(layouts), [])
    )
    divides: bool = False
    month_first: bool = False


def moments(header: Header, **names: str | Sequence[str]) -> str:
    """A relation that has the instants in these cells as columns, so that they are read once."""
    cells = {name: (each,) if isinstance(each, str) else each for name, each in names.items()}
    read = "".join(f", instant({header.sql(*each)}) AS {name}" for name, each in cells.items())
    return f"(SELECT *{read} FROM {{scan}})"


def day_of(moment: str, *, of: str = "day", plus: str = "") -> str:
    """The text of the day of a moment, or of the first one of its month, and some time after."""
    later = f" + INTERVAL {plus}" if plus else ""
    return f"strftime(date_trunc('{of}', {moment}){later}, '%Y-%m-%d')"


def letters(name: str) -> str:
    """A name without case and punctuation: `lineItem/UnblendedCost` is `line_item_unblended_cost`."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
