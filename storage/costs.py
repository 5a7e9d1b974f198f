"""Answers "what did it cost": exact sums by any dimensions, always apart by currency."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from sqlmodel import col, select

from spend.arrival import filled
from spend.charge import USAGE
from spend.errors import NotFound
from spend.ledger import Entry
from spend.money import EXACT, plain, quantize, total
from spend.period import DAY
from storage.asof import AsOf
from storage.charges import charges, dimension, only, within
from storage.lake import Lake
from storage.snapshots import current
from storage.sources.columns import COSTS
from storage.store import Store
from storage.tables import Snapshot

#: By what else the costs of teams can be grouped: what an entry of the ledger knows.
ENTRY_DIMENSIONS: Mapping[str, Callable[[Entry], Any]] = {
    "team": lambda entry: entry.team,
    "rule": lambda entry: entry.rule,
    "day": lambda entry: entry.day,
    "month": lambda entry: entry.day.strftime("%Y-%m"),
    "billing_account_id": lambda entry: entry.billing_account,
    "sub_account_id": lambda entry: entry.account,
    "service_name": lambda entry: entry.service,
    "source": lambda entry: entry.source,
    "charge_category": lambda entry: entry.category,
    "charge_class": lambda entry: entry.charge_class,
}


@dataclass(frozen=True, slots=True)
class CostTable:
    """Costs by some dimensions.

    Attributes:
        complete_through: the last day that is complete in the bills of every source.
        left_out: the sources that are not in it, because their money stands in the bills of the others.
        rows: the dimensions, `currency`, the four costs as Decimal, and how many `charges`.
        totals: the same by currency alone.
        as_of: as of when, where it is not now.
    """

    complete_through: date | None
    rows: list[dict[str, Any]]
    totals: list[dict[str, Any]]
    left_out: tuple[str, ...] = ()
    complete_through_by_source: Mapping[str, date] = field(default_factory=dict)
    as_of: AsOf | None = None

    def to_data(self) -> dict[str, Any]:
        """Plain data in the shape that scripts read: amounts and days as text."""
        return {
            "complete_through": self.complete_through.isoformat() if self.complete_through else None,
            "rows": [_plain(row) for row in self.rows],
            "totals": [_plain(row) for row in self.totals],
            "left_out": list(self.left_out),
            "complete_through_by_source": _plain(self.complete_through_by_source),
            **({"as_of": self.as_of.to_data()} if self.as_of else {}),
        }


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    def text(value: Any) -> Any:
        if isinstance(value, Decimal):
            return plain(value)
        return value.isoformat() if isinstance(value, date) else value

    return {name: text(value) for name, value in row.items()}


def costs(
    lake: Lake,
    store: Store,
    *,
    by: Sequence[str] = (),
    where: Mapping[str, str] | None = None,
    start: date | None = None,
    end: date | None = None,
    snapshots: Sequence[str] | None = None,
    promoted: Sequence[str] = (),
) -> CostTable:
    """Sum the four costs of the current snapshots, or of the given ones.

    Args:
        by: dimensions: FOCUS columns in snake case, `x_` columns, `day`, `month`, `tag:KEY`.
        where: wanted values of dimensions; an empty text asks for charges without one.
        start: the first day (UTC) that counts.
        end: the first day that does not count any more.
        promoted: tag keys that have a column of their own.

    Raises:
        NotFound: there is no such dimension or snapshot.
    """
    ids, through = _pointed(store, snapshots)
    with charges(lake, ids) as bill:
        wanted = only(within(bill.table, start, end), where or {}, promoted)
        keys = {f"dimension_{at}": dimension(wanted, name, promoted) for at, name in enumerate(by)}
        grouped = wanted.group_by(**keys, currency=wanted.billing_currency).aggregate(
            **{cost: wanted[cost].sum() for cost in COSTS}, charges=wanted.billed_cost.count()
        )
        found = bill.fetch(grouped)
    rows = [dict(zip((*by, "currency", *COSTS, "charges"), row.values(), strict=True)) for row in found]
    rows.sort(key=lambda row: [(row[name] is None, str(row[name] or "")) for name in (*by, "currency")])
    return CostTable(
        min(through.values(), default=None), rows, totals(rows), complete_through_by_source=through
    )


def totals(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows added up, apart by currency."""
    found = []
    for currency in sorted({row["currency"] for row in rows}):
        mine = [row for row in rows if row["currency"] == currency]
        sums: dict[str, Any] = {cost: total(row[cost] for row in mine) for cost in COSTS if cost in mine[0]}
        found.append({"currency": currency} | sums | {"charges": sum(row["charges"] for row in mine)})
    return found


def complete_through(rows: Sequence[Snapshot]) -> date | None:
    """The last day that is complete in the bills of every source; None before the first import."""
    return min(complete_through_by_source(rows).values(), default=None)


