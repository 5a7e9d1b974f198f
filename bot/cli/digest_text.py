"""A digest as plain lines, for a terminal."""

from collections.abc import Iterator
from decimal import Decimal

from flows.digests import Sent
from spend.digest import Digest, Figure

WHEN = "%Y-%m-%d %H:%M"


def lines(shown: Digest | Sent) -> Iterator[str]:
    """A digest, and where it was sent what its thread was told last."""
    if isinstance(shown, Digest):
        yield from _digest(shown)
        return
    yield from _digest(shown.digest)
    yield f"Sent {shown.at:{WHEN}} UTC as {shown.id}; `bursar costs --as-of {shown.id}` counts it again."
    if shown.reply is not None:
        yield f"Its thread was told {shown.reply.now.at:{WHEN}} UTC:"
        for change in shown.reply.changes:
            yield f"  {_amount(change.old, change.currency)} -> {_amount(change.new, change.currency)}"


def _digest(digest: Digest) -> Iterator[str]:
    """Top down: totals, movers, what nobody owns, what waits."""
    last = digest.week.end.toordinal() - 1
    yield f"{digest.title}: {digest.week.start} to {type(digest.week.end).fromordinal(last)}"
    for figure in digest.figures:
        yield from _figure(figure)
    if not digest.figures:
        yield "  No spend in this week or the one before."
    if digest.unowned:
        yield "Nobody owns"
        for charge in digest.unowned:
            what = charge.resource or charge.service or "no service"
            amount = _amount(charge.amount, charge.currency)
            yield f"  {amount:>18}  {what} ({charge.account or 'no account'})"
    for finding in digest.findings:
        yield f"Open: {finding.title}, {_amount(finding.amount, finding.currency)}, since {finding.since}"
    for plan in digest.waiting:
        saving = _amount(plan.saving, plan.currency)
        yield f"Waits for approval: {plan.title} ({plan.targets}), saves {saving} a month"
    for restated in digest.corrections:
        yield f"The week before changed by {_signed(restated.amount, restated.currency)}: {restated.reason}"
    apart = ", ".join(f"{one.source} {one.day}" for one in digest.apart)
    through = f"{digest.complete_through}{f' ({apart})' if apart else ''}"
    yield f"Complete through {through}. Cost basis: EffectiveCost (amortised)."


def _figure(figure: Figure) -> Iterator[str]:
    currency = figure.currency
    change = _signed(figure.change, currency)
    yield f"  Total {_amount(figure.total, currency)}, {change} against the week before"
    if figure.forecast:
        ahead = figure.forecast
        spent, expected, low, high = (
            _amount(amount, currency) for amount in (ahead.spent, ahead.expected, ahead.low, ahead.high)
        )
        yield f"  Month so far {spent}; by month end {expected} ({low} to {high})"
    if figure.budget:
        state = "over" if figure.budget.over else "within"
        budget = _amount(figure.budget.budget.amount, currency)
        yield f"  Budget {budget}: {state}, {figure.budget.share:.0%} spent"
    for move in figure.moves:
        yield f"  {_signed(move.change, currency):>18}  {move.name}"
    if figure.moves or figure.other:
        yield f"  {_signed(figure.other, currency):>18}  everything else"


def _amount(amount: Decimal, currency: str) -> str:
    return f"{amount:,.2f} {currency}"


def _signed(amount: Decimal, currency: str) -> str:
    return f"{amount:+,.2f} {currency}"
