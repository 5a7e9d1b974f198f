"""A dispute: a team says that a charge is not its own, and finance rules."""

from collections.abc import Collection
from enum import StrEnum

from spend.errors import Conflict, Refused
from spend.moves import Moves


class DisputeState(StrEnum):
    """Open until finance rules or the opener withdraws."""

    OPEN = "open"
    UPHELD = "upheld"
    REJECTED = "rejected"
    SPLIT = "split"
    WITHDRAWN = "withdrawn"


D = DisputeState
MOVES: Moves[DisputeState] = {D.OPEN: frozenset({D.UPHELD, D.REJECTED, D.SPLIT, D.WITHDRAWN})}


def may_rule(state: DisputeState, opened_by: str, actor: str, finance: Collection[str]) -> None:
    """Raise, with the sentence the person reads, unless this person may rule on the dispute now.

    Raises:
        Conflict: somebody ruled already.
        Refused: the opener never rules, and nobody outside finance does.
    """
    if state is not D.OPEN:
        raise Conflict(f"This dispute is already {state}.")
    if actor == opened_by:
        raise Refused("You opened this dispute, so somebody else in finance has to rule on it.")
    if actor not in finance:
        raise Refused("Only finance rules on disputes; nothing was changed.")
