"""Exact money: sums and shares on integers of 1e-20, so that parts always add up to the whole."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

#: The finest amount kept anywhere: DECIMAL(38,20) in the lake, NUMERIC(38,20) in the database.
QUANTUM = Decimal("1e-20")
CENT = Decimal("0.01")
ZERO = Decimal(0)
#: Wide enough for sums of any number of DECIMAL(38,20); Python's default of 28 digits is not.
EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Add amounts exactly, whatever the thread's decimal context says."""
    with localcontext(EXACT):
        return sum(amounts, ZERO)


def minus(left: Decimal, right: Decimal) -> Decimal:
    """Subtract exactly, whatever the thread's decimal context says."""
    return EXACT.subtract(left, right)


def quantize(amount: Decimal) -> Decimal:
    """Round half-even to 1e-20, the finest amount kept."""
    return EXACT.quantize(amount, QUANTUM)


def cents(amount: Decimal) -> Decimal:
    """Round half-even to cents: for statements and messages only."""
    return EXACT.quantize(amount, CENT)


def plain(amount: Decimal) -> str:
    """Write an amount as people and scripts read it: no exponent, no trailing zeros."""
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"", "-0"} else text


def split(amount: Decimal, weights: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Share an amount by weight with the largest-remainder method, on integers of 1e-20.

    The shares add up to the amount exactly. What rounding leaves over goes one quantum each
    to the parts that lost most; ties go in alphabetical order, so the same bill is always
    split the same way. Credits (negative amounts) are shared as their mirror image.

    Raises:
        ValueError: a weight is negative, or none is positive.
    """
    if not weights or any(weight < 0 for weight in weights.values()) or not any(weights.values()):
        raise ValueError("shares need weights of zero or more, and at least one above zero")
    units = int(quantize(abs(amount)).scaleb(20, EXACT))
    scale = -min(int(weight.as_tuple().exponent) for weight in weights.values())
    whole = {name: int(weight.scaleb(max(scale, 0), EXACT)) for name, weight in weights.items()}
    base = sum(whole.values())
    shares = {name: units * part // base for name, part in whole.items()}
    left = units - sum(shares.values())
    by_loss = sorted(whole, key=lambda name: (-(units * whole[name] % base), name))
    for name in by_loss[:left]:
        shares[name] += 1
    sign = -1 if amount < 0 else 1
    return {name: Decimal(sign * share).scaleb(-20, EXACT) for name, share in shares.items()}
