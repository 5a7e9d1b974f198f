"""The owner's say: warned before a stop or a delete, and free to keep the thing."""

from enum import StrEnum

from spend.moves import Moves


class WarningState(StrEnum):
    """What an owner answered to the warning of a plan; silence lets its time pass."""

    OPEN = "open"
    FINE = "fine"
    KEPT = "kept"
    NOT_MINE = "not_mine"
    PASSED = "passed"


W = WarningState
WARNING_MOVES: Moves[WarningState] = {
    W.OPEN: frozenset({W.FINE, W.KEPT, W.NOT_MINE, W.PASSED}),
    W.FINE: frozenset({W.KEPT}),
    W.NOT_MINE: frozenset({W.FINE, W.KEPT, W.PASSED}),
}


class KeepState(StrEnum):
    """A Keep holds until its day, unless a second approver overrides it with a reason."""

    HELD = "held"
    OVERRIDDEN = "overridden"
    ENDED = "ended"


K = KeepState
KEEP_MOVES: Moves[KeepState] = {K.HELD: frozenset({K.OVERRIDDEN, K.ENDED})}
