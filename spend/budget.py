"""A budget of a month and how a team stands against it."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from spend.charge import Basis
from spend.money import EXACT


@dataclass(frozen=True, slots=True)
class Budget:
    """What a team means to spend in a month.

    Raises:
        ValueError: the amount is not above zero.
    """

    amount: Decimal
    currency: str
    basis: Basis = Basis.EFFECTIVE

    def __post_init__(self) -> None:
        if self.amount <= 0:
            raise ValueError(f"a budget has to be above zero, not {self.amount}")


@dataclass(frozen=True, slots=True)
class Standing:
    """How the month stands, in the budget's currency and basis.

    Attributes:
        spent: so far.
        forecast: the whole month, as expected.
        share: spent as a share of the budget, to four places (0.5 is half).
        over: whether the month is expected to end above the budget, or already is.
    """

    budget: Budget
    spent: Decimal
    forecast: Decimal
    share: Decimal
    over: bool


def stand(budget: Budget, spent: Decimal, forecast: Decimal) -> Standing:
    """Hold what was spent, and what is forecast, against the budget."""
    share = EXACT.divide(spent, budget.amount).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)
    return Standing(budget, spent, forecast, share, max(spent, forecast) > budget.amount)
