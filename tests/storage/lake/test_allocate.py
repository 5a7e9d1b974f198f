"""The compiled rules say what the one-row evaluator says, and the ledger adds up to the bill."""

import json
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spend.allocation import (
    AnyRule,
    Condition,
    Match,
    Ownership,
    Pool,
    Rule,
    Verdict,
    evaluate,
    in_order,
    tag_rule,
)
from spend.charge import Charge
from spend.claim import Predicate
from spend.errors import NotFound
from spend.ledger import Entry
from spend.money import ZERO, total
from storage.allocate import allocate, verdict_of, verdicts
from storage.costs import costs, team_costs
from storage.engines.engine import Charges
from storage.lake import Lake
from storage.sources.expressions import MACROS
from storage.store import Store
from tests.storage.lake.bills import current_ids, load, text, write

DAYS = [date(2026, 5, day) for day in (1, 2, 3)]
COLUMNS = ("sub_account_id", "service_name", "resource_id", "charge_class")
TABLE = {
    "n": "int64",
    "charge_day": "date",
    "billing_account_id": "string",
    "billing_currency": "string",
    "charge_category": "string",
    "tags": "string",
} | dict.fromkeys(COLUMNS, "string")

some = st.sampled_from(["a", "b", "A", "it's"])
maybe = st.one_of(st.none(), some)
keys = st.sampled_from(["team", "Team", " team", "TEAM ", "owner", 'ow"n/e~r'])
values = st.sampled_from(["web", "WEB", " web ", "data", "", None])
teams = st.sampled_from(["red", "blue"])
charge = st.builds(
    Charge,
    day=st.sampled_from(DAYS),
    billing_account_id=some,
    billing_currency=st.sampled_from(["USD", "EUR"]),
    charge_category=st.sampled_from(["Usage", "Tax"]),
    sub_account_id=maybe,
    service_name=maybe,
    resource_id=maybe,
    charge_class=maybe,
    tags=st.dictionaries(keys, values, max_size=4),
)
columns = st.one_of(st.sampled_from([*COLUMNS, "billing_currency"]), keys.map(lambda key: f"tag:{key}"))
condition = st.one_of(
    st.builds(Condition, columns, st.just("is"), st.tuples(st.sampled_from(["a", "web", "Web "]))),
    st.builds(Condition, columns, st.just("in"), st.tuples(some, st.sampled_from(["data", "", "b"]))),
    st.builds(Condition, columns, st.sampled_from(["present", "absent"])),
)
match = st.builds(Match, st.lists(condition, min_size=1, max_size=3).map(tuple))
predicate = st.builds(Predicate, maybe, some, maybe)
rule: st.SearchStrategy[AnyRule] = st.one_of(
    st.builds(Rule, st.sampled_from(["r1", "r2"]), match, teams),
    st.builds(Rule, st.just("shared"), match, pool=st.just(Pool("cluster", "proportional"))),
    st.builds(
        tag_rule,
        st.just("tags"),
        st.lists(keys, max_size=2),
        st.just(["data"]),
        st.dictionaries(st.sampled_from(["web", "it's"]), teams),
    ),
    st.builds(
        Ownership,
        st.just("claim:1"),
        predicate,
        teams,
        st.sampled_from(DAYS),
        st.one_of(st.none(), st.just(DAYS[2])),
    ),
)


@cache
def engine() -> Any:
    """One engine for all examples; what it costs to start is not what is tested."""
    connection = duckdb.connect()
    for macro in MACROS:
        connection.execute(macro)
    return connection


def judged(charges: list[Charge], rules: list[AnyRule]) -> list[Verdict]:
    """What the compiled rules say of each charge."""
    import ibis

    connection = engine()
    kinds = {"int64": "BIGINT", "date": "DATE", "string": "VARCHAR"}
    declared = ", ".join(f"{name} {kinds[kind]}" for name, kind in TABLE.items())
    connection.execute(f"CREATE OR REPLACE TABLE charges ({declared})")
    for number, one in enumerate(charges):
        tags = json.dumps({key: True if value is None else value for key, value in one.tags.items()})
        row = [number, one.day, one.billing_account_id, one.billing_currency, one.charge_category, tags]
        row += [getattr(one, column) for column in COLUMNS]
        connection.execute(f"INSERT INTO charges VALUES ({', '.join('?' * len(row))})", row)
    table = ibis.table(TABLE, name="charges")
    bill = Charges(table, "duckdb", lambda sql: connection.execute(sql).fetchall())
    table = verdicts(bill.table, rules)
    rows = bill.fetch(table.select("n", "rule_at", "tag_team").order_by("n"))
    return [Verdict(*verdict_of(rules, row["rule_at"], row["tag_team"])) for row in rows]


@settings(deadline=None, max_examples=60)
@given(st.lists(charge, min_size=1, max_size=12), st.lists(rule, max_size=5))
def test_the_engine_decides_each_charge_as_the_evaluator_does(
    charges: list[Charge], rules: list[AnyRule]
) -> None:
    assert judged(charges, rules) == [evaluate(rules, one) for one in charges]


