"""A standing approval: consent given ahead, for one runbook, within bounds, until a date."""

from enum import StrEnum

from spend.moves import Moves


class StandingState(StrEnum):
    """It is approved like a T2 plan, and anybody entitled ends it with one click."""

    PENDING = "pending"
    ACTIVE = "active"
    DENIED = "denied"
    EXPIRED = "expired"
    REVOKED = "revoked"


S = StandingState
MOVES: Moves[StandingState] = {
    S.PENDING: frozenset({S.ACTIVE, S.DENIED, S.EXPIRED, S.REVOKED}),
    S.ACTIVE: frozenset({S.REVOKED, S.EXPIRED}),
}
