"""Azure's cost details, actual or amortized: of agreements and pay-as-you-go, in any spelling or language."""

from storage.sources.dialects.azure_views import COST, KIND, MODEL, commitment, english, together
from storage.sources.dialects.dialect import Cell, Dialect, Freshness, Header, Placed, day_of, moments
from storage.sources.expressions import quoted

DAY = ("Date", "UsageDateTime", "UsageDate")
PERIOD, END = ("BillingPeriodStartDate", "BillingPeriodStart"), "BillingPeriodEndDate"
SUBSCRIPTION = ("SubscriptionId", "SubscriptionGuid")
NEEDS = {
    "billed_cost": "CostInBillingCurrency",
    "effective_cost": "CostInBillingCurrency",
    "billing_currency": "BillingCurrency",
    "billing_account_id": "BillingAccountId",
    "billing_period_start": "Date",
    "charge_period_start": "Date",
}
PLAIN = {
    "billed_cost": COST,
    "effective_cost": COST,
    "list_cost": ("PayGCostInBillingCurrency",),
    "availability_zone": ("AvailabilityZone",),
    # Pay-as-you-go has no account above the subscription: that is what is billed.
    "billing_account_id": ("BillingAccountId", *SUBSCRIPTION),
    "billing_account_name": ("BillingAccountName",),
    "billing_currency": ("BillingCurrencyCode", "BillingCurrency", "Currency"),
    "charge_description": ("ProductName", "Product", "MeterName"),
    "charge_period_start": DAY,
    "commitment_discount_id": ("BenefitId", "ReservationId"),
    "commitment_discount_name": ("BenefitName", "ReservationName"),
    "consumed_quantity": ("Quantity", "UsageQuantity"),
    "consumed_unit": ("UnitOfMeasure",),
    "contracted_unit_price": ("UnitPrice", "ResourceRate"),
    "invoice_id": ("InvoiceId",),
    "list_unit_price": ("PayGPrice",),
    "publisher_name": ("PublisherName",),
    "region_id": ("ResourceLocation",),
    "resource_id": ("ResourceId", "InstanceId", "InstanceName"),
    "resource_name": ("ResourceName",),
    "service_name": ("MeterCategory",),
    "service_subcategory": ("MeterSubCategory",),
    "sku_id": ("MeterId",),
    "sku_meter": ("MeterName",),
    "sub_account_id": SUBSCRIPTION,
    "sub_account_name": ("SubscriptionName",),
    "tags": ("Tags",),
    "x_cost_center": ("CostCenter",),
    "x_invoice_section": ("InvoiceSectionName", "InvoiceSection"),
    "x_resource_group": ("ResourceGroup",),
}
CATEGORIES = {
    "Usage": "Usage",
    "Purchase": "Purchase",
    "Refund": "Purchase",
    "Credit": "Credit",
    "Tax": "Tax",
    "UnusedReservation": "Usage",
    "UnusedSavingsPlan": "Usage",
}
FREQUENCIES = {"OneTime": "One-Time", "Recurring": "Recurring", "UsageBased": "Usage-Based"}
PRICINGS = {"OnDemand": "Standard", "Spot": "Dynamic", "Reservation": "Committed", "SavingsPlan": "Committed"}


def _recognises(header: Header) -> bool:
    found = english(header)
    return found.at("MeterCategory") is not None and found.at(*COST) is not None


def _place(header: Header) -> Placed:
    found = english(header)
    kind, model, held = found.sql(KIND), found.sql(MODEL), commitment(found)
    columns = found.plain(PLAIN) | {
        "charge_category": found.made(_one_of(kind, CATEGORIES, "'Adjustment'", empty="'Usage'"), KIND),
        "charge_class": found.made(f"CASE WHEN {kind} = 'Refund' THEN 'Correction' END", KIND),
        "charge_frequency": found.made(_one_of(found.sql("Frequency"), FREQUENCIES), "Frequency"),
        "commitment_discount_status": found.made(
            f"CASE WHEN starts_with({kind}, 'Unused') THEN 'Unused' "
            f"WHEN {kind} = 'Usage' AND {held} IS NOT NULL THEN 'Used' END",
            KIND,
        ),
        "pricing_category": found.made(_one_of(model, PRICINGS), MODEL),
        "provider_name": Cell("'Microsoft'"),
    }
    if found.at(*DAY) is not None:
        columns |= _times(found)
    relation = moments(found, import_day=DAY, import_period=PERIOD, import_last=END)
    return Placed(columns, twice=found.twice(columns), relation=relation)


def _times(found: Header) -> dict[str, Cell]:
    """Azure's periods end on their last day; without one, a period is the month of the day."""
    month = {"billing_period_end": found.made(day_of("import_day", of="month", plus="1 MONTH"), *DAY)}
    if (period := found.cell(*PERIOD)) is None:
        month["billing_period_start"] = found.made(day_of("import_day", of="month"), *DAY)
    else:
        month["billing_period_start"] = period
        month["billing_period_end"] = found.made(day_of("import_period", of="month", plus="1 MONTH"), *PERIOD)
    if found.at(END) is not None:
        month["billing_period_end"] = found.made(day_of("import_last", plus="1 DAY"), END)
    return month | {"charge_period_end": found.made(day_of("import_day", plus="1 DAY"), *DAY)}


def _one_of(text: str, names: dict[str, str], other: str = "", *, empty: str = "NULL") -> str:
    """The FOCUS word for each of Azure's; others as they are, or as one word."""
    cases = " ".join(f"WHEN {quoted(name)} THEN {quoted(word)}" for name, word in names.items())
    return f"CASE WHEN {text} IS NULL THEN {empty} ELSE CASE {text} {cases} ELSE {other or text} END END"


AZURE = Dialect(
    name="azure",
    holds="Azure cost details",
    freshness=Freshness.DAILY,
    settles=3,
    needs=NEEDS,
    recognises=_recognises,
    place=_place,
    together=together,
    month_first=True,
)
