"""A dispute: a team says that a charge is not its own, and finance rules."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

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


@dataclass(frozen=True, slots=True)
class AtStake:
    """What a ruling would move: the charges of the selection as the ledger has them now.

    Attributes:
        entries: the part of each ledger entry, by its id: `{"effective", "billed"}` as text.
        snapshots: the deliveries that it was last found in.
        number: how often the amount changed since the dispute was opened.
    """

    effective: Decimal
    billed: Decimal
    entries: Mapping[str, Mapping[str, str]]
    snapshots: tuple[str, ...]
    number: int = 0

    @classmethod
    def of(cls, selection: Mapping[str, Any]) -> "AtStake":
        """What a dispute's selection says: what it was opened on, unless the bill was restated since."""
        now = selection.get("now", selection)
        return cls(
            Decimal(now["effective"]),
            Decimal(now["billed"]),
            now["entries"],
            tuple(now["snapshots"]),
            now.get("number", 0),
        )


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
