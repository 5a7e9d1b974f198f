"""FOCUS 1.0 to 1.4, as any provider writes it."""

from collections.abc import Sequence

from storage.sources.columns import KNOWN, MARKS, OTHER_DATASETS, REQUIRED, recognise
from storage.sources.dialects.dialect import Cell, Dialect, Freshness, Header, Placed

#: What FOCUS 1.4 has no more, by what took its place in 1.3: a question is asked of all versions at once.
SUCCESSORS = {"provider_name": "service_provider_name"}


def title(column: str) -> str:
    """The FOCUS spelling of a column: `billed_cost` is `BilledCost`."""
    return "".join(part.capitalize() for part in column.split("_"))


def _names(header: Header) -> list[str]:
    return [recognise(cell) for cell in header.cells]


def _recognises(header: Header) -> bool:
    return bool(MARKS & set(_names(header)))


def _other(header: Header) -> str | None:
    """What another FOCUS dataset holds."""
    names = set(_names(header))
    for holds, marks in OTHER_DATASETS.items():
        if names & marks and not names & MARKS:
            return f"a FOCUS {holds} dataset"
    return None


def _place(header: Header) -> Placed:
    names = _names(header)
    kept = {column: at for at, column in enumerate(names) if column in KNOWN or column.startswith("x_")}
    for old, new in SUCCESSORS.items():
        if old not in kept and new in kept:
            kept[old] = kept[new]
    return Placed(
        columns={column: Cell(header.texts[at], (at,)) for column, at in kept.items()},
        twice=_twice(names),
        ignored=[at for at, column in enumerate(names) if column not in kept],
    )


def _twice(names: Sequence[str]) -> list[int]:
    return [at for at, name in enumerate(names) if names.index(name) < at]


FOCUS = Dialect(
    name="focus",
    holds="FOCUS cost and usage",
    freshness=Freshness.HOURLY,
    settles=None,
    needs={column: title(column) for column in REQUIRED},
    recognises=_recognises,
    place=_place,
    other=_other,
)
