"""Azure's two views of the same money: actual says what is billed, amortized what it costs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.sources.dialects.dialect import NOTHING, Cell, Header
from storage.sources.problems import Grade, Problem, refusal

if TYPE_CHECKING:
    from storage.sources.layout import Layout

ACTUAL, AMORTIZED = "actual", "amortized"
COST = ("CostInBillingCurrency", "PreTaxCost", "Cost")
KIND, MODEL = "ChargeType", "PricingModel"
COMMITMENT = ("BenefitId", "ReservationId")
ZERO = Cell("'0'")
#: What both views tell alike; it is taken from the amortized one.
SHARED = ("list_cost", "contracted_cost", "consumed_quantity", "consumed_unit")
CASH = (
    "these are actual costs: EffectiveCost is what was billed, and commitments are not spread over their use"
)
SPREAD = "these are amortized costs: BilledCost lacks what was paid for commitments"


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one file says: its view where it can be told, and the bills it has charges of."""

    layout: "Layout"
    view: str | None
    bills: frozenset[tuple[str, str]]

    @property
    def folder(self) -> Path:  # the files of one export stand together
        return self.layout.file.path.parent


def together(connection: Any, layouts: "Sequence[Layout]") -> "tuple[list[Layout], list[Problem]]":
    """Let each view tell its own basis, so that the two are never added.

    Raises:
        BillRefused: a file mixes the views or does not tell its own, or one view lacks a bill of the other.
    """
    seen = _settled([_look(connection, layout) for layout in layouts])
    views = {one.view for one in seen if one.view}
    if views == {ACTUAL, AMORTIZED}:
        _same_bills(seen)
        return [_half(one) for one in seen], []
    text = CASH if ACTUAL in views else SPREAD
    files = [one.layout.file.shown for one in seen if views]
    told = [Problem(file, None, None, "one_view", text, Grade.WARN) for file in files]
    return [_alone(one) for one in seen], told


def english(header: Header) -> Header:
    """Other languages have the name in brackets: `Abonnement-GUID (SubscriptionGuid)`."""
    found = [re.fullmatch(r".*\(([A-Za-z]+)\)", cell) for cell in header.cells]
    names = [one[1] if one else cell for one, cell in zip(found, header.cells, strict=True)]
    return Header(names, header.texts)


def commitment(header: Header) -> str:
    """The commitment that a row belongs to, if any."""
    return f"coalesce({', '.join(header.sql(name) for name in COMMITMENT)})"


def covered(header: Header) -> str:
    """Whether a row is use of a commitment."""
    held, model = commitment(header), header.sql(MODEL)
    return f"""coalesce({header.sql(KIND)} IN ('UnusedReservation', 'UnusedSavingsPlan')
        OR ({header.sql(KIND)} = 'Usage' AND CASE WHEN {model} IS NULL THEN {held} IS NOT NULL
        ELSE {model} IN ('Reservation', 'SavingsPlan') END), false)"""


def _look(connection: Any, layout: "Layout") -> _Seen:
    """Use of a commitment costs something in the amortized view only, its purchase in the actual one only."""
    import duckdb

    from storage.sources.places import diagnose

    header = english(Header(layout.cells, layout.texts))
    cost = f"coalesce(number({header.sql(*COST)}), 0)"
    bought = f"""coalesce({header.sql(KIND)} IN ('Purchase', 'Refund')
        AND {header.sql(MODEL)} IN ('Reservation', 'SavingsPlan'), false)"""
    account, period = (layout.columns[name].sql for name in ("billing_account_id", "billing_period_start"))
    asked = f"""SELECT bool_or({covered(header)} AND {cost} <> 0), bool_or({bought} AND {cost} <> 0),
        bool_or({covered(header)} AND {cost} = 0),
        list(DISTINCT [trim({account}), CAST(CAST(instant(trim({period})) AS DATE) AS VARCHAR)])
        FROM {layout.relation}"""
    try:
        spread, paid, free, bills = connection.execute(asked).fetchone()
    except duckdb.Error as error:
        raise diagnose(layout, str(error)) from error
    if spread and paid:
        reason = "purchases of commitments and their use both cost something here: two views in one file"
        raise refusal(layout.file.shown, "two_views", reason)
    view = AMORTIZED if spread else ACTUAL if paid or free else _named(layout.file.path)
    return _Seen(layout, view, frozenset((str(one[0]), str(one[1])) for one in bills or ()))


def _named(path: Path) -> str | None:
    """The view that the name of a file, else of its folder, tells."""
    for name in (path.name, path.parent.name):
        if re.search("amorti[sz]ed", name, re.IGNORECASE):
            return AMORTIZED
        if re.search("actual", name, re.IGNORECASE):
            return ACTUAL
    return None


def _settled(seen: list[_Seen]) -> list[_Seen]:
    """A file that does not tell its view has that of its folder, or else of the whole delivery."""
    settled = []
    for one in seen:
        beside = {other.view for other in seen if other.view and other.folder == one.folder}
        views = beside or {other.view for other in seen if other.view}
        if one.view is None and len(views) > 1:
            reason = "nothing says whether these costs are actual or amortized; put them in a folder so named"
            raise refusal(one.layout.file.shown, "view_unknown", reason)
        settled.append(replace(one, view=one.view or next(iter(views), None)))
    return settled


def _same_bills(seen: list[_Seen]) -> None:
    views = (ACTUAL, AMORTIZED)
    bills = {view: {bill for one in seen if one.view == view for bill in one.bills} for view in views}
    for view, other in ((ACTUAL, AMORTIZED), (AMORTIZED, ACTUAL)):
        for account, period in sorted(bills[view] - bills[other]):
            reason = f"of account {account} in {period} there are only {view} costs; bring both views of it"
            raise refusal(next(one.layout.file.shown for one in seen if one.view == view), "half", reason)


def _half(one: _Seen) -> "Layout":
    """One of two views: it tells its own basis, and the other one tells the other."""
    if one.view == AMORTIZED:
        return replace(one.layout, columns=one.layout.columns | {"billed_cost": ZERO})
    silent = {name: ZERO if name.endswith("cost") else Cell(NOTHING) for name in SHARED}
    there = {name: cell for name, cell in silent.items() if name in one.layout.columns}
    return replace(one.layout, columns=one.layout.columns | there | {"effective_cost": ZERO})


def _alone(one: _Seen) -> "Layout":
    """The use of a commitment was paid for by its purchase, which the amortized view does not have."""
    if one.view != AMORTIZED:
        return one.layout
    header = english(Header(one.layout.cells, one.layout.texts))
    cost = one.layout.columns["billed_cost"]
    billed = Cell(f"CASE WHEN {covered(header)} THEN '0' ELSE {cost.sql} END", cost.at)
    return replace(one.layout, columns=one.layout.columns | {"billed_cost": billed})
