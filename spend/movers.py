"""What moved a total between two spans, in cents that add up as they are displayed."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

from spend.money import ZERO, cents, minus, total

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Mover(Generic[Key]):
    """One thing that moved; now - before = change, in cents."""

    key: Key
    now: Decimal
    before: Decimal
    change: Decimal


@dataclass(frozen=True, slots=True)
class Movers(Generic[Key]):
    """The largest movers; their changes + other = change = total - before, in cents.

    `other` is the change of everything else and takes up the rounding.
    """

    top: tuple[Mover[Key], ...]
    other: Decimal
    total: Decimal
    before: Decimal
    change: Decimal


def movers(now: Mapping[Key, Decimal], before: Mapping[Key, Decimal], limit: int = 3) -> Movers[Key]:
    """Compare two spans by key, in one currency and basis.

    The largest changes come first, up or down; equal ones in the order of their keys' text.
    What did not move by a cent is no mover.
    """
    lines = [
        Mover(key, here, there, minus(here, there))
        for key in now.keys() | before.keys()
        for here, there in [(cents(now.get(key, ZERO)), cents(before.get(key, ZERO)))]
        if here != there
    ]
    top = tuple(sorted(lines, key=lambda line: (-abs(line.change), str(line.key)))[:limit])
    here, there = cents(total(now.values())), cents(total(before.values()))
    change = minus(here, there)
    return Movers(top, minus(change, total(line.change for line in top)), here, there, change)
