"""A finding: something about cost that is worth a person's look, and what people answered."""

from enum import StrEnum

from spend import canonical
from spend.moves import Moves


class Kind(StrEnum):
    """What was found."""

    ANOMALY = "anomaly"
    IDLE = "idle"
    ORPHAN = "orphan"
    RUNAWAY = "runaway"
    UNTAGGED = "untagged"


class FindingState(StrEnum):
    """What people said of it, or that it went away."""

    OPEN = "open"
    INVESTIGATING = "investigating"
    EXPECTED = "expected"
    NOT_MINE = "not_mine"
    RESOLVED = "resolved"


F = FindingState
#: While it is open or investigated, the same thing is not reported twice.
LIVE = frozenset({F.OPEN, F.INVESTIGATING})
MOVES: Moves[FindingState] = {
    F.OPEN: frozenset({F.INVESTIGATING, F.EXPECTED, F.NOT_MINE, F.RESOLVED}),
    F.INVESTIGATING: frozenset({F.EXPECTED, F.NOT_MINE, F.RESOLVED}),
}


def fingerprint(kind: Kind, *scope: str | None) -> str:
    """What makes two findings the same one: the kind and its scope, never the amount or the day."""
    return canonical.digest([kind, *scope])[:32]
