"""A claim: a team says that charges without an owner are its own."""

from dataclasses import dataclass
from enum import StrEnum

from spend.moves import Moves


class ClaimState(StrEnum):
    """A claim holds until its team releases it."""

    ACTIVE = "active"
    RELEASED = "released"


MOVES: Moves[ClaimState] = {ClaimState.ACTIVE: frozenset({ClaimState.RELEASED})}


@dataclass(frozen=True, slots=True)
class Predicate:
    """Which charges a claim takes: each field that is not None has to be equal.

    Raises:
        ValueError: no field is given; an empty claim must never take everything.
    """

    account: str | None
    service: str | None
    resource: str | None = None

    def __post_init__(self) -> None:
        if self.account is None and self.service is None and self.resource is None:
            raise ValueError("a claim has to name an account, a service or a resource")

    def matches(self, account: str | None, service: str | None, resource: str | None) -> bool:
        """Whether a charge with these FOCUS SubAccountId, ServiceName and ResourceId is taken."""
        wanted = (self.account, self.service, self.resource)
        return all(
            want is None or want == have
            for want, have in zip(wanted, (account, service, resource), strict=True)
        )