BILL = [
    {"BilledCost": "10", "EffectiveCost": "3", "Tags": '{"Team": "web"}', "ResourceId": "i-1"},
    {"BilledCost": "10", "EffectiveCost": "1", "Tags": '{"team": "data"}', "ResourceId": "i-2"},
    {"BilledCost": "0.1", "EffectiveCost": "0.00000000000000000001", "ServiceName": "Cluster", "Tags": ""},
    {"BilledCost": "100", "EffectiveCost": "10", "ServiceName": "Cluster", "Tags": "{}"},
    {
        "BilledCost": "-3",
        "EffectiveCost": "-1",
        "ServiceName": "Cluster",
        "Tags": "",
        "ChargeCategory": "Credit",
    },
    {"BilledCost": "5", "EffectiveCost": "5", "Tags": "", "ServiceName": "DNS", "ChargeCategory": ""},
    {"BilledCost": "7", "EffectiveCost": "7", "ServiceName": "Cluster", "BillingCurrency": "EUR", "Tags": ""},
]
CLUSTER = Rule(
    "shared cluster",
    Match((Condition("service_name", "is", ("Cluster",)),)),
    pool=Pool("cluster", "proportional"),
)
RULES = (CLUSTER, tag_rule("by tag", ("team",), ["web", "data"]))


@pytest.fixture
def ledger(lake: Lake, lake_store: Store, tmp_path: Path) -> list[Entry]:
    load(lake, lake_store, write(tmp_path / "bill.csv", text(BILL)), promoted=("team",))
    return allocate(lake, current_ids(lake_store), RULES, teams=["web", "data"])


def test_the_ledger_adds_up_to_the_bill_per_currency_and_basis(
    lake: Lake, lake_store: Store, ledger: list[Entry]
) -> None:
    for row in costs(lake, lake_store).totals:
        mine = [entry for entry in ledger if entry.currency == row["currency"]]
        assert total(entry.effective for entry in mine) == row["effective_cost"]
        assert total(entry.billed for entry in mine) == row["billed_cost"]


def test_a_pool_is_split_by_the_direct_effective_cost_of_its_day(ledger: list[Entry]) -> None:
    parts = {
        (entry.currency, entry.category, entry.team): (entry.effective, entry.billed)
        for entry in ledger
        if entry.method == "pool:cluster"
    }
    assert parts["USD", "Usage", "web"] == (Decimal("7.50000000000000000001"), Decimal("75.075"))
    assert parts["USD", "Usage", "data"] == (Decimal("2.5"), Decimal("25.025"))
    assert parts["USD", "Credit", "data"] == (Decimal("-0.25"), Decimal("-0.75"))
    assert parts["EUR", "Usage", "web"] == (Decimal("3.5"), Decimal("3.5"))  # no direct cost: even


def test_each_origin_is_one_charge_and_each_entry_has_an_id_of_its_own(ledger: list[Entry]) -> None:
    assert len({entry.id for entry in ledger}) == len(ledger)
    shares = [entry for entry in ledger if entry.method == "pool:cluster"]
    assert len({entry.origin for entry in shares}) == 3
    (nobody,) = [entry for entry in ledger if entry.team is None]
    assert (nobody.rule, nobody.method, nobody.service, nobody.category) == (
        "unallocated",
        "direct",
        "DNS",
        "Unknown",
    )


def test_the_same_snapshot_gives_the_same_entries(lake: Lake, lake_store: Store, ledger: list[Entry]) -> None:
    assert allocate(lake, current_ids(lake_store), RULES, teams=["data", "web"]) == ledger


@pytest.mark.usefixtures("ledger")
def test_a_claim_on_a_resource_comes_before_the_tag(lake: Lake, lake_store: Store) -> None:
    claim = Ownership("claim:1", Predicate(None, None, "i-1"), "ops", date(2026, 5, 1))
    rules = in_order([claim], RULES)
    found = allocate(lake, current_ids(lake_store), rules, start=date(2026, 5, 3), end=date(2026, 5, 4))
    assert {entry.team for entry in found if entry.rule == "claim:1"} == {"ops"}
    assert allocate(lake, current_ids(lake_store), rules, start=date(2026, 5, 4)) == []


def test_costs_by_team_come_from_the_ledger(ledger: list[Entry]) -> None:
    found = team_costs(ledger, by=["team"], where={"charge_category": "Usage"}, complete_through=None)
    assert [(row["team"], row["currency"], row["effective_cost"]) for row in found.rows] == [
        ("data", "EUR", Decimal("3.5")),
        ("data", "USD", Decimal("3.5")),
        ("web", "EUR", Decimal("3.5")),
        ("web", "USD", Decimal("10.50000000000000000001")),
    ]
    assert found.totals[0]["billed_cost"] == Decimal(7)
    assert sum((row["billed_cost"] for row in found.totals), ZERO) == Decimal("127.1")
    with pytest.raises(NotFound, match="resource_id"):
        team_costs(ledger, by=["resource_id"], complete_through=None)
