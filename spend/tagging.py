"""How much of the usage bears a tag: a share of what was used, which credits and refunds cannot turn over."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from spend.money import EXACT, ZERO, plain, quantize


@dataclass(frozen=True, slots=True)
class Tagged:
    """The gross usage of one currency: EffectiveCost of charges of category Usage that are above 0.

    Attributes:
        gross: all of it; `untagged` is what of it lacks the tag.
    """

    currency: str
    gross: Decimal
    untagged: Decimal

    @property
    def share(self) -> Decimal | None:
        """The untagged part from 0 to 1; None where nothing was used."""
        return quantize(EXACT.divide(self.untagged, self.gross)) if self.gross else None

    def to_data(self) -> dict[str, str | None]:
        """Plain data, amounts as text."""
        return {
            "currency": self.currency,
            "gross_usage": plain(self.gross),
            "untagged": plain(self.untagged),
            "share": None if self.share is None else plain(self.share),
        }


def tagged(parts: Iterable[tuple[str, Any, Decimal]]) -> list[Tagged]:
    """The shares by currency.

    Args:
        parts: currency, the tag's value or None, and the gross usage that has it.
    """
    sums: dict[str, list[Decimal]] = {}
    for currency, value, amount in parts:
        whole, without = sums.setdefault(currency, [ZERO, ZERO])
        lacking = amount if value is None else ZERO
        sums[currency] = [EXACT.add(whole, amount), EXACT.add(without, lacking)]
    return [Tagged(currency, *each) for currency, each in sorted(sums.items())]
