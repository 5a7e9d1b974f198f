"""What it cost, by any dimensions: from the line items, or from the ledger where teams are asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from flows import allocating
from flows.desk import Desk
from spend.errors import NotFound
from spend.ledger import Entry
from spend.period import Period
from storage import allocate, asof, ledger, records, tables
from storage.charges import SOURCE
from storage.costs import CostTable, complete_through_by_source, team_costs
from storage.costs import costs as item_costs
from storage.snapshots import counted

TEAM = "team"


def costs(
    desk: Desk,
    *,
    by: Sequence[str] = (),
    where: Mapping[str, str] | None = None,
    start: date | None = None,
    end: date | None = None,
    as_of: str | None = None,
) -> CostTable:
    """Exact sums, always apart by currency, of what counts; or of one source, where `where` names it.

    Args:
        by: FOCUS columns in snake case, `day`, `month`, `source`, `team`, `tag:KEY`.
        where: wanted values of dimensions; an empty text asks for charges without one.
        start: the first day (UTC) that counts; `end` the first that does not.
        as_of: what counted then, instead of now (`storage.asof.resolve`).

    Raises:
        NotFound: there is no such dimension, nothing that `as_of` could mean, or its line items are gone.
    """
    with desk.store.reading() as session:
        then = asof.resolve(session, as_of) if as_of else None
        current = list(then.snapshots) if then else records.current_snapshots(session)
    counts = counted(current, desk.org.counts)
    named = [row for row in current if row.source == (where or {}).get(SOURCE)]
    if TEAM in by or TEAM in (where or {}):
        apart = [row for row in named if row not in counts]
        _whole(apart)
        entries = _entries(desk, apart, start, end, then.at if then else None)
        through = complete_through_by_source(apart or counts)
        found = replace(
            team_costs(entries, by=by, where=where, complete_through=min(through.values(), default=None)),
            complete_through_by_source=through,
        )
    else:
        _whole(named or counts)
        found = item_costs(
            desk.lake,
            desk.store,
            by=by,
            where=where,
            start=start,
            end=end,
            snapshots=[row.id for row in named or counts],
            promoted=desk.org.promoted_tags,
        )
    missing = {row.source for row in current if row not in counts and row not in named}
    return replace(found, left_out=tuple(sorted(missing)), as_of=then)


def _whole(rows: Sequence[tables.Snapshot]) -> None:
    if gone := asof.without_files(rows):
        raise NotFound(
            f"The line items of {gone[0]} are gone: they were cleared away some time after another delivery "
            "had taken its place. What teams paid is still known: ask --by team."
        )


def _entries(
    desk: Desk,
    apart: Sequence[tables.Snapshot],
    start: date | None,
    end: date | None,
    at: datetime | None,
) -> list[Entry]:
    """What the ledger holds; or, of a source that has no place in it, what it would hold."""
    if apart:
        keys, teams = [row.id for row in apart], sorted(desk.org.teams)
        return allocate.allocate(desk.lake, keys, allocating.rules(desk), teams=teams, start=start, end=end)
    with desk.store.reading() as session:
        return ledger.standing(session, period=Period(start or date.min, end or date.max), as_of=at)
