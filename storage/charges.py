"""The line items of some snapshots as one ibis table, on which every question of money is written once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cache
from typing import Any

from spend.charge import DIMENSIONS, TAG, TIMES, folded
from spend.errors import NotFound, Refused
from storage.engines.duckdb import Embedded
from storage.engines.engine import Charges
from storage.engines.scans import safe
from storage.lake import Lake
from storage.sources.columns import COSTS, KNOWN, NUMBERS, PERIODS, tag_column

#: Columns by which nobody can group: amounts and times, for which there are `day` and `month`.
MEASURES = frozenset({*COSTS, *NUMBERS, *PERIODS})
#: The stream of bills that a charge was delivered with.
SOURCE = "source"
#: The column of the tags as the provider wrote them.
RAW = "tags"


@contextmanager
def charges(lake: Lake, snapshots: Sequence[str]) -> Iterator[Charges]:
    """All charges of these snapshots: FOCUS columns, `source`, `snapshot`, `charge_day`, `tag_*`, `x_*`.

    Raises:
        NotFound: the files of a snapshot are gone.
        SettingsWrong: the engine of the settings is not there.
    """
    with (lake.counted_by if snapshots else Embedded()).open(lake, snapshots) as bill:
        yield bill


def dimension(table: Any, name: str, promoted: Sequence[str] = ()) -> Any:
    """What a dimension's name stands for: a FOCUS or `x_` column, `day`, `month`, or `tag:KEY`.

    A promoted key matches in any letter case; any other key is taken byte for byte.

    Raises:
        NotFound: there is no such dimension.
    """
    if name == SOURCE:
        return table.source
    if name == "day":
        return table.charge_day
    if name == "month":
        return table.charge_day.strftime("%Y-%m")
    if name.startswith(TAG):
        return _tag(table, name.removeprefix(TAG), promoted)
    if name.startswith("x_") or (name in KNOWN and name not in MEASURES):
        found = _column(table, name)
        if found is not None:
            return found
    known = ", ".join((*TIMES, SOURCE, *DIMENSIONS))
    raise NotFound(f"There is no dimension {name!r}. There are: {known}, tag:KEY and x_ columns.")


def _tag(table: Any, key: str, promoted: Sequence[str]) -> Any:
    if key in promoted:
        return tag(table, key)
    return function("tag_exact", str)(raw_tags(table, key), key)


def tag(table: Any, key: str) -> Any:
    """The value of a tag in any letter case: from its column, or from the JSON where there is none.

    Raises:
        Refused: the engine has no JSON, and not all files have the column.
    """
    column = _column(table, tag_column(key))
    return function("tag_value", str)(raw_tags(table, key), folded(key)) if column is None else column


def _column(table: Any, name: str) -> Any:
    return next((table[one] for one in (name, safe(name)) if one in table.columns), None)


def raw_tags(table: Any, key: str) -> Any:
    """The tags as JSON, to be asked about a key.

    Raises:
        Refused: only the embedded engine has them.
    """
    if RAW in table.columns:
        return table[RAW]
    raise Refused(
        f"Of the tag {key!r} only lake.engine duckdb can tell this; other engines know the values of those "
        "promoted_tags that were promoted before the bills were imported."
    )


@cache
def function(name: str, returns: type) -> Callable[[Any, str], Any]:
    """One of the engine's text functions (storage/sources/expressions.py) for use in ibis."""
    import ibis

    def declared(text: str, key: str) -> Any: ...

    declared.__name__ = name
    declared.__annotations__ = {"text": str, "key": str, "return": returns}
    found: Callable[[Any, str], Any] = ibis.udf.scalar.builtin(declared)
    return found


def within(table: Any, start: date | None, end: date | None) -> Any:
    """Only charges from `start` on, up to and without `end`, by their day in UTC."""
    import ibis

    if start is not None:
        table = table.filter(table.charge_day >= ibis.literal(start))
    return table if end is None else table.filter(table.charge_day < ibis.literal(end))


def only(table: Any, where: Mapping[str, str], promoted: Sequence[str] = ()) -> Any:
    """Only charges with these values; an empty text asks for charges without the value.

    Raises:
        NotFound: there is no such dimension.
    """
    for name, wanted in where.items():
        value = dimension(table, name, promoted)
        table = table.filter(value.isnull() if wanted == "" else value.cast("string") == wanted)
    return table