def complete_through_by_source(rows: Sequence[Snapshot]) -> dict[str, date]:
    """The last day that is complete in each source's bills (`spend.arrival.filled`).

    Of a source none of whose days is, the day before its first one.
    """
    through: dict[str, date] = {}
    for row in sorted(rows, key=lambda row: (row.source, row.first_day)):
        known = through.setdefault(row.source, row.first_day - DAY)
        through[row.source] = max(known, filled(row.last_day, row.published_at))
    return through


def team_costs(
    entries: Iterable[Entry],
    *,
    by: Sequence[str],
    where: Mapping[str, str] | None = None,
    complete_through: date | None,
) -> CostTable:
    """Costs by `team`, and by what else a ledger entry knows, from the ledger's entries.

    List and contracted cost and the number of charges are null: they are not allocated.

    Raises:
        NotFound: the ledger does not know a dimension.
    """
    sums: dict[tuple[Any, ...], list[Entry]] = {}
    tests = [(_of_entry(name), wanted or None) for name, wanted in (where or {}).items()]
    keys = [_of_entry(name) for name in by]
    for entry in entries:
        if all(key(entry) == wanted for key, wanted in tests):
            sums.setdefault((*(key(entry) for key in keys), entry.currency), []).append(entry)
    rows = [
        dict(zip((*by, "currency"), values, strict=True)) | _allocated(mine) for values, mine in sums.items()
    ]
    rows.sort(key=lambda row: [(row[name] is None, str(row[name] or "")) for name in (*by, "currency")])
    per_currency: dict[str, list[Entry]] = {}
    for values, mine in sums.items():
        per_currency.setdefault(values[-1], []).extend(mine)
    totals = [{"currency": currency} | _allocated(mine) for currency, mine in sorted(per_currency.items())]
    return CostTable(complete_through, rows, totals)


def _of_entry(name: str) -> Callable[[Entry], Any]:
    try:
        return ENTRY_DIMENSIONS[name]
    except KeyError:
        known = ", ".join(ENTRY_DIMENSIONS)
        raise NotFound(f"Costs by team cannot be split by {name!r}; they can by {known}.") from None


def _allocated(entries: Sequence[Entry]) -> dict[str, Any]:
    return {
        "billed_cost": total(entry.billed for entry in entries),
        "effective_cost": total(entry.effective for entry in entries),
        "list_cost": None,
        "contracted_cost": None,
        "charges": None,
    }


def _pointed(store: Store, snapshots: Sequence[str] | None) -> tuple[list[str], dict[str, date]]:
    with store.reading() as session:
        if snapshots is None:
            rows = current(session)
        else:
            rows = list(session.scalars(select(Snapshot).where(col(Snapshot.id).in_(list(snapshots)))))
        ids = [row.id for row in rows] if snapshots is None else list(snapshots)
        return ids, complete_through_by_source(rows)


def gross_usage(
    lake: Lake,
    snapshots: Sequence[str],
    by: str,
    *,
    start: date | None = None,
    end: date | None = None,
    promoted: Sequence[str] = (),
) -> list[tuple[str, Any, Decimal]]:
    """What was used, without credits, taxes, purchases and refunds: currency, a dimension's value, amount.

    EffectiveCost of charges of category Usage that are above 0: a share of it is never negative.

    Raises:
        NotFound: there is no such dimension or snapshot.
    """
    with charges(lake, snapshots) as bill:
        days = within(bill.table, start, end)
        used = days.filter(days.charge_category == USAGE, days.effective_cost > 0)
        keys = {"currency": used.billing_currency, "value": dimension(used, by, promoted)}
        rows = bill.fetch(used.group_by(**keys).aggregate(gross=used.effective_cost.sum()))
    return [(row["currency"], row["value"], row["gross"]) for row in rows]


def resources_cost(
    lake: Lake, snapshots: Sequence[str], resources: Sequence[str], *, start: date, end: date
) -> dict[str, dict[str, Decimal]]:
    """What each resource costs per month (365/12 days) by currency, from its usage in these days.

    EffectiveCost: what it would save to have it no longer. A resource without a charge is not in it.

    Raises:
        ValueError: the span of days is empty, or no resource is named.
    """
    if end <= start or not resources:
        raise ValueError("a monthly cost needs days and resources")
    with charges(lake, snapshots) as bill:
        days = within(bill.table, start, end)
        table = days.filter(days.resource_id.isin(list(resources)), days.charge_category == USAGE)
        keys = {"resource": table.resource_id, "currency": table.billing_currency}
        found = bill.fetch(table.group_by(**keys).aggregate(effective=table.effective_cost.sum()))
    monthly: dict[str, dict[str, Decimal]] = {}
    for row in found:
        yearly = EXACT.multiply(row["effective"], Decimal(365))
        amount = quantize(EXACT.divide(yearly, Decimal(12 * (end - start).days)))
        monthly.setdefault(row["resource"], {})[row["currency"]] = amount
    return monthly
