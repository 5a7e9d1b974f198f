"""The FOCUS columns, what kind of value each holds, and how a header spells them."""

import re

from spend.charge import folded

#: The four costs: exact, DECIMAL(38,20). The first two must be readable on every row.
COSTS = ("billed_cost", "effective_cost", "list_cost", "contracted_cost")
PERIODS = ("billing_period_start", "billing_period_end", "charge_period_start", "charge_period_end")
#: Other numbers: kept where readable, warned about where not. No bill is summed from them.
NUMBERS = (
    "list_unit_price",
    "contracted_unit_price",
    "pricing_quantity",
    "consumed_quantity",
    "commitment_discount_quantity",
    "pricing_currency_contracted_unit_price",
    "pricing_currency_effective_cost",
    "pricing_currency_list_unit_price",
)
TEXTS = (
    "allocated_method_details",
    "allocated_method_id",
    "allocated_resource_id",
    "allocated_resource_name",
    "allocated_tags",
    "availability_zone",
    "billing_account_id",
    "billing_account_name",
    "billing_account_type",
    "billing_currency",
    "capacity_reservation_id",
    "capacity_reservation_status",
    "charge_category",
    "charge_class",
    "charge_description",
    "charge_frequency",
    "commitment_discount_category",
    "commitment_discount_id",
    "commitment_discount_name",
    "commitment_discount_status",
    "commitment_discount_type",
    "commitment_discount_unit",
    "commitment_program_eligibility_details",
    "consumed_unit",
    "contract_applied",
    "host_provider_name",
    "invoice_detail_id",
    "invoice_id",
    "invoice_issuer_name",
    "pricing_category",
    "pricing_currency",
    "pricing_unit",
    "provider_name",
    "publisher_name",
    "region_id",
    "region_name",
    "resource_id",
    "resource_name",
    "resource_type",
    "service_category",
    "service_name",
    "service_provider_name",
    "service_subcategory",
    "sku_id",
    "sku_meter",
    "sku_price_details",
    "sku_price_id",
    "sub_account_id",
    "sub_account_name",
    "sub_account_type",
    "tags",
)
KNOWN = (*COSTS, *PERIODS, *NUMBERS, *TEXTS)
#: Without these columns a file cannot be read safely: money, currency, identity, period.
REQUIRED = (
    "billed_cost",
    "effective_cost",
    "billing_currency",
    "billing_account_id",
    "billing_period_start",
    "charge_period_start",
)
#: What no other FOCUS dataset has; a header with none of these is not cost and usage.
MARKS = frozenset({"charge_period_start", "charge_period_end"})
OTHER_DATASETS = {
    "invoice detail": frozenset({"invoice_issue_date", "invoice_detail_grain", "invoice_issue_status"}),
    "billing period": frozenset({"billing_period_status", "billing_period_last_updated"}),
    "contract commitment": frozenset({"contract_commitment_id", "contract_commitment_type"}),
}
CATEGORIES = ("Usage", "Purchase", "Tax", "Credit", "Adjustment")
FREQUENCIES = ("One-Time", "Recurring", "Usage-Based")

#: How the columns of promoted tags begin.
PROMOTED = "tag_"

_BY_LETTERS = {name.replace("_", ""): name for name in KNOWN} | {
    name.replace("_", ""): name for names in OTHER_DATASETS.values() for name in names
}


def snake(name: str) -> str:
    """Spell a column in snake case: `x_CostCenter` and `x_cost_center` become `x_cost_center`."""
    text = re.sub(r"[^0-9A-Za-z]+", "_", name.strip())
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text)
    return re.sub(r"_+", "_", text).strip("_").lower()


def recognise(name: str) -> str:
    """The FOCUS name of a header cell, whatever its case and underscores; else its snake case."""
    return _BY_LETTERS.get(re.sub(r"[^a-z0-9]", "", name.lower()), snake(name))


def tag_column(key: str) -> str:
    """The column that a promoted tag key has in the lake: one for all its letter cases."""
    return PROMOTED + folded(key)
