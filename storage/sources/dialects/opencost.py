"""OpenCost's allocations of a cluster's cost, as `storage.sources.allocations` lays them out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from storage.sources.allocations import DIFFERENCE
from storage.sources.dialects.dialect import Cell, Dialect, Freshness, Header, Placed, day_of, moments
from storage.sources.expressions import quoted
from storage.sources.problems import Grade, Problem

if TYPE_CHECKING:
    from storage.sources.layout import Layout

COST, NAME, START, END = "totalCost", "name", "window.start", "window.end"
NEEDS = {
    "billed_cost": COST,
    "effective_cost": COST,
    "billing_currency": "currency",
    "billing_account_id": "cluster",
    "billing_period_start": START,
    "charge_period_start": START,
}
PLAIN = {
    "billing_account_id": ("cluster",),
    "billing_currency": ("currency",),
    "charge_period_end": (END,),
    "charge_period_start": (START,),
    "effective_cost": (COST,),
    "list_cost": (COST,),
    "contracted_cost": (COST,),
    "resource_id": (NAME,),
    "sub_account_id": ("cluster",),
    "tags": ("tags",),
    "x_container": ("container",),
    "x_controller": ("controller",),
    "x_namespace": ("namespace",),
    "x_node": ("node",),
    "x_pod": ("pod",),
}


def _recognises(header: Header) -> bool:
    return header.at(NAME) is not None and header.at("cluster") is not None and header.at(START) is not None


def _place(header: Header) -> Placed:
    columns = header.plain(PLAIN)
    if COST in header.cells:  # nobody sends a bill for it: the nodes are billed by their cloud
        columns["billed_cost"] = Cell("'0'")
    if header.at(START) is not None:
        columns["billing_period_start"] = header.made(day_of("import_start", of="month"), START)
        columns["billing_period_end"] = header.made(day_of("import_start", of="month", plus="1 MONTH"), START)
    difference = f"{header.sql(NAME)} = {quoted(DIFFERENCE)}"
    columns["charge_category"] = header.made(
        f"CASE WHEN {difference} THEN 'Adjustment' ELSE 'Usage' END", NAME
    )
    columns["service_name"] = Cell("'Kubernetes'")
    return Placed(columns, twice=header.twice(columns), relation=moments(header, import_start=START))


def _together(connection: Any, layouts: "Sequence[Layout]") -> "tuple[list[Layout], list[Problem]]":
    """A window counts on its first day, so one of many days is worth a word."""
    import duckdb

    from storage.sources.places import diagnose

    told = []
    for layout in layouts:
        header = Header(layout.cells, layout.texts)
        span = f"instant({header.sql(END)}) - instant({header.sql(START)})"
        asked = f"SELECT count(*) FROM {layout.scan} WHERE {span} > INTERVAL 1 DAY"
        try:
            (long,) = connection.execute(asked).fetchone()
        except duckdb.Error as error:
            raise diagnose(layout, str(error)) from error
        if long:
            message = f"windows of more than a day, {long} in all, count on their first day; ask with step=1d"
            told.append(Problem(layout.file.shown, None, END, "window_long", message, Grade.WARN))
    return list(layouts), told


OPENCOST = Dialect(
    name="opencost",
    holds="allocations of OpenCost",
    freshness=Freshness.HOURLY,
    settles=None,
    needs=NEEDS,
    recognises=_recognises,
    place=_place,
    together=_together,
    divides=True,
)
