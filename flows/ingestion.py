"""Bringing a bill in: read, published in one step, allocated; what was there before stays on a refusal."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from actions.crash import crashpoint
from flows import allocating
from flows.desk import Desk
from storage.lake import NO_ACCESS, import_files
from storage.snapshots import ImportReport
from storage.sources.remote import Access

Progress = Callable[[int, int, str], None]


def bring_in(
    desk: Desk,
    places: Sequence[Path | str],
    *,
    access: Access = NO_ACCESS,
    dialect: str | None = None,
    currency: str | None = None,
    source: str | None,
    actor: str,
    now: datetime,
    progress: Progress = lambda _done, _all, _what: None,
) -> ImportReport:
    """Import a delivery and bring the ledger to it.

    Raises:
        InputRefused: the delivery cannot be read safely; nothing changed.
    """
    report = import_files(
        desk.lake,
        desk.store,
        places,
        access=access,
        dialect=dialect,
        currency=currency,
        source=source,
        promoted=desk.org.promoted_tags,
        actor=actor,
        now=now,
        progress=progress,
    )
    crashpoint("import.published")
    allocating.reallocate(desk, now)
    return report


def bring_in_source(
    desk: Desk,
    name: str,
    *,
    actor: str,
    now: datetime,
    progress: Progress = lambda _done, _all, _what: None,
) -> ImportReport:
    """Import what a source of the settings delivers.

    Raises:
        NotFound: the settings have no such source.
        InputRefused: the delivery cannot be read safely; nothing changed.
    """
    source = desk.org.source(name)
    return bring_in(
        desk,
        [source.place],
        access=source.access,
        dialect=source.kind,
        currency=source.currency,
        source=name,
        actor=actor,
        now=now,
        progress=progress,
    )
