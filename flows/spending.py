"""What it cost, by any dimensions: from the line items, or from the ledger where teams are asked for."""

from collections.abc import Mapping, Sequence
from datetime import date

from flows.desk import Desk
from spend.period import Period
from storage import ledger, records
from storage.costs import CostTable, complete_through, team_costs
from storage.costs import costs as item_costs

TEAM = "team"


def costs(
    desk: Desk,
    *,
    by: Sequence[str] = (),
    where: Mapping[str, str] | None = None,
    start: date | None = None,
    end: date | None = None,
) -> CostTable:
    """Exact sums, always apart by currency.

    Args:
        by: FOCUS columns in snake case, `day`, `month`, `team`, `tag:KEY`.
        where: wanted values of dimensions; an empty text asks for charges without one.
        start: the first day (UTC) that counts; `end` the first that does not.

    Raises:
        NotFound: there is no such dimension.
    """
    if TEAM not in by and TEAM not in (where or {}):
        promoted = desk.org.promoted_tags
        return item_costs(desk.lake, desk.store, by=by, where=where, start=start, end=end, promoted=promoted)
    with desk.store.reading() as session:
        through = complete_through(records.current_snapshots(session))
        span = Period(start or date.min, end or date.max)
        entries = ledger.standing(session, period=span)
    return team_costs(entries, by=by, where=where, complete_through=through)
