"""OpenCost's allocations: every digit, what is idle, and what differs from the bill of the nodes."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from storage.costs import costs
from storage.lake import Lake
from storage.snapshots import DeliveryRefused
from storage.store import Store
from tests.storage.lake.bills import load, write

TEAM = {"team": "web"}
BY = ("resource_id", "charge_category", "x_namespace", "tag:team", "tag:env")
#: An allocation without its cost, and one whose cost is no number.
COSTLESS = {"properties": {"cluster": "c1"}}
NUMBERLESS = '{"data": [{"x": {"totalCost": NaN, "properties": {"cluster": "c"}}}]}'
WINDOW = {"start": "2026-05-03T00:00:00Z", "end": "2026-05-04T00:00:00Z"}


def entry(cost: str, **rest: Any) -> dict[str, Any]:
    properties = {"cluster": "c1"} | rest.pop("properties", {})
    return {"totalCost": cost, "properties": properties, "window": WINDOW} | rest


ALLOCATIONS = {
    "web": entry(
        "1.53",
        cpuCost="1.4",
        cpuCostAdjustment="-0.1",
        ramCost="0.1",
        pvCost="0.13",
        properties={
            "namespace": "web",
            "namespaceLabels": {"team": "x", "env": "dev"},
            "labels": {"team": "web"},
        },
    ),
    "__idle__": entry("0.5", cpuCost="0.5"),
}
ASSETS = {"n1": entry("2.25", type="Node"), "n2": entry("0.05", type="Node"), "d1": entry("9", type="Disk")}


def answer(path: Path, entries: dict[str, Any]) -> Path:
    text = json.dumps({"code": 200, "data": [entries]})
    for amount in {
        str(one[key]) for one in entries.values() for key in one if key.endswith(("Cost", "Adjustment"))
    }:
        text = text.replace(f'"{amount}"', amount)  # numbers, as the API writes them
    return write(path, text)


def test_the_rows_and_what_is_left_add_up_to_the_bill_of_the_nodes_and_the_rest(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    answer(tmp_path / "in" / "allocations.json", ALLOCATIONS)
    answer(tmp_path / "in" / "assets.json", ASSETS)
    load(lake, lake_store, tmp_path / "in", currency="USD")
    rows = costs(lake, lake_store, by=BY).rows
    assert [(*list(row.values())[:5], row["billed_cost"], row["effective_cost"]) for row in rows] == [
        ("__difference__", "Adjustment", None, None, None, Decimal(0), Decimal("0.4")),
        ("__idle__", "Usage", None, None, None, Decimal(0), Decimal("0.5")),
        ("web", "Usage", "web", "web", "dev", Decimal(0), Decimal("1.53")),
    ]
    disks = Decimal("0.13")
    assert sum(row["effective_cost"] for row in rows) - disks == Decimal("2.25") + Decimal("0.05")


def test_nodes_that_cost_what_is_allocated_leave_nothing(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    answer(tmp_path / "in" / "allocations.json", ALLOCATIONS)
    answer(tmp_path / "in" / "assets.json", {"n1": entry("1.9", type="Node")})
    report = load(lake, lake_store, tmp_path / "in", currency="USD")
    assert report.snapshots[0].rows == 2
    assert [one.message for one in report.problems if one.code == "skipped"] == [
        "skipped: the nodes cost what their allocations add up to"
    ]


def test_a_window_of_many_days_is_worth_a_word(lake: Lake, lake_store: Store, tmp_path: Path) -> None:
    week = entry("1.53", window={"start": "2026-05-03T11:02:46Z", "end": "2026-05-10T11:02:46Z"})
    report = load(lake, lake_store, answer(tmp_path / "week.json", {"web": week}), currency="USD")
    assert [one.code for one in report.problems if one.code == "window_long"] == ["window_long"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ('{"code": 200, "data": [', "not whole JSON"),
        ('{"code": 200, "data": []}', "no allocations"),
        ("[1]", "no allocations"),
        (json.dumps({"data": [{"n1": ASSETS["n1"]}]}), "assets alone"),
        (json.dumps({"data": [ALLOCATIONS, {"n1": entry("?", type="Node")}]}), "n1 is not an amount"),
        (
            json.dumps({"data": [ALLOCATIONS, {"x": {"window": WINDOW, "properties": {"cluster": "c"}}}]}),
            "empty",
        ),
        (NUMBERLESS, "NaN"),
    ],
    ids=["cut", "nothing", "list", "assets", "bad node", "no cost", "not a number"],
)
def test_what_is_no_whole_answer_is_refused(
    lake: Lake, lake_store: Store, tmp_path: Path, content: str, why: str
) -> None:
    with pytest.raises(DeliveryRefused, match=why):
        load(lake, lake_store, write(tmp_path / "answer.json", content), currency="USD")
