"""The vocabulary of a bill: FOCUS columns in snake case, and one charge as the rules see it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from spend.money import ZERO

#: FOCUS columns by which costs can be grouped and filtered (versions 1.0 to 1.4).
DIMENSIONS = (
    "billing_account_id",
    "billing_account_name",
    "billing_account_type",
    "sub_account_id",
    "sub_account_name",
    "sub_account_type",
    "provider_name",
    "publisher_name",
    "service_provider_name",
    "host_provider_name",
    "invoice_issuer_name",
    "invoice_id",
    "billing_currency",
    "charge_category",
    "charge_class",
    "charge_frequency",
    "charge_description",
    "pricing_category",
    "pricing_unit",
    "service_name",
    "service_category",
    "service_subcategory",
    "sku_id",
    "sku_price_id",
    "sku_meter",
    "region_id",
    "region_name",
    "availability_zone",
    "resource_id",
    "resource_name",
    "resource_type",
    "commitment_discount_id",
    "commitment_discount_name",
    "commitment_discount_type",
    "commitment_discount_category",
    "commitment_discount_status",
    "capacity_reservation_id",
    "capacity_reservation_status",
)
#: Dimensions that are computed from ChargePeriodStart, in UTC.
TIMES = ("day", "month")
#: The four amounts of a charge, never null.
COSTS = ("billed_cost", "effective_cost", "list_cost", "contracted_cost")
#: A dimension or condition on a tag is written `tag:KEY`.
TAG = "tag:"
#: What a baseline is made of; tax, credits, purchases and corrections are no usage.
USAGE = "Usage"
CORRECTION = "Correction"


class Basis(StrEnum):
    """Which cost a figure counts: as used (amortised), or as the invoice asks."""

    EFFECTIVE = "effective"
    BILLED = "billed"

    @property
    def column(self) -> str:
        """The column that holds it."""
        return f"{self.value}_cost"


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of a bill, with the columns that allocation rules may ask for.

    Attributes:
        day: the day (UTC) of ChargePeriodStart.
        tags: keys as the provider wrote them; None is a key without a value.
    """

    day: date
    billing_account_id: str
    billing_currency: str
    charge_category: str
    sub_account_id: str | None = None
    sub_account_name: str | None = None
    service_name: str | None = None
    service_category: str | None = None
    charge_class: str | None = None
    charge_description: str | None = None
    region_id: str | None = None
    resource_id: str | None = None
    resource_name: str | None = None
    tags: Mapping[str, str | None] = field(default_factory=dict)
    effective_cost: Decimal = ZERO
    billed_cost: Decimal = ZERO


def snake(name: str) -> str:
    """Spell a FOCUS column in snake case: `ServiceName` is `service_name`, `x_Foo` is `x_foo`."""
    prefix, rest = ("x_", name[2:]) if name.startswith("x_") else ("", name)
    return prefix + re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", rest).lower()


def focus(name: str) -> str:
    """Spell a snake-case column as FOCUS does: `service_name` is `ServiceName`."""
    prefix, rest = ("x_", name[2:]) if name.startswith("x_") else ("", name)
    return prefix + "".join(word.capitalize() for word in rest.split("_"))


def parse_tags(text: str | None) -> dict[str, str | None]:
    """Read the Tags column. A key without a value (JSON true or null) gives None.

    Text that is no JSON object gives no tags: a broken tag must never lose the money beside it.
    """
    try:
        raw = json.loads(text or "{}", parse_int=str, parse_float=str, parse_constant=str)
    except ValueError:
        return {}
    if not isinstance(raw, dict):
        return {}
    return {key: value if isinstance(value, str) else None for key, value in raw.items()}


def folded(text: str) -> str:
    """Spell a tag key or value for comparison: without spaces around it, in lower case."""
    return text.strip(" ").lower()


def has_tag(tags: Mapping[str, str | None], key: str) -> bool:
    """Whether the key is there in any letter case, with or without a value."""
    return any(folded(name) == folded(key) for name in tags)


def tag(tags: Mapping[str, str | None], key: str) -> str | None:
    """The value of a tag whose key is spelled in any letter case.

    Where a charge carries the key in several spellings, the first in code-point order that
    has a value counts, so that no engine's order of JSON keys matters.
    """
    spellings = sorted(name for name in tags if folded(name) == folded(key))
    return next((value for name in spellings if (value := tags[name]) is not None), None)
