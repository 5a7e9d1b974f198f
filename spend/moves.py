"""State machines as tables: an enum, the moves it allows, and a check."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from spend.errors import Conflict

State = TypeVar("State", bound=StrEnum)
Moves = Mapping[State, frozenset[State]]


def check(moves: Moves[State], what: str, start: State, to: State) -> None:
    """Raise `Conflict` unless the table allows this move."""
    if to not in moves.get(start, frozenset()):
        raise Conflict(f"This {what} is already {start}; it cannot become {to}.")


def diagram(moves: Moves[State]) -> str:
    """Draw the table as a Mermaid state diagram, for the docs."""
    lines = [f"    {start} --> {to}" for start in moves for to in sorted(moves[start])]
    return "\n".join(["stateDiagram-v2", *lines])
