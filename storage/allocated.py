"""The line items with the team that each belongs to: what digests, notices and disputes are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from spend.allocation import AnyRule
from spend.money import ZERO
from spend.period import Period
from storage.allocate import verdict_of, verdicts
from storage.charges import charges as line_items
from storage.charges import dimension, only, within
from storage.lake import Lake


@dataclass(frozen=True, slots=True)
class Charged:
    """Charges with the same key and verdict, added up.

    Attributes:
        key: the values of the dimensions that were asked for, in their order.
        team: who owns them directly; None for a shared pool and for what nobody owns.
    """

    key: tuple[Any, ...]
    rule: str
    team: str | None
    pool: str | None
    currency: str
    effective: Decimal
    billed: Decimal


def charges(
    lake: Lake,
    snapshots: Sequence[str],
    rules: Sequence[AnyRule],
    *,
    by: Sequence[str],
    period: Period,
    team: str | None = None,
    unowned: bool = False,
    where: Mapping[str, str] | None = None,
) -> list[Charged]:
    """Charges of a span of days by some dimensions, with their verdict.

    Args:
        team: only what this team owns directly.
        unowned: only what no rule gives to anybody.
        where: wanted values of dimensions; an empty text asks for charges without one.

    Raises:
        NotFound: there is no such dimension, or a snapshot's files are gone.
    """
    with line_items(lake, snapshots) as bill:
        judged = verdicts(only(within(bill.table, period.start, period.end), where or {}), rules)
        keys = {f"dimension_{at}": dimension(judged, name) for at, name in enumerate(by)}
        keys |= {"currency": judged.billing_currency, "number": judged.rule_at, "named": judged.tag_team}
        grouped = judged.group_by(**keys).aggregate(
            effective=judged.effective_cost.sum(), billed=judged.billed_cost.sum()
        )
        rows = bill.fetch(grouped.order_by(list(keys)))
    found = [_charged(row, rules, len(by)) for row in rows]
    return [
        row
        for row in found
        if (team is None or row.team == team) and not (unowned and (row.team or row.pool))
    ]


def _charged(row: Mapping[str, Any], rules: Sequence[AnyRule], width: int) -> Charged:
    rule, team, pool = verdict_of(rules, row["number"], row["named"])
    return Charged(
        key=tuple(row[f"dimension_{at}"] for at in range(width)),
        rule=rule,
        team=team,
        pool=pool,
        currency=row["currency"],
        effective=row["effective"] or ZERO,
        billed=row["billed"] or ZERO,
    )
