"""Plants a fault: for a while, one part of the product is a wrong one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Part:
    """A function, method or table of the product, and how to make it wrong.

    Attributes:
        where: the module or class that holds it.
        wrong: makes the wrong one of the right one.
    """

    where: Any
    name: str
    wrong: Callable[[Any], Any]

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Have it wrong until the block ends."""
        right = vars(self.where)[self.name]
        setattr(self.where, self.name, self.wrong(right))
        try:
            yield
        finally:
            setattr(self.where, self.name, right)


Fault = tuple[Part, ...]


def part(where: Any, name: str, wrong: Callable[[Any], Any]) -> Fault:
    """A fault in one place; several are added up."""
    return (Part(where, name, wrong),)


def answering(value: Any) -> Callable[[Any], Any]:
    """Whatever is asked, this is the answer."""
    return lambda _right: lambda *_args, **_names: value


@dataclass(frozen=True, slots=True)
class Seeded:
    """A fault, and the rules of its machine that concern it: with the others beside, the hunt takes longer.

    Attributes:
        rules: their names, apart by spaces.
    """

    fault: Fault
    rules: str


@contextmanager
def planted(fault: Fault) -> Iterator[None]:
    """Have all places of a fault wrong until the block ends."""
    with ExitStack() as stack:
        for one in fault:
            stack.enter_context(one.planted())
        yield
