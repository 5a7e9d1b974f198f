"""Two plain tables of our own: what AI models were used for, and what pipelines ran."""

from collections.abc import Mapping, Sequence

from storage.sources.dialects.dialect import Cell, Dialect, Freshness, Header, Placed, day_of, moments
from storage.sources.expressions import quoted

START, END, COST, CREDITS, CHARGE = "start", "end", "cost", "credits", "charge"
NEEDS = {
    "billed_cost": COST,
    "effective_cost": COST,
    "billing_currency": "currency",
    "billing_account_id": "account",
    "billing_period_start": START,
    "charge_period_start": START,
}
PLAIN: Mapping[str, Sequence[str]] = {
    "billing_account_id": ("account",),
    "billing_currency": ("currency",),
    "charge_description": ("description",),
    "charge_period_start": (START,),
    "list_cost": (COST,),
    "contracted_cost": (COST,),
    "provider_name": ("provider",),
    "sub_account_id": ("project",),
    "tags": ("tags",),
}
AI: Mapping[str, Sequence[str]] = {
    "consumed_quantity": ("tokens",),
    "pricing_currency": ("credit_unit",),
    "pricing_currency_effective_cost": (CREDITS,),
    "sku_id": ("model",),
    "sku_meter": ("token_type",),
    "x_model": ("model",),
    "x_token_type": ("token_type",),
    "x_use_case": ("use_case",),
}
CI: Mapping[str, Sequence[str]] = {
    "consumed_quantity": ("minutes",),
    "sku_meter": ("runner_type",),
    "x_pipeline": ("pipeline",),
    "x_repository": ("repository",),
    "x_runner_type": ("runner_type",),
}


def _place(header: Header, own: Mapping[str, Sequence[str]], category: str, unit: str) -> Placed:
    charge = f"coalesce({header.sql(CHARGE)}, 'Usage')"
    provider = header.sql("provider")
    columns = header.plain({**PLAIN, **own}) | {
        "charge_category": header.made(charge, CHARGE),
        "consumed_unit": Cell(quoted(unit)),
        "service_category": Cell(quoted(category)),
        "service_name": header.made(f"coalesce({provider}, {quoted(category)})", "provider"),
    }
    if header.at(START) is not None:
        columns |= _times(header)
    if header.at(COST) is not None:
        columns |= _money(header, charge)
    return Placed(columns, twice=header.twice(columns), relation=_relation(header))


def _times(header: Header) -> dict[str, Cell]:
    """A charge without an end is one of a day; its month is the period."""
    end = f"coalesce({header.sql(END)}, {day_of('import_start', plus='1 DAY')})"
    return {
        "billing_period_start": header.made(day_of("import_start", of="month"), START),
        "billing_period_end": header.made(day_of("import_start", of="month", plus="1 MONTH"), START),
        "charge_period_end": header.made(end, END),
    }


def _money(header: Header, charge: str) -> dict[str, Cell]:
    """What is paid for in credits was billed when the credits were bought, and costs when they are used."""
    cost, paid = header.sql(COST), f"{header.sql(CREDITS)} IS NOT NULL"
    billed = f"CASE WHEN {paid} AND {charge} = 'Usage' THEN {_nothing(cost)} ELSE {cost} END"
    effective = f"CASE WHEN {paid} AND {charge} = 'Purchase' THEN {_nothing(cost)} ELSE {cost} END"
    return {"billed_cost": header.made(billed, COST), "effective_cost": header.made(effective, COST)}


def _nothing(cost: str) -> str:
    """Zero, but for a cost that is missing or cannot be read: that is told."""
    return f"CASE WHEN import_amount IS NULL THEN {cost} ELSE '0' END"


def _relation(header: Header) -> str:
    amount = f"(SELECT *, number({header.sql(COST)}) AS import_amount FROM {{scan}})"
    return moments(header, import_start=START).replace("{scan}", amount)


AI_USAGE = Dialect(
    name="ai-usage",
    holds="use of AI models",
    freshness=Freshness.DAILY,
    settles=None,
    needs=NEEDS,
    recognises=lambda header: header.at("model") is not None and header.at("tokens") is not None,
    place=lambda header: _place(header, AI, "AI and Machine Learning", "Tokens"),
)
CI_MINUTES = Dialect(
    name="ci-minutes",
    holds="minutes of pipelines",
    freshness=Freshness.DAILY,
    settles=None,
    needs=NEEDS,
    recognises=lambda header: header.at("pipeline") is not None and header.at("minutes") is not None,
    place=lambda header: _place(header, CI, "Developer Tools", "Minutes"),
)
