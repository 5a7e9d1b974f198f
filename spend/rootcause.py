"""Where a change of cost comes from: few cells that explain it, and a rest, adding up to the cent.

The search is the greedy ripple search: take the cell (a value for one to three dimensions) whose
scaling by one common factor explains most of all deviation, set it aside, and look again.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

from spend.money import ZERO, cents, minus, total

DEPTH = 3
#: A cell must explain this share of all deviation; each dimension it names costs a little.
LEAST_GAIN, PRICE_OF_DEPTH = 0.12, 0.004
#: Cells tried per combination of dimensions, and the least share of the deviation they carry.
TRIED, LEAST_SHARE = 4, 0.08

Leaf = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cause:
    """A cell and how much more (or less) than expected it cost, to the cent."""

    where: Mapping[str, str]
    delta: Decimal


@dataclass(frozen=True, slots=True)
class Explanation:
    """Causes, the largest first found; causes + rest = total, to the cent."""

    causes: tuple[Cause, ...]
    rest: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class _Cell:
    where: tuple[tuple[int, str], ...]
    leaves: tuple[Leaf, ...]


def explain(
    actual: Mapping[Leaf, Decimal],
    expected: Mapping[Leaf, Decimal],
    dimensions: Sequence[str],
    limit: int = 3,
) -> Explanation:
    """Explain actual against expected cost.

    Args:
        actual: cost by leaf, a value for each dimension; a leaf that is not there cost nothing.
        expected: what the same leaves should have cost.
        dimensions: the names of the dimensions, in the order of a leaf.
        limit: how many causes at most.
    """
    deltas = {
        leaf: minus(actual.get(leaf, ZERO), expected.get(leaf, ZERO))
        for leaf in sorted(actual.keys() | expected.keys())
    }
    usual = {leaf: max(0.0, float(expected.get(leaf, ZERO))) for leaf in deltas}
    odd = {leaf: float(delta) for leaf, delta in deltas.items()}
    whole = cents(total(deltas.values()))
    causes: list[Cause] = []
    while len(causes) < limit and (cell := _best(usual, odd, len(dimensions))):
        delta = cents(total(deltas[leaf] for leaf in cell.leaves))
        causes.append(Cause({dimensions[axis]: value for axis, value in cell.where}, delta))
        for leaf in cell.leaves:
            deltas[leaf], odd[leaf] = ZERO, 0.0
    return Explanation(tuple(causes), minus(whole, total(cause.delta for cause in causes)), whole)


def _best(usual: Mapping[Leaf, float], odd: Mapping[Leaf, float], axes: int) -> _Cell | None:
    """The cell that explains most, or None when none explains enough."""
    deviation = sum(map(abs, odd.values()))
    if deviation <= 0:
        return None
    best, best_score = None, 0.0
    for cell in _candidates(odd, axes, deviation):
        gain = _gain(cell.leaves, usual, odd) / deviation
        score = gain - PRICE_OF_DEPTH * len(cell.where)
        if gain >= LEAST_GAIN and (best is None or score > best_score):
            best, best_score = cell, score
    return best


def _candidates(odd: Mapping[Leaf, float], axes: int, deviation: float) -> Iterator[_Cell]:
    """The cells of up to three dimensions that moved most."""
    for depth in range(1, min(DEPTH, axes) + 1):
        for chosen in combinations(range(axes), depth):
            cells: dict[Leaf, list[Leaf]] = defaultdict(list)
            for leaf in odd:
                cells[tuple(leaf[axis] for axis in chosen)].append(leaf)
            moved = {values: abs(sum(odd[leaf] for leaf in leaves)) for values, leaves in cells.items()}
            for values in sorted(moved, key=lambda name: (-moved[name], name))[:TRIED]:
                if moved[values] >= LEAST_SHARE * deviation:
                    yield _Cell(tuple(zip(chosen, values, strict=True)), tuple(cells[values]))


def _gain(leaves: Sequence[Leaf], usual: Mapping[Leaf, float], odd: Mapping[Leaf, float]) -> float:
    """How much less deviation is left once the cell's leaves are scaled by one factor."""
    base, delta = sum(usual[leaf] for leaf in leaves), sum(odd[leaf] for leaf in leaves)
    before = sum(abs(odd[leaf]) for leaf in leaves)
    if base <= 0:
        return before
    return before - sum(abs(odd[leaf] - usual[leaf] * delta / base) for leaf in leaves)
