"""What stands in the thread of a plan's card, and what the owners of its targets are told."""

from collections.abc import Sequence

from actions.base import Target
from actions.plan import Plan
from bot.blocks import kit, progress
from bot.blocks.kit import Block
from bot.blocks.plan import Card, account, result, tally
from flows.org import Org
from spend import money

SHOWN_ROWS, ROWS_A_SECTION = 24, 8


def draw(card: Card) -> tuple[str, list[Block], list[Block]]:
    """All targets as a table, and the same in plain lines for clients that know no tables.

    Before the run the table says what each target is and costs; afterwards what became of it.
    """
    if card.steps:
        found = progress.outcomes(card.plan, card.steps)
        rows = [_outcome(one, card.org) for one in found]
        lines = [result(one) for one in found]
        text, head = (
            f"{kit.clip(card.plan.title, 80)}: {tally(card)}",
            ("", "Target", "Id", "Account", "Result"),
        )
    else:
        rows = [_target(one, card.org) for one in card.plan.targets]
        lines = [
            f"• *{kit.name(row[0])}* · {' · '.join(kit.name(word, 60) for word in row[1:])}" for row in rows
        ]
        text = f"{kit.clip(card.plan.title, 80)}: all {kit.count(len(rows), 'target')}"
        head = ("Target", "Id", "Account", "A month", "Why")
    return text, *_both(card, text, [head, *rows], lines)


def _both(
    card: Card, text: str, rows: Sequence[Sequence[str]], lines: Sequence[str]
) -> tuple[list[Block], list[Block]]:
    more = len(lines) - SHOWN_ROWS
    tail = [kit.context(f"… and {more} more: `bursar audit show {card.plan.id}`")] if more > 0 else []
    first = kit.section(kit.escape(text))
    cells = [[_cell(word) for word in row] for row in rows[: SHOWN_ROWS + 1]]
    shown = lines[:SHOWN_ROWS]
    chunks = [shown[n : n + ROWS_A_SECTION] for n in range(0, len(shown), ROWS_A_SECTION)]
    plain = [kit.section("\n".join(chunk)) for chunk in chunks]
    return [first, {"type": "table", "rows": cells}, *tail], [first, *plain, *tail]


def _outcome(one: progress.Outcome, org: Org) -> tuple[str, ...]:
    why = f": {one.why}" if one.why else ""
    said = kit.clip(progress.WORDS[one.state] + why, 90)
    return (progress.MARKS[one.state], *_identity(one.name, one.target, one.account, org), said)


def _target(one: Target, org: Org) -> tuple[str, ...]:
    cost = "not known" if one.monthly_cost is None else kit.amount(one.monthly_cost, one.currency)
    return (*_identity(one.name or one.id, one.id, one.account, org), cost, kit.clip(one.why or "–", 70))


def _identity(name: str, key: str, where: str, org: Org) -> tuple[str, str, str]:
    known = org.accounts.get(where)
    return kit.clip(name, 36), kit.clip(key, 36), kit.clip(known.name if known else where, 24)


def _cell(text: str) -> Block:
    return {"type": "raw_text", "text": text or " "}


def told(plan: Plan, names: Sequence[str], org: Org) -> str:
    """What the owners read in their own channel: what was done to what is theirs."""
    shown = [kit.name(one, 40) for one in names[:5]]
    more = [f"{len(names) - 5} more"] if len(names) > 5 else []  # noqa: PLR2004 - as many as are shown
    accounts = kit.listed(sorted({account(org, target.account) for target in plan.targets})[:3])
    saved = kit.amounts((currency, value) for currency, value in plan.saving.items() if money.cents(value))
    price = f" The whole run concerns {saved} a month." if saved else ""
    return f"*{kit.prose(plan.title, 120)}*: done to {kit.listed([*shown, *more])} in {accounts}.{price}"
