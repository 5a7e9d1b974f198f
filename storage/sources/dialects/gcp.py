"""Google Cloud Billing's exports, standard and detailed, with flat columns (`sku.id`) or nested ones."""

from storage.sources.dialects.dialect import NOTHING, Cell, Dialect, Freshness, Header, Placed
from storage.sources.expressions import quoted

NEEDS = {
    "billed_cost": "cost",
    "effective_cost": "cost",
    "billing_currency": "currency",
    "billing_account_id": "billing_account_id",
    "billing_period_start": "invoice.month",
    "charge_period_start": "usage_start_time",
}
PLAIN = {
    "availability_zone": "location.zone",
    "billing_account_id": "billing_account_id",
    "billing_currency": "currency",
    "charge_period_end": "usage_end_time",
    "charge_period_start": "usage_start_time",
    "region_id": "location.region",
    "service_name": "service.description",
    "sku_id": "sku.id",
    "sku_meter": "sku.description",
    "sub_account_id": "project.id",
    "sub_account_name": "project.name",
    "resource_name": "resource.name",
}
#: What belongs to the charge itself and not to the credits on it.
OF_THE_CHARGE = {
    "consumed_quantity": "usage.amount",
    "consumed_unit": "usage.unit",
    "pricing_quantity": "usage.amount_in_pricing_units",
    "pricing_unit": "usage.pricing_unit",
}
#: The fields of a credit; each becomes a column of its own.
CREDIT = {"x_credit_name": "name", "x_credit_type": "type", "x_credit_id": "id"}


def _recognises(header: Header) -> bool:
    return header.at("usage_start_time") is not None and any(
        header.at(name) is not None for name in ("cost_type", "export_time", "invoice.month", "invoice")
    )


def _cell(header: Header, name: str) -> Cell | None:
    """A flat column, or the field of a nested one that holds it."""
    parent, _, field = name.partition(".")
    if (flat := header.cell(name)) is not None or not field or (at := header.at(parent)) is None:
        return flat
    return Cell(f"json_extract_string(json_or_null({header.texts[at]}), {quoted('$.' + field)})", (at,))


def _sql(header: Header, name: str) -> str:
    cell = _cell(header, name)
    return NOTHING if cell is None else f"filled(trim({cell.sql}))"


def _place(header: Header) -> Placed:
    names = PLAIN.items()
    columns = {column: cell for column, name in names if (cell := _cell(header, name)) is not None}
    for column, name in OF_THE_CHARGE.items():
        if (cell := _cell(header, name)) is not None:
            columns[column] = Cell(f"CASE WHEN _credit IS NULL THEN {cell.sql} END", cell.at)
    for column, field in CREDIT.items():
        columns[column] = Cell(f"json_extract_string(_credit[1], '$.{field}')")
    columns |= {
        "charge_category": header.made(_category(header), "cost_type"),
        "charge_class": header.made(_class(header), "cost_type"),
        "charge_description": header.made(
            f"CASE WHEN _credit IS NULL THEN {_sql(header, 'sku.description')} ELSE coalesce("
            "json_extract_string(_credit[1], '$.full_name'), json_extract_string(_credit[1], '$.name')) END"
        ),
        "provider_name": Cell("'Google Cloud'"),
        "resource_id": header.made(
            f"coalesce({_sql(header, 'resource.global_name')}, {_sql(header, 'resource.name')})"
        ),
        "tags": header.made(_labels(header), "labels"),
    }
    return _with_money(header, columns)


def _with_money(header: Header, columns: dict[str, Cell]) -> Placed:
    """A charge and each credit on it are rows of their own: what is billed is their sum."""
    if (month := _cell(header, "invoice.month")) is not None:
        columns["billing_period_start"] = Cell(f"month_start({month.sql})", month.at)
        columns["billing_period_end"] = Cell(f"next_month(month_start({month.sql}))", month.at)
    if header.at("cost") is not None:
        cost, nested = header.sql("cost"), header.sql("credits")
        # Credits that cannot be read are money too: the charge is refused with them.
        base = f"CASE WHEN {nested} IS NOT NULL AND _credits IS NULL THEN {nested} ELSE {cost} END"
        billed = header.made(f"CASE WHEN _credit IS NULL THEN {base} ELSE _credit[2] END", "cost", "credits")
        listed = f"coalesce({header.sql('cost_at_list')}, {cost})"
        columns |= {"billed_cost": billed, "effective_cost": billed} | {
            "list_cost": header.made(f"CASE WHEN _credit IS NULL THEN {listed} ELSE '0' END", "cost_at_list"),
            "contracted_cost": header.made(f"CASE WHEN _credit IS NULL THEN {cost} ELSE '0' END", "cost"),
        }
    return Placed(columns, twice=header.twice(columns), relation=_rows(header), many=True)


def _rows(header: Header) -> str:
    """Each row once for itself and once for each of its credits; amounts as they are written."""
    nested = f"json_or_null({header.sql('credits')})"
    each = f"CAST(json_extract({nested}, '$[*]') AS VARCHAR[])"
    amounts = rf"""regexp_extract_all({nested}, '"amount"\s*:\s*"?([^",}}\s]+)', 1)"""
    known = f"json_type({nested}) = 'ARRAY' AND len({each}) = len({amounts})"
    found = f"CASE WHEN {known} THEN list_zip({each}, {amounts}) END"
    inner = f"(SELECT row_number() OVER () - 1 AS import_row, *, {found} AS _credits FROM {{scan}})"
    return f"(SELECT *, unnest(list_prepend(NULL, coalesce(_credits, []))) AS _credit FROM {inner})"


def _category(header: Header) -> str:
    """Rounding errors are adjustments; a type that nobody knows is told as it is."""
    kind = header.sql("cost_type")
    return f"""CASE WHEN _credit IS NOT NULL THEN 'Credit' WHEN {kind} IS NULL THEN 'Usage' ELSE CASE {kind}
        WHEN 'regular' THEN 'Usage' WHEN 'tax' THEN 'Tax' WHEN 'adjustment' THEN 'Adjustment'
        WHEN 'rounding_error' THEN 'Adjustment' ELSE {kind} END END"""


def _class(header: Header) -> str:
    """An adjustment of usage in an earlier month corrects an invoice that was sent."""
    used = f"left(replace({header.sql('usage_start_time')}, '-', ''), 6)"
    earlier = f"{used} < {_sql(header, 'invoice.month')}"
    return f"CASE WHEN {header.sql('cost_type')} = 'adjustment' AND {earlier} THEN 'Correction' END"


def _labels(header: Header) -> str:
    """`[{"key": k, "value": v}]` as one object; what is no such list is kept as it is."""
    labels = header.sql("labels")
    listed = f"json_or_null({labels})"
    keys, values = (f"json_extract_string({listed}, '$[*].{field}')" for field in ("key", "value"))
    return f"""CASE WHEN json_type({listed}) = 'ARRAY' THEN nullif(object_of({keys}, {values}), '{{}}')
        ELSE {labels} END"""


GCP = Dialect(
    name="gcp",
    holds="an export of Google Cloud Billing",
    freshness=Freshness.HOURLY,
    settles=None,
    needs=NEEDS,
    recognises=_recognises,
    place=_place,
)
