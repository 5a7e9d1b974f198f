"""A team's Monday digest: at most 12 blocks and 3,000 characters, whatever the team spends on."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from bot.blocks import kit
from bot.blocks.kit import Block
from bot.rendered import IMAGE_ID
from spend import money
from spend.budget import Standing
from spend.charge import Basis
from spend.digest import Digest, Figure, Move, Unowned, push_text
from spend.forecast import Forecast
from spend.period import DAY

BLOCKS, CHARACTERS, PUSH = 12, 3000, 110
SHOWN_MOVES, SHOWN_UNOWNED, SHOWN_CURRENCIES, SHOWN_TITLES, SHOWN_SOURCES = 3, 3, 3, 2, 3
BASES = {Basis.EFFECTIVE: "EffectiveCost (amortised)", Basis.BILLED: "BilledCost (as invoiced)"}

#: A mover with its place in the digest, which is what its button carries.
Numbered = tuple[int, Figure, Move]


def draw(key: str, digest: Digest, alt: str | None) -> tuple[str, list[Block]]:
    """The push text and the blocks of the digest with this id.

    Args:
        alt: what the chart says, in words; None where there is no chart.
    """
    blocks = [
        kit.header(f"{kit.clip(digest.title, 60)}: cloud spend, {week(digest)}"),
        kit.section("\n".join(_totals(digest))),
        *([kit.picture(alt, chart_title(digest), IMAGE_ID)] if alt else []),
        *[mover(key, one) for one in shown_moves(digest)],
        *_other(digest),
        *_unowned(key, digest),
        *_open(digest),
        kit.context(small_print(digest)),
    ]
    return kit.name(push_text(digest), PUSH), blocks


def week(digest: Digest) -> str:
    """The days of the digest's week."""
    return kit.days(digest.week.start, digest.week.end - DAY)


def chart_title(digest: Digest) -> str:
    """What stands above the chart."""
    return f"Spend per day, {kit.days(digest.week.before().start, digest.week.end - DAY)}"


def by_size(digest: Digest) -> list[Figure]:
    """The currencies, the one with most money first."""
    return sorted(digest.figures, key=lambda figure: (-abs(figure.total), figure.currency))


def numbered(digest: Digest) -> list[Numbered]:
    """All movers with their places: counted through the currencies as they are stored."""
    every = [(figure, move) for figure in digest.figures for move in figure.moves]
    return [(place, figure, move) for place, (figure, move) in enumerate(every)]


def shown_moves(digest: Digest) -> list[Numbered]:
    """The three movers that the digest shows: in turn from each currency, the largest first."""
    every = numbered(digest)
    mine = [
        [one for one in every if one[1].currency == figure.currency]
        for figure in by_size(digest)[:SHOWN_CURRENCIES]
    ]
    in_turn = [one for turn in zip_longest(*mine) for one in turn if one]
    return in_turn[:SHOWN_MOVES]


def _totals(digest: Digest) -> list[str]:
    if not digest.figures:
        return ["Nothing was spent this week."]
    figures = by_size(digest)
    lines = [
        line for figure in figures[:SHOWN_CURRENCIES] for line in _figure(figure, alone=len(figures) == 1)
    ]
    if (more := len(figures) - SHOWN_CURRENCIES) > 0:
        lines.append(f"… and {kit.count(more, 'more currency', 'more currencies')}, in the thread")
    return lines


def _figure(figure: Figure, *, alone: bool) -> Iterator[str]:
    share = kit.percent(figure.change, figure.before)
    moved = f"{kit.change(figure.change, figure.currency)}{f' ({_signed(share)})' if share else ''}"
    same = money.cents(figure.change) == 0
    yield (
        f"*{kit.amount(figure.total, figure.currency)}* this week, "
        f"{'the same as' if same else f'*{moved}* against'} the week before."
    )
    if figure.forecast:
        yield _forecast(figure.forecast, figure.currency, alone=alone)
    if figure.budget:
        yield _budget(figure.budget, figure.currency)


def _signed(share: str) -> str:
    return share if share.startswith(("−", "0 ")) else f"+{share}"


def _forecast(forecast: Forecast, currency: str, *, alone: bool) -> str:
    low, high = (kit.amount(value, currency, whole=True) for value in (forecast.low, forecast.high))
    likely = f" (likely {low} to {high})" if alone and low != high else ""
    expected = kit.amount(forecast.expected, currency, whole=True)
    return f"This month: {kit.amount(forecast.spent, currency)} so far, about {expected} by its end{likely}."


