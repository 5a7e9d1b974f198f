"""A source of bills that is late, silent or shrunk: the message that says so, and that it is over."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from bot.blocks import kit
from bot.blocks.kit import Block
from flows import watching
from spend import money
from spend.arrival import SHRINKS, Condition
from storage.tables import Watched

BASES = {"billed_cost": "BilledCost", "effective_cost": "EffectiveCost"}


def draw(row: Watched) -> tuple[str, list[Block]]:
    """The push text and the blocks, as things stand now."""
    source, condition = kit.name(row.source), Condition(row.condition)
    title = f"{source} {TITLES[condition]}"
    over = [f"*Back to normal* since {kit.moment(row.ended_at)}"] if row.ended_at else []
    lines = [*over, *(_shrunk(row) if condition is Condition.SHRUNK else _overdue(row, condition))]
    blocks = [
        kit.header(f"{title}: over" if over else title),
        kit.section("\n".join(lines)),
        kit.context(f"`bursar deliveries --source {source}` lists what arrived · {kit.escape(row.id)}"),
    ]
    return (f"{source} is back to normal" if over else title), blocks


TITLES = {
    Condition.LATE: "is late",
    Condition.SILENT: "is silent",
    Condition.SHRUNK: "has become less",
}


def _overdue(row: Watched, condition: Condition) -> Iterator[str]:
    limit = timedelta(seconds=row.details["limit"])
    newest = kit.day(date.fromisoformat(row.details["day"]))
    if condition is Condition.LATE:
        yield f"*The last delivery* came {kit.moment(row.since)}."
        yield f"Usually the next one is there within {_hours(limit)}. The newest day is {newest}."
    else:
        yield f"*The newest day*, {newest}, came {kit.moment(row.since)}, and no later one since."
        usual = ", as usual for this source" if row.details["learned"] else ""
        yield f"A new day is expected within {_hours(limit)}{usual}."
    if not row.ended_at:
        yield "Look at the export at the provider, its permissions, and the schedule of the import."


def _shrunk(row: Watched) -> Iterator[str]:
    was, now = (watching.size(row.details[key]) for key in ("before", "after"))
    period = date.fromisoformat(row.details["period"])
    yield f"*Account {kit.name(row.details['account'])}, {period:%B %Y}*, of which the period is still open:"
    yield _changed("rows", f"{was.rows:,}", f"{now.rows:,}", Decimal(was.rows), Decimal(now.rows))
    for (currency, basis), amount in sorted(was.money.items()):
        after = now.money.get((currency, basis), money.ZERO)
        shown = kit.amount(amount, currency), kit.amount(after, currency)
        yield _changed(BASES[basis], *shown, amount, after)
    if not row.ended_at:
        share = kit.percent(SHRINKS, Decimal(1))
        yield f"It was imported all the same. More than {share} less may be an export that is not whole."


def _changed(what: str, was: str, now: str, before: Decimal, after: Decimal) -> str:
    share = kit.percent(money.minus(after, before), before)
    sign = "+" if after > before else ""
    return f"• {what}: {was} → {now}{f' ({sign}{share})' if share else ''}"


def _hours(span: timedelta) -> str:
    """A span in whole hours, or in days where it is many."""
    whole = -(-int(span.total_seconds()) // 3600)
    return kit.count(whole, "hour") if whole < 72 else kit.count(-(-whole // 24), "day")  # noqa: PLR2004 - three days
