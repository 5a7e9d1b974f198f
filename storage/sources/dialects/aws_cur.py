"""AWS Cost and Usage Reports: legacy names (`lineItem/UnblendedCost`), and those of CUR 2.0."""

from storage.sources.dialects.dialect import Cell, Dialect, Freshness, Header, Placed
from storage.sources.expressions import quoted

TYPE, COST, USED = "lineItem/LineItemType", "lineItem/UnblendedCost", "lineItem/UsageStartDate"
PLAN_COST, RESERVED_COST = "savingsPlan/SavingsPlanEffectiveCost", "reservation/EffectiveCost"
#: What is left of a commitment: (all of it, what was used of it) and the parts that nobody used.
PLAN = ("savingsPlan/TotalCommitmentToDate", "savingsPlan/UsedCommitment")
UNUSED = ("reservation/UnusedAmortizedUpfrontFeeForBillingPeriod", "reservation/UnusedRecurringFee")
PLAN_ARN, RESERVATION_ARN = "savingsPlan/SavingsPlanARN", "reservation/ReservationARN"
LIST_COST = "pricing/publicOnDemandCost"
TAG = "resourceTags/"

NEEDS = {
    "billed_cost": COST,
    "effective_cost": COST,
    "billing_currency": "lineItem/CurrencyCode",
    "billing_account_id": "bill/PayerAccountId",
    "billing_period_start": "bill/BillingPeriodStartDate",
    "charge_period_start": USED,
}
PLAIN = {
    **{column: (cell,) for column, cell in NEEDS.items() if column != "effective_cost"},
    "availability_zone": ("lineItem/AvailabilityZone",),
    "billing_account_name": ("bill/PayerAccountName",),
    "billing_period_end": ("bill/BillingPeriodEndDate",),
    "charge_description": ("lineItem/LineItemDescription",),
    "charge_period_end": ("lineItem/UsageEndDate",),
    "consumed_quantity": ("lineItem/UsageAmount",),
    "consumed_unit": ("pricing/unit",),
    "invoice_id": ("bill/InvoiceId",),
    "invoice_issuer_name": ("bill/InvoicingEntity", "lineItem/LegalEntity"),
    "list_unit_price": ("pricing/publicOnDemandRate",),
    "publisher_name": ("lineItem/LegalEntity",),
    "region_id": ("product/regionCode", "product/region"),
    "resource_id": ("lineItem/ResourceId",),
    "service_name": ("lineItem/ProductCode",),
    "sku_id": ("product/sku",),
    "sku_meter": ("lineItem/UsageType",),
    "sku_price_id": ("pricing/RateCode",),
    "sub_account_id": ("lineItem/UsageAccountId",),
    "sub_account_name": ("lineItem/UsageAccountName",),
}
USAGE = ("Usage", "DiscountedUsage", "SavingsPlanCoveredUsage", "SavingsPlanNegation")
RECURRING = ("RIFee", "SavingsPlanRecurringFee")
ONCE = ("Fee", "SavingsPlanUpfrontFee")


def _recognises(header: Header) -> bool:
    return header.at(TYPE) is not None or header.at(COST) is not None


def _place(header: Header) -> Placed:
    kind = header.sql(TYPE)
    columns = header.plain(PLAIN) | {
        "charge_category": header.made(_category(header), TYPE),
        "charge_frequency": header.made(
            f"CASE WHEN {_in(kind, USAGE)} THEN 'Usage-Based' WHEN {_in(kind, RECURRING)} THEN 'Recurring' "
            f"WHEN {kind} IS NOT NULL THEN 'One-Time' END",
            TYPE,
        ),
        "commitment_discount_id": header.made(
            f"coalesce({header.sql(PLAN_ARN)}, {header.sql(RESERVATION_ARN)})", PLAN_ARN, RESERVATION_ARN
        ),
        "commitment_discount_status": header.made(f"CASE WHEN {_in(kind, USAGE[1:3])} THEN 'Used' END", TYPE),
        "pricing_category": header.made(
            f"CASE WHEN {_in(kind, USAGE[1:3])} THEN 'Committed' WHEN {kind} = 'Usage' THEN 'Standard' END",
            TYPE,
        ),
        "provider_name": Cell("'AWS'"),
        "tags": header.made(_tags(header), "resourceTags"),
    }
    if header.at(COST) is not None:
        columns |= _money(header)
    return Placed(columns, twice=header.twice(columns))


