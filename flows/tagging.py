"""How much of what was used bears a tag, and so can be told whose it is."""

from datetime import date

from flows.desk import Desk
from spend.tagging import Tagged, tagged
from storage import records
from storage.costs import gross_usage
from storage.snapshots import counted


def untagged(desk: Desk, key: str, *, start: date | None = None, end: date | None = None) -> list[Tagged]:
    """The share of gross usage that lacks a tag, by currency.

    Args:
        key: the tag's key; a promoted one in any letter case, any other one exactly.
        start: the first day (UTC) that counts; `end` the first that does not.
    """
    with desk.store.reading() as session:
        rows = counted(records.current_snapshots(session), desk.org.counts)
    keys, promoted = [row.id for row in rows], desk.org.promoted_tags
    return tagged(gross_usage(desk.lake, keys, f"tag:{key}", start=start, end=end, promoted=promoted))
