"""Line items with their team: what a digest, a claim and a dispute are made of."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from spend.allocation import Condition, Match, Pool, Rule, tag_rule
from spend.period import week_of
from storage import allocated
from storage.lake import Lake
from storage.store import Store
from tests.storage.lake.bills import current_ids, load, text, write

DAY = "2026-05-04T10:00:00Z"
ROWS = [
    {"EffectiveCost": "1.5", "Tags": '{"team": "web"}', "ChargePeriodStart": DAY, "ResourceId": "i-1"},
    {"EffectiveCost": "2.5", "Tags": '{"Team": "WEB "}', "ChargePeriodStart": DAY, "ResourceId": "i-2"},
    {"EffectiveCost": "7", "Tags": '{"shared": "true"}', "ChargePeriodStart": DAY, "ResourceId": "i-3"},
    {"EffectiveCost": "4", "Tags": "", "ChargePeriodStart": DAY, "ResourceId": ""},
    {"EffectiveCost": "9", "Tags": '{"team": "web"}', "ChargePeriodStart": "2026-05-12T00:00:00Z"},
]
RULES = (
    Rule("shared", Match((Condition("tag:shared", "is", ("true",)),)), pool=Pool("cluster", "even")),
    tag_rule("tag", ("team",), ("web", "data")),
)


@pytest.fixture
def bill(lake: Lake, lake_store: Store, tmp_path: Path) -> Store:
    load(lake, lake_store, write(tmp_path / "bill.csv", text(ROWS)))
    return lake_store


def ask(lake: Lake, bill: Store, **asked: object) -> list[tuple[object, ...]]:
    rows = allocated.charges(
        lake,
        current_ids(bill),
        RULES,
        by=("resource_id",),
        period=week_of(date(2026, 5, 4)),
        **asked,  # type: ignore[arg-type] # each test asks for something else
    )
    return [(row.key[0], row.rule, row.team, row.pool, row.effective) for row in rows]


def test_every_charge_of_the_week_has_its_verdict(lake: Lake, bill: Store) -> None:
    assert sorted(ask(lake, bill), key=str) == [
        ("i-1", "tag", "web", None, Decimal("1.5")),
        ("i-2", "tag", "web", None, Decimal("2.5")),
        ("i-3", "shared", None, "cluster", Decimal(7)),
        (None, "unallocated", None, None, Decimal(4)),
    ]


def test_a_team_is_asked_for_by_name(lake: Lake, bill: Store) -> None:
    assert [row[0] for row in ask(lake, bill, team="web")] == ["i-1", "i-2"]
    assert ask(lake, bill, team="data") == []


def test_what_nobody_owns_has_neither_team_nor_pool(lake: Lake, bill: Store) -> None:
    assert [row[0] for row in ask(lake, bill, unowned=True)] == [None]


def test_a_value_or_its_absence_can_be_asked_for(lake: Lake, bill: Store) -> None:
    assert [row[0] for row in ask(lake, bill, where={"resource_id": "i-2"})] == ["i-2"]
    assert [row[0] for row in ask(lake, bill, where={"resource_id": ""})] == [None]
