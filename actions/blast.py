"""The blast radius of a day: what may still be touched, over all runbooks, people and machines together."""

from enum import StrEnum

from spend.moves import Moves


class ReservationState(StrEnum):
    """Room in the day's ledger is held at approval, and settled to what was done at the end."""

    RESERVED = "reserved"
    SETTLED = "settled"
    RELEASED = "released"


R = ReservationState
MOVES: Moves[ReservationState] = {R.RESERVED: frozenset({R.SETTLED, R.RELEASED})}
