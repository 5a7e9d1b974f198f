"""Bringing a bill in: read, published in one step, allocated; what was there before stays on a refusal."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from actions.crash import crashpoint
from flows import allocating, deliveries, estimating, restating, watching
from flows.deliveries import Note
from flows.desk import Desk
from storage import ids, quarantine
from storage.lake import NO_ACCESS, import_files
from storage.snapshots import DeliveryRefused, ImportReport
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
    forced: bool = False,
    actor: str,
    now: datetime,
    progress: Progress = lambda _done, _all, _what: None,
) -> ImportReport:
    """Import a delivery, bring the ledger to it, and tell what it changed in weeks that were told before.

    It leaves a report of its own (`flows.deliveries`), whatever becomes of it.

    Args:
        forced: it takes the place even of what looks later.

    Raises:
        InputRefused: the delivery cannot be read safely; nothing changed.
    """
    note = Note(ids.new("delivery"), list(map(str, places)), actor)
    try:
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
            delivery=note.key,
            told=note.keep,
            forced=forced,
        )
    except DeliveryRefused as refusal:
        with desk.store.writing(now) as unit:
            note.refuse(unit, refusal.report, desk.org.told_of_data)
        raise
    if not report.changed:
        with desk.store.writing(now) as unit:
            note.keep(unit, report)
    crashpoint("import.published")
    allocating.reallocate(desk, now)
    restating.look(desk, now)
    estimating.reconcile(desk, now)
    watching.watch(desk, now)
    return deliveries.tie_out(desk, replace(report, delivery=note.key), now)


def bring_in_source(
    desk: Desk,
    name: str,
    *,
    forced: bool = False,
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
        forced=forced,
        actor=actor,
        now=now,
        progress=progress,
    )


def retry(
    desk: Desk,
    key: str,
    *,
    dialect: str | None = None,
    currency: str | None = None,
    forced: bool = False,
    actor: str,
    now: datetime,
    progress: Progress = lambda _done, _all, _what: None,
) -> ImportReport:
    """Import a refused delivery again from where it is kept aside, as today's settings say.

    Args:
        dialect: how it is written, and `currency` that of a bill that names none, where it was not said then.
        forced: it takes the place even of what looks later.

    Raises:
        NotFound: there is no such delivery, or its files are not kept any more.
        InputRefused: it is refused again; nothing changed.
    """
    row, kept = deliveries.refused(desk, key)
    known = desk.org.sources.get(row.source)
    report = bring_in(
        desk,
        kept.places,
        dialect=dialect or (known.kind if known else kept.said["dialect"]),
        currency=currency or (known.currency if known else kept.said["currency"]),
        source=kept.said["source"],
        forced=forced,
        actor=actor,
        now=now,
        progress=progress,
    )
    quarantine.drop(desk.lake.home, kept.folder.name)
    return report
