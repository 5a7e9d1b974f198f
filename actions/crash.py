"""Named points between two durable effects, where a proof may end the process; in service they do nothing."""

from collections.abc import Callable

_hook: Callable[[str], None] | None = None


def crashpoint(name: str) -> None:
    """Mark a point after which the process may die; `tests/crash` ends it at each of them."""
    if _hook is not None:
        _hook(name)


def arm(hook: Callable[[str], None] | None) -> None:
    """Have every point call this, or nothing again. Only a proof does this."""
    global _hook  # noqa: PLW0603 - one process, one hook: a point must cost nothing where no proof runs
    _hook = hook
