"""Keeping the ledger true to the bills: after an import, after a claim, and after a restatement."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from flows.desk import Desk
from spend.allocation import AnyRule, Ownership, in_order
from spend.claim import Predicate
from spend.ledger import Entry, restate
from spend.period import Period
from storage import allocate, allocated, ids, ledger, records, tables
from storage.allocated import Charged
from storage.work import SnapshotState


def rules(desk: Desk) -> tuple[AnyRule, ...]:
    """The rules in force, in order: claims on one resource, the settings' rules, broad claims."""
    with desk.store.reading() as session:
        claims = [
            Ownership(
                name=f"claim:{row.id}",
                predicate=Predicate(row.account, row.service, row.resource),
                team=row.team,
                valid_from=row.valid_from,
                valid_to=row.valid_to,
            )
            for row in records.ownerships(session)
        ]
    return in_order(claims, desk.org.rules)


def charges(
    desk: Desk,
    snapshots: Sequence[tables.Snapshot],
    *,
    by: Sequence[str],
    period: Period,
    team: str | None = None,
    unowned: bool = False,
    where: Mapping[str, str] | None = None,
) -> list[Charged]:
    """The charges of these snapshots, judged by the rules in force (`storage.allocated.charges`)."""
    keys = [row.id for row in snapshots]
    return allocated.charges(
        desk.lake, keys, rules(desk), by=by, period=period, team=team, unowned=unowned, where=where
    )


def reallocate(desk: Desk, now: datetime) -> int:
    """Bring the ledger to the current snapshots and today's rules; say how many entries it took.

    Lines that did not change are left alone, and rulings stay. What does not count has no lines.
    """
    written, seen = 0, None
    # Another process may have changed both while this one looked into the lake: the last word is today's.
    while seen != (seen := _seen(desk)):
        written += _once(desk, *seen, now)
    return written


def _seen(desk: Desk) -> tuple[tuple[AnyRule, ...], list[str], list[str]]:
    with desk.store.reading() as session:
        current = [row.id for row in records.current_snapshots(session)]
        counted = [row.id for row in records.counted_snapshots(session, desk.org.counts)]
    return rules(desk), current, counted


def _once(
    desk: Desk, in_force: tuple[AnyRule, ...], current: list[str], counted: list[str], now: datetime
) -> int:
    teams = tuple(sorted(desk.org.teams))
    fresh = allocate.allocate(desk.lake, counted, in_force, teams=teams)
    by_snapshot: dict[str, list[Entry]] = defaultdict(list)
    for entry in fresh:
        # A line may come back after it was reversed (a claim released and made again): it needs a new name.
        by_snapshot[entry.snapshot].append(replace(entry, id=ids.new("entry")))
    return sum(_bring(desk, snapshot, by_snapshot[snapshot], now) for snapshot in current)


def _bring(desk: Desk, snapshot: str, new: list[Entry], now: datetime) -> int:
    with desk.store.writing(now) as unit:
        # Locked, so that two workers do not both add the same lines.
        row = unit.get(tables.Snapshot, snapshot, lock=True)
        if row.state != SnapshotState.CURRENT:
            return 0
        bill = records.snapshots_of_bill(unit.session, row)
        written = restate(ledger.of_snapshots(unit.session, bill), new)
        ledger.post(unit, written)
        if not row.allocated:
            unit.change(row, allocated=True)
        if written:
            unit.record(
                "ledger.allocate",
                actor="bursar",
                subject=snapshot,
                after={"entries": len(written), "reversed": sum(e.reverses is not None for e in written)},
            )
        return len(written)
