"""What the bill says of the things that estimates are made of: what they cost a day, and by which meter."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from spend.charge import USAGE
from spend.period import Period
from spend.prices import HOURS_A_DAY, METERS, RESOURCES, Metered
from storage.charges import charges, within
from storage.lake import Lake


def metered(lake: Lake, snapshots: Sequence[str], resources: Sequence[str], period: Period) -> list[Metered]:
    """The usage of these resources, and of what the bill knows by its meter only, on each day."""
    import ibis

    with charges(lake, snapshots) as bill:
        table = _usage(bill.table, period)
        table = table.filter(table.resource_id.isin(list(resources)) | _anonymous(table))
        whole = table.charge_period_start + ibis.interval(days=1) <= table.charge_period_end
        paid = table.effective_cost != ibis.literal(0)
        used = ibis.coalesce(table.consumed_quantity, table.pricing_quantity)
        keys = {
            "day": table.charge_day,
            "account": table.sub_account_id,
            "region": table.region_id,
            "resource": table.resource_id,
            "meter": table.sku_meter,
            "currency": table.billing_currency,
            "measure": ibis.coalesce(table.consumed_unit, table.pricing_unit),
        }
        found = bill.fetch(
            table.group_by(**keys).aggregate(
                effective=table.effective_cost.sum(),
                quantity=used.sum(where=paid),
                starts=table.charge_period_start.nunique(),
                whole=whole.fill_null(True).cast("int64").max(),
            )
        )
    return [
        Metered(**row, hours=HOURS_A_DAY if whole else min(starts, HOURS_A_DAY))
        for row in found
        for starts, whole in ((row.pop("starts"), row.pop("whole")),)
    ]


def billed(
    lake: Lake,
    snapshots: Sequence[str],
    *,
    accounts: Sequence[str],
    regions: Sequence[str],
    period: Period,
) -> Mapping[tuple[date, str, str], Decimal]:
    """What all things of the sorts that estimates are made of cost, by day, account and currency."""
    import ibis

    with charges(lake, snapshots) as bill:
        table = _usage(bill.table, period)
        named = (table.resource_id.startswith(prefix) for prefix in RESOURCES)
        table = table.filter(
            table.sub_account_id.isin(list(accounts)),
            table.region_id.isnull() | table.region_id.isin(list(regions)),
            ibis.or_(*named, _anonymous(table)),
        )
        keys = {
            "day": table.charge_day,
            "account": table.sub_account_id,
            "currency": table.billing_currency,
        }
        found = bill.fetch(table.group_by(**keys).aggregate(effective=table.effective_cost.sum()))
    return {(row["day"], row["account"], row["currency"]): row["effective"] for row in found}


def _usage(table: Any, period: Period) -> Any:
    """Usage as it happened: a correction belongs to another time."""
    days = within(table, period.start, period.end)
    return days.filter(days.charge_category == USAGE, days.charge_class.isnull())


def _anonymous(table: Any) -> Any:
    import ibis

    return table.resource_id.isnull() & ibis.or_(*(table.sku_meter.contains(one) for one in METERS))
