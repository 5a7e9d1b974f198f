"""What ends by itself: everything that nobody answered in time, asked at each look of a worker."""

from collections.abc import Callable
from datetime import datetime

from flows import approvals, auditing, directory, say, standing
from flows.desk import Desk

#: Each is cheap where nothing is due.
DUTIES: tuple[Callable[[Desk, datetime], object], ...] = (
    approvals.expire,
    auditing.look,
    say.expire,
    standing.expire,
    directory.due,
)


def expire(desk: Desk, now: datetime) -> None:
    """End what is overdue."""
    for duty in DUTIES:
        duty(desk, now)
