"""What ends by itself: everything that nobody answered in time, asked at each look of a worker."""

from collections.abc import Callable
from datetime import datetime

from flows import approvals, auditing, collecting, directory, say, standing, watching
from flows.desk import Desk

#: Each is cheap where nothing is due.
DUTIES: tuple[Callable[[Desk, datetime], object], ...] = (
    approvals.expire,
    auditing.look,
    collecting.look,
    say.expire,
    standing.expire,
    directory.due,
    watching.due,
)


def expire(desk: Desk, now: datetime) -> None:
    """End what is overdue."""
    for duty in DUTIES:
        duty(desk, now)
