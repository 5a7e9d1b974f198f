"""The blast radius of a day: what may still be touched, over all runbooks, people and machines together."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from actions import environments, window
from actions.base import Target
from spend import money
from spend.errors import Refused
from spend.moves import Moves


class ReservationState(StrEnum):
    """Room in the day's ledger is held at approval, and settled to what was done at the end."""

    RESERVED = "reserved"
    SETTLED = "settled"
    RELEASED = "released"


R = ReservationState
MOVES: Moves[ReservationState] = {R.RESERVED: frozenset({R.SETTLED, R.RELEASED})}
#: All of a fleet: then nobody has to count it.
ALL = 100


@dataclass(frozen=True, slots=True)
class Load:
    """What plans take of a day.

    Attributes:
        amount: what the targets cost a month, in the currency of the caps; an unknown cost counts
            nothing here, and its target still counts as one.
        fleets: how many targets are of each fleet.
    """

    targets: int = 0
    amount: Decimal = money.ZERO
    fleets: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: "Load") -> "Load":
        return Load(
            self.targets + other.targets,
            money.total((self.amount, other.amount)),
            dict(Counter(self.fleets) + Counter(other.fleets)),
        )


@dataclass(frozen=True, slots=True)
class Caps:
    """How much may be touched in a day. The defaults hold where the settings say nothing.

    Attributes:
        percent_of_fleet: of the things of one type, account and environment; one is always allowed,
            or a fleet of one could never be touched.
        amount_per_day: in `currency`, what the touched things cost a month.
        equivalents: what one unit of another currency counts.
        zone: whose midnight ends the day.
    """

    targets_per_day: int = 50
    percent_of_fleet: int = 50
    amount_per_day: Decimal = Decimal(5000)
    currency: str = "USD"
    equivalents: Mapping[str, Decimal] = field(default_factory=dict)
    zone: str = "UTC"

    def day(self, now: datetime) -> date:
        """The day on whose ledger this moment is."""
        return now.astimezone(ZoneInfo(self.zone)).date()

    def frees(self, now: datetime) -> str:
        """When the day's room is there again, in words."""
        return f"the next day's room opens at {window.midnight_after(now, self.zone):%Y-%m-%d %H:%M %Z}"

    def share(self, size: int) -> int:
        """How many of a fleet of this size may be touched in a day."""
        return max(1, size * self.percent_of_fleet // 100)

    def load(self, targets: Iterable[Target]) -> Load:
        """What these targets take.

        Raises:
            Refused: a cost is in a currency that has no equivalent.
        """
        found = list(targets)
        return Load(len(found), money.total(map(self._worth, found)), Counter(map(fleet_of, found)))

    def _worth(self, target: Target) -> Decimal:
        if not target.monthly_cost:
            return money.ZERO
        one = Decimal(1) if target.currency == self.currency else self.equivalents.get(target.currency)
        if one is None:
            raise Refused(
                f"{target.name or target.id} costs {target.currency}, which has no equivalent in "
                f"{self.currency}; add it to caps.equivalents in the settings."
            )
        return money.quantize(money.EXACT.multiply(target.monthly_cost, one))

    def against(self, wanted: Load, used: Load, fleets: Mapping[str, int]) -> str | None:
        """What speaks against taking this beside what is taken already, in words, or None.

        Args:
            fleets: how many there are of each fleet in all.
        """
        return next(self._over(wanted, used, fleets), None)

    def _over(self, wanted: Load, used: Load, fleets: Mapping[str, int]) -> Iterator[str]:
        if used.targets + wanted.targets > self.targets_per_day:
            left = max(0, self.targets_per_day - used.targets)
            yield f"it has {wanted.targets} targets, and {left} of the {self.targets_per_day} a day are left"
        if money.total((used.amount, wanted.amount)) > self.amount_per_day:
            left_over = max(money.ZERO, money.minus(self.amount_per_day, used.amount))
            yield (
                f"its targets cost {self._spelt(wanted.amount)} a month, and "
                f"{self._spelt(left_over)} of the {self._spelt(self.amount_per_day)} a day are left"
            )
        if self.percent_of_fleet < ALL:
            for fleet, many in sorted(wanted.fleets.items()):
                yield from self._over_share(fleet, many, used.fleets.get(fleet, 0), fleets.get(fleet, 0))

    def _over_share(self, fleet: str, wanted: int, used: int, size: int) -> Iterator[str]:
        if size < wanted:
            yield f"nobody counted all of {fleet}, so its share is unknown"
        elif used + wanted > self.share(size):
            yield (
                f"it has {wanted} of the {size} in {fleet}, and {max(0, self.share(size) - used)} of the "
                f"{self.share(size)} a day ({self.percent_of_fleet} %) are left"
            )

    def _spelt(self, amount: Decimal) -> str:
        return f"{money.cents(amount)} {self.currency}"


def fleet_of(target: Target) -> str:
    """The fleet of a target: its type, account and environment, as people read them."""
    named = "+".join(sorted(environments.environments(target.tags))) or "no environment"
    return f"{target.kind}s/{target.account}/{named}"


def fleets(everything: Iterable[Target]) -> dict[str, int]:
    """How many there are of each fleet, from a complete listing."""
    return dict(Counter(map(fleet_of, everything)))
