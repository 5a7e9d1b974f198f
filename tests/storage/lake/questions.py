"""Bills that are awkward to count, and every kind of question that the product asks of an engine."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

from spend.allocation import AnyRule, Condition, Match, Ownership, Pool, Rule, in_order, tag_rule
from spend.claim import Predicate
from spend.period import Period
from storage import allocated
from storage.allocate import allocate, slices
from storage.costs import costs, resources_cost
from storage.lake import Lake
from storage.store import Store
from tests.storage.lake.bills import current_ids, load, text, write

MAY = Period(date(2026, 5, 1), date(2026, 6, 1))
PROMOTED = ("team", "Cost-Center", 'ow"n/e~r')
TEAMS = ("web", "data", "ärzte")
LONG = "x_" + "_".join(["long"] * 20)
TINY, HUGE = "0.00000000000000000001", "99999999999999999.99999999999999999999"
#: Values that are hard to quote in somebody's SQL.
HARD = ("a\\b'c", 'say "x"', "50%_off`", "line\nline", "💸", "")
FIRST = [
    {"BilledCost": TINY, "EffectiveCost": f"-{TINY}", "Tags": '{"Team": "web"}', "x_CostCenter": "7"},
    {"BilledCost": HUGE, "EffectiveCost": HUGE, "Tags": '{"TEAM ": " WEB "}', "RegionId": "eu-1"},
    {"BilledCost": f"-{HUGE}", "EffectiveCost": "0.1", "Tags": '{"team": "Data", "cost-center": "A 1"}'},
    {"BilledCost": "0.2", "ListCost": "", "ContractedCost": "", "Tags": '{"team": true, "Team": "data"}'},
    {"BilledCost": "-3.33333333333333333333", "ChargeCategory": "Credit", "Tags": "not json"},
    {"BilledCost": "19", "ChargeCategory": "Tax", "ServiceName": "", "ResourceId": "", "Tags": ""},
    {"ChargeClass": "Correction", "EffectiveCost": "-7.00000000000000000007", "ServiceName": "Cluster"},
    {"BillingCurrency": "EUR", "BilledCost": "0.30", "Tags": '{"ow\\"n/e~r": "ÄRZTE", "x": "y"}'},
    {"ChargePeriodStart": "2026-05-31T23:59:59Z", "SubAccountId": "", "Tags": '{"team": "nobody"}'},
]
SECOND = [
    *({"ResourceId": hard, "ServiceName": "Cluster", "BilledCost": "1.1"} for hard in HARD),
    {"BilledCost": "2", "Tags": '{"owner": "web"}', LONG: "long", "x_123": "digits"},
]
KEYS = ("team", " Team", "TEAM ", 'ow"n/e~r', "other")
VALUES = ("web", "WEB", " web ", "Data", "ÄRZTE", "", "we b", True, None)
TAGGED = "tagged"


def bills(lake: Lake, store: Store, folder: Path) -> None:
    """Three sources; the keys are promoted, and no two bills have the same columns."""
    for name, rows, also in (("first", FIRST, ()), ("second", SECOND, ()), (TAGGED, tagged(), ("other",))):
        promoted = (*PROMOTED, *also)
        load(lake, store, write(folder / f"{name}.csv", text(rows)), source=name, promoted=promoted)


def tagged() -> list[dict[str, str]]:
    """A charge for each way to spell a tag, the n-th of the resource `r-n`."""
    every = [{key: value} for key, value in product(KEYS, VALUES)]
    every += [{"TEAM": one, "team": two} for one, two in product(VALUES[2:5], VALUES[3:])]
    return [
        {"Tags": json.dumps(tags), "ResourceId": f"r-{at}", "EffectiveCost": f"0.{at:03}"}
        for at, tags in enumerate(every)
    ]


def rules() -> tuple[AnyRule, ...]:
    """Every kind of rule that an engine judges by."""
    shared = Rule(
        "shared",
        Match((Condition("service_name", "in", ("Cluster", "DNS")), Condition("charge_class", "absent"))),
        pool=Pool("cluster", "proportional"),
    )
    centre = Rule("centre", Match((Condition("tag:Cost-Center", "is", ("a 1",)),)), team="data")
    claims = [
        Ownership("claim:1", Predicate(None, None, HARD[0]), "web", date(2026, 5, 2)),
        Ownership("claim:2", Predicate("dev", "Compute", None), "data", MAY.start, date(2026, 5, 3)),
    ]
    named = tag_rule("tag", ("Team", 'ow"n/e~r'), TEAMS, {"Ä": "ärzte"})
    return in_order(claims, (shared, centre, named))


Question = Callable[[Lake, Store, Sequence[str]], Any]
DIMENSIONS: tuple[tuple[str, ...], ...] = (
    (),
    ("day", "service_name", "sub_account_id"),
    ("month", "charge_category", "charge_class", "region_id"),
    ("source", "x_cost_center", "billing_account_id"),
    ("tag:team", 'tag:ow"n/e~r'),
)
WHERES: tuple[Mapping[str, str], ...] = (
    *({"resource_id": hard} for hard in HARD),
    {"day": "2026-05-31"},
    {"month": "2026-05", "charge_category": "Credit"},
    {"tag:team": "web", "sub_account_id": "dev"},
    {"tag:Cost-Center": ""},
    {"x_123": "digits"},
    {LONG: "long"},
)


def _costs(**asked: Any) -> Question:
    def ask(lake: Lake, store: Store, ids: Sequence[str]) -> Any:
        return costs(lake, store, snapshots=ids, promoted=PROMOTED, **asked)

    return ask


def _charges(**asked: Any) -> Question:
    def ask(lake: Lake, _store: Store, ids: Sequence[str]) -> Any:
        return sorted(allocated.charges(lake, ids, rules(), period=MAY, **asked), key=repr)

    return ask


def _resources(lake: Lake, _store: Store, ids: Sequence[str]) -> Any:
    return resources_cost(lake, ids, ["i-1", "r-1", *HARD[:3]], start=MAY.start, end=MAY.end)


def _ledger(lake: Lake, _store: Store, ids: Sequence[str]) -> Any:
    return sorted(allocate(lake, ids, rules(), teams=TEAMS), key=lambda entry: entry.id)


QUESTIONS: Mapping[str, Question] = {
    **{f"costs by {' '.join(by) or 'nothing'}": _costs(by=by) for by in DIMENSIONS},
    **{f"costs where {dict(where)}": _costs(by=("day",), where=where) for where in WHERES},
    "costs of some days": _costs(start=date(2026, 5, 3), end=date(2026, 5, 31)),
    "slices": lambda lake, _store, ids: slices(lake, ids, rules(), start=MAY.start, end=MAY.end),
    "the ledger": _ledger,
    "charges by resource": _charges(by=("resource_id", "service_name")),
    "charges of a team": _charges(by=("day",), team="web", where={"charge_category": "Usage"}),
    "charges of nobody": _charges(by=("service_name",), unowned=True, where={"charge_class": ""}),
    "costs of resources": _resources,
}


def answers(lake: Lake, store: Store) -> dict[str, Any]:
    """What an engine says to every question."""
    ids = current_ids(store)
    return {name: ask(lake, store, ids) for name, ask in QUESTIONS.items()}