def _budget(standing: Standing, currency: str) -> str:
    amount = kit.amount(standing.budget.amount, currency, whole=True)
    used = f"{int(standing.share * 100)} % used".replace("-", "−")
    if not standing.over:
        return f"Budget {amount}: {used}, on course."
    above = max(standing.spent, standing.forecast) - standing.budget.amount
    return f"Budget {amount}: {used}, *heading {kit.amount(above, currency, whole=True)} over*."


def mover(key: str, one: Numbered) -> Block:
    """One mover, with the button that disputes it."""
    place, figure, move = one
    mark = "▲" if move.change > 0 else "▼"
    text = (
        f"{mark} *{kit.name(move.name, 64)}* {kit.change(move.change, figure.currency)}\n"
        f"{kit.amount(move.now, figure.currency)} this week, "
        f"{kit.amount(move.before, figure.currency)} the week before"
    )
    behind = (move.service, move.resource, move.meter, move.pool)
    if not any(behind):  # it sums up corrections: there is no charge that could be disputed
        return kit.section(text)
    return kit.section(text, kit.button("Dispute", "charge.dispute", f"{key}:{place}"))


def _other(digest: Digest) -> list[Block]:
    """Everything else: with the movers shown it adds up to the change, to the cent."""
    shown = shown_moves(digest)
    parts = []
    for figure in by_size(digest)[:SHOWN_CURRENCIES]:
        named = [move.change for _, of, move in shown if of.currency == figure.currency]
        rest = kit.change(money.minus(figure.change, money.total(named)), figure.currency)
        parts.append(f"{rest}, so {kit.change(figure.change, figure.currency)} in all")
    return [kit.context(f"Everything else: {'; '.join(parts)}")] if shown else []


def _unowned(key: str, digest: Digest) -> list[Block]:
    shown = list(enumerate(digest.unowned[:SHOWN_UNOWNED]))
    more = len(digest.unowned) - len(shown)
    blocks = []
    for place, one in shown:
        tail = f"\n… and {more} more in the thread" if more > 0 and place == len(shown) - 1 else ""
        blocks.append(unowned(key, place, one, tail))
    return blocks


def unowned(key: str, place: int, one: Unowned, tail: str = "") -> Block:
    """One charge that nobody owns, with the button that claims it."""
    text = f"Nobody owns *{charge(one)}*: {kit.amount(one.amount, one.currency)} this week{tail}"
    return kit.section(text, kit.button("Claim", "charge.claim", f"{key}:{place}"))


def charge(one: Unowned) -> str:
    """What a charge is, in words."""
    parts = [kit.name(part, 44) for part in (one.service, one.name or one.resource) if part]
    return " · ".join(parts) or "a charge without a name"


def _open(digest: Digest) -> list[Block]:
    """Open findings and waiting plans, counted, with the first titles."""
    lines = []
    if digest.findings:
        found = [
            f"{kit.name(one.title, 60)} ({kit.amount(one.amount, one.currency)})" for one in digest.findings
        ]
        lines.append(_line(f"*{kit.count(len(found), 'open finding')}:*", found))
    if digest.waiting:
        waits = [
            f"{kit.name(one.title, 60)} ({kit.amount(one.saving, one.currency)} a month)"
            for one in digest.waiting
        ]
        lines.append(_line(f"*{len(waits)} waiting for approval:*", waits))
    return [kit.section("\n".join(lines))] if lines else []


def _line(head: str, titles: Sequence[str]) -> str:
    more = len(titles) - SHOWN_TITLES
    return f"{head} {'; '.join(titles[:SHOWN_TITLES])}{f' and {more} more' if more > 0 else ''}"


def small_print(digest: Digest) -> str:
    """Through which day, on which basis, in which currencies, against what."""
    currencies = ", ".join(kit.name(figure.currency, 5) for figure in by_size(digest)[:SHOWN_CURRENCIES])
    before = digest.week.before()
    parts = [
        f"Complete through {kit.day(digest.complete_through)}{_apart(digest)}",
        BASES[digest.basis],
        *([currencies] if currencies else []),
        f"changes against {kit.days(before.start, before.end - DAY)}",
    ]
    return " · ".join(parts)


def _apart(digest: Digest) -> str:
    """How far each source is complete, the ones that are behind first."""
    behind = sorted(digest.apart, key=lambda one: one.day)
    shown = [f"{kit.name(one.source, 20)} {kit.day(one.day)}" for one in behind[:SHOWN_SOURCES]]
    more = [f"{len(behind) - SHOWN_SOURCES} more"] if len(behind) > SHOWN_SOURCES else []
    return f" ({', '.join([*shown, *more])})" if shown else ""
