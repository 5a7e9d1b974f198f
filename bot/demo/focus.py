"""FOCUS 1.2 as the demo's bill writes it: the columns, and how amounts, quantities and times are spelled."""

from collections.abc import Mapping
from datetime import datetime

COLUMNS = (
    "AvailabilityZone",
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "CapacityReservationId",
    "CapacityReservationStatus",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "CommitmentDiscountUnit",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingCurrency",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
)
_PLACE: Mapping[str, int] = {name: place for place, name in enumerate(COLUMNS)}


def row(values: Mapping[str, str]) -> list[str]:
    """A row in column order; what is not named is null."""
    cells = [""] * len(COLUMNS)
    for name, value in values.items():
        cells[_PLACE[name]] = value
    return cells


def put(cells: list[str], values: Mapping[str, str]) -> list[str]:
    """A copy of a row with some cells changed."""
    changed = cells.copy()
    for name, value in values.items():
        changed[_PLACE[name]] = value
    return changed


def scaled(number: int, places: int) -> str:
    """Spell an integer of 10**-places as a decimal number."""
    whole, part = divmod(abs(number), 10**places)
    return f"{'-' if number < 0 else ''}{whole}.{part:0{places}d}"


def money(number: int) -> str:
    """Spell an amount in 1e-10 dollars."""
    return scaled(number, 10)


def moment(when: datetime) -> str:
    """Spell a time in UTC."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
