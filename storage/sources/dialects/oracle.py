"""Oracle Cloud's cost reports."""

from storage.sources.dialects.dialect import Cell, Dialect, Freshness, Header, Placed, day_of, moments

COST, START, CORRECTION, TAG = "cost/myCost", "lineItem/intervalUsageStart", "lineItem/isCorrection", "tags/"
NEEDS = {
    "billed_cost": COST,
    "effective_cost": COST,
    "billing_currency": "cost/currencyCode",
    "billing_account_id": "lineItem/tenantId",
    "billing_period_start": START,
    "charge_period_start": START,
}
PLAIN = {
    **{column: (cell,) for column, cell in NEEDS.items()},
    "availability_zone": ("product/availabilityDomain",),
    "charge_description": ("product/Description",),
    "charge_period_end": ("lineItem/intervalUsageEnd",),
    "consumed_quantity": ("usage/billedQuantity",),
    "consumed_unit": ("cost/skuUnitDescription", "cost/billingUnitReadable"),
    "contracted_cost": (COST,),
    "contracted_unit_price": ("cost/unitPrice",),
    "region_id": ("product/region",),
    "resource_id": ("product/resourceId",),
    "service_name": ("product/service",),
    "sku_id": ("cost/productSku",),
    "sub_account_id": ("product/compartmentId",),
    "sub_account_name": ("product/compartmentName",),
}


def _recognises(header: Header) -> bool:
    return header.at(COST) is not None or header.at(START) is not None


def _place(header: Header) -> Placed:
    columns = header.plain(PLAIN)
    if header.at(START) is not None:
        columns["billing_period_start"] = header.made(day_of("import_start", of="month"), START)
        columns["billing_period_end"] = header.made(day_of("import_start", of="month", plus="1 MONTH"), START)
    columns["charge_category"] = Cell("'Usage'")
    columns["charge_class"] = header.made(
        f"CASE WHEN lower({header.sql(CORRECTION)}) = 'true' THEN 'Correction' END", CORRECTION
    )
    columns["provider_name"] = Cell("'Oracle'")
    keys = {at: cell.removeprefix(TAG) for at, cell in enumerate(header.cells) if cell.startswith(TAG)}
    if keys:
        columns["tags"] = Cell(header.tags(keys))
    return Placed(columns, twice=header.twice(columns), relation=moments(header, import_start=START))


ORACLE = Dialect(
    name="oracle",
    holds="a cost report of Oracle Cloud",
    freshness=Freshness.HOURLY,
    settles=None,
    needs=NEEDS,
    recognises=_recognises,
    place=_place,
)
