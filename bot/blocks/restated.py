"""The reply in a digest's thread: its figures changed, from what to what, on which days, and why."""

from collections.abc import Iterator

from bot.blocks import kit
from bot.blocks.kit import Block
from spend import money
from spend.period import DAY
from spend.restatement import Cause, Change, Restatement, Why

SHOWN_CURRENCIES, SHOWN_DAYS, SHOWN_CAUSES = 3, 4, 5
#: The ids of older snapshots are hashes: so much of one is enough to name it.
LONGEST, SHORT = 25, 12
SAID = {
    Why.SHARED: "the shared costs of {subject} were split anew, as what the teams spend has changed",
    Why.RULES: "the rules that give charges to teams have changed",
    Why.REST: "other changes of these days",
}


def draw(key: str, told: Restatement, title: str) -> tuple[str, list[Block]]:
    """The text and the blocks of the reply to the digest with this id.

    Args:
        title: what people call the team.
    """
    changes = sorted(told.changes, key=lambda one: (-one.moved, one.currency))
    days = kit.days(told.week.start, told.week.end - DAY)
    blocks = [kit.section(f"*The figures of {days} have changed.*")]
    blocks += [
        kit.section("\n".join([*_change(change), *_why(change)])) for change in changes[:SHOWN_CURRENCIES]
    ]
    if (more := len(changes) - SHOWN_CURRENCIES) > 0:
        blocks.append(kit.context(f"… and {kit.count(more, 'more currency', 'more currencies')}"))
    blocks.append(
        kit.context(
            f"Compared with what was told {kit.moment(told.since)} · EffectiveCost (amortised) · "
            f"`bursar digest --as-of {kit.escape(key)}` shows the old figures"
        )
    )
    return f"{kit.name(title, 40)}, {days}: {_push(changes[0])}", blocks


def _push(change: Change) -> str:
    old, new = kit.amount(change.old, change.currency), kit.amount(change.new, change.currency)
    return f"{new} now, told as {old}"


def _change(change: Change) -> Iterator[str]:
    """The total, then the days that changed most; with the rest they add up to its change."""
    old, new = kit.amount(change.old, change.currency), kit.amount(change.new, change.currency)
    if change.change:
        yield f"{old} → *{new}*, {kit.change(change.change, change.currency)}"
    else:
        yield f"*{new}* in all, as before, but on other days"
    shown = sorted(change.days, key=lambda one: (-abs(one.change), one.day))[:SHOWN_DAYS]
    for one in sorted(shown, key=lambda one: one.day):
        was, now = kit.amount(one.old, change.currency), kit.amount(one.new, change.currency)
        yield f"• {kit.day(one.day)}: {was} → {now}"
    rest = money.minus(change.change, money.total(one.change for one in shown))
    if len(change.days) > len(shown):
        yield f"• the other days: {kit.change(rest, change.currency)}"
    elif rest:
        yield f"• what rounding leaves: {kit.change(rest, change.currency)}"


def _why(change: Change) -> Iterator[str]:
    shown = change.causes[:SHOWN_CAUSES]
    rest = money.minus(change.change, money.total(cause.amount for cause in shown))
    if shown:
        yield "*Why*"
    for cause in shown:
        yield f"• {kit.change(cause.amount, change.currency)}: {_cause(cause)}"
    if len(change.causes) > len(shown):
        yield f"• {kit.change(rest, change.currency)}: {len(change.causes) - len(shown)} more reasons"


def _cause(cause: Cause) -> str:
    when = f" ({kit.moment(cause.at)})" if cause.at else ""
    if cause.kind is Why.DELIVERY:
        return _delivery(cause, when)
    if cause.kind is Why.RULING:
        return f"finance ruled on the dispute of {kit.name(cause.what or 'a charge', 60)}{when}"
    if cause.kind is Why.CLAIM:
        return f"{kit.name(cause.what or 'a charge', 60)} was claimed{when}"
    return SAID[cause.kind].format(subject=kit.name(cause.subject or "", 40))


def _delivery(cause: Cause, when: str) -> str:
    bill = f"{kit.name(cause.source or '', 30)}, account {kit.name(cause.account or '', 30)}"
    month = f"{cause.period:%B %Y}" if cause.period else ""
    if cause.former is None:
        return f"a first bill of {bill}, {month}: {_snapshot(cause.subject)}{when}"
    former = _snapshot(cause.former)
    return f"a new bill of {bill}, {month}: {_snapshot(cause.subject)}{when} in place of {former}"


def _snapshot(key: str | None) -> str:
    whole = key or ""
    return f"`{kit.escape(whole if len(whole) <= LONGEST else whole[:SHORT])}`"