def _money(header: Header) -> dict[str, Cell]:
    """What a charge costs after its commitment, at its own rate, and at the public one."""
    kind, cost = header.sql(TYPE), header.sql(COST)
    used, reserved = header.sql(PLAN_COST), header.sql(RESERVED_COST)
    left = f"CAST(number({header.sql(PLAN[0])}) - number({header.sql(PLAN[1])}) AS VARCHAR)"
    unused = " + ".join(f"number(coalesce({header.sql(each)}, '0'))" for each in UNUSED)
    effective = f"""CASE {kind}
        WHEN 'SavingsPlanCoveredUsage' THEN {used}
        WHEN 'SavingsPlanNegation' THEN '0'
        WHEN 'SavingsPlanUpfrontFee' THEN '0'
        WHEN 'SavingsPlanRecurringFee' THEN {left if header.at(PLAN[0]) is not None else cost}
        WHEN 'DiscountedUsage' THEN coalesce({reserved}, '0')
        WHEN 'RIFee' THEN {f"CAST({unused} AS VARCHAR)" if header.at(UNUSED[0]) is not None else cost}
        WHEN 'Fee' THEN CASE WHEN {header.sql(RESERVATION_ARN)} IS NULL THEN {cost} ELSE '0' END
        ELSE {cost} END"""
    public = f"""CASE WHEN {kind} = 'SavingsPlanNegation' THEN '0'
        WHEN {_in(kind, USAGE)} THEN {header.sql(LIST_COST)} ELSE {cost} END"""
    own = f"""CASE {kind} WHEN 'SavingsPlanNegation' THEN '0'
        WHEN 'DiscountedUsage' THEN {header.sql(LIST_COST)}
        ELSE {cost} END"""
    return {
        "effective_cost": header.made(effective, COST, PLAN_COST, RESERVED_COST, *PLAN, *UNUSED),
        "list_cost": header.made(public, LIST_COST, COST),
        "contracted_cost": header.made(own, COST, LIST_COST),
    }


def _category(header: Header) -> str:
    """A refund keeps the category of what is refunded; an unknown type is told as it is."""
    kind, tax = header.sql(TYPE), header.sql("lineItem/TaxType")
    return f"""CASE WHEN {_in(kind, USAGE)} THEN 'Usage'
        WHEN {_in(kind, (*RECURRING, *ONCE))} THEN 'Purchase'
        WHEN {kind} = 'Refund' THEN CASE WHEN {tax} IS NULL THEN 'Usage' ELSE 'Tax' END
        WHEN {kind} = 'Credit' OR ends_with({kind}, 'Discount') THEN 'Credit'
        ELSE {kind} END"""


def _tags(header: Header) -> str:
    """Tags as JSON: from one column for each key, or from CUR 2.0's map of them all."""
    keys = {
        at: _key(cell) for at, cell in enumerate(header.cells) if cell.startswith((TAG, "resource_tags_"))
    }
    if keys:
        return header.tags(keys)
    tags = header.sql("resourceTags")
    names = f"json_keys(object_or_null({tags}))"
    renamed = f"list_transform({names}, lambda k: regexp_replace(k, '^user[_:]', ''))"
    values = f"list_transform({names}, lambda k: tag_exact({tags}, k))"
    return (
        f"CASE WHEN object_or_null({tags}) IS NULL THEN {tags} "
        f"ELSE nullif(object_of({renamed}, {values}), '{{}}') END"
    )


def _key(cell: str) -> str:
    return cell.removeprefix(TAG).removeprefix("resource_tags_").removeprefix("user:").removeprefix("user_")


def _in(kind: str, types: tuple[str, ...]) -> str:
    return f"{kind} IN ({', '.join(map(quoted, types))})"


AWS_CUR = Dialect(
    name="aws-cur",
    holds="an AWS Cost and Usage Report",
    freshness=Freshness.HOURLY,
    settles=10,
    needs=NEEDS,
    recognises=_recognises,
    place=_place,
)
