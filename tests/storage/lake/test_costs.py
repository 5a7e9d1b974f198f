"""Costs are exact, by any dimension, and say how far they reach."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from spend.errors import NotFound
from storage.costs import costs, resources_cost
from storage.lake import Lake
from storage.store import Store
from tests.storage.lake.bills import current_ids, load, text, write

ROWS = [
    {"BilledCost": "0.1", "Tags": '{" org": "a", "org": "b"}', "RegionId": "eu-1"},
    {"BilledCost": "0.2", "Tags": '{"Team": "web", "x": true}', "ChargePeriodStart": "2026-05-31T23:59:59Z"},
    {
        "BilledCost": "10.3",
        "ServiceName": "",
        "ChargeCategory": "Tax",
        "EffectiveCost": "10.3",
        "ResourceId": "",
    },
    {"BilledCost": "-1", "EffectiveCost": "-1", "ChargeCategory": "Credit", "Tags": "not json"},
    {"BillingCurrency": "EUR", "Tags": '"team":"data","env":"dev"'},
]


@pytest.fixture
def bill(lake: Lake, lake_store: Store, tmp_path: Path) -> Store:
    load(lake, lake_store, write(tmp_path / "bill.csv", text(ROWS)), promoted=("team",))
    return lake_store


def test_costs_are_printed_as_scripts_read_them(lake: Lake, bill: Store) -> None:
    found = costs(lake, bill, by=["service_name"]).to_data()
    assert found["complete_through"] == "2026-05-31"
    assert found["rows"] == [
        {
            "service_name": "Compute",
            "currency": "EUR",
            "billed_cost": "1",
            "effective_cost": "1",
            "list_cost": "1",
            "contracted_cost": "1",
            "charges": 1,
        },
        {
            "service_name": "Compute",
            "currency": "USD",
            "billed_cost": "-0.7",
            "effective_cost": "1",
            "list_cost": "3",
            "contracted_cost": "3",
            "charges": 3,
        },
        {
            "service_name": None,
            "currency": "USD",
            "billed_cost": "10.3",
            "effective_cost": "10.3",
            "list_cost": "1",
            "contracted_cost": "1",
            "charges": 1,
        },
    ]
    assert [(row["currency"], row["billed_cost"]) for row in found["totals"]] == [
        ("EUR", "1"),
        ("USD", "9.6"),
    ]


def test_a_tag_key_is_taken_byte_for_byte_unless_it_is_promoted(lake: Lake, bill: Store) -> None:
    def values(key: str, *promoted: str) -> list[str | None]:
        return [row[key] for row in costs(lake, bill, by=[key], promoted=promoted).rows if row["charges"]]

    assert values("tag: org") == ["a", None, None]
    assert values("tag:org") == ["b", None, None]
    assert values("tag:Team") == ["web", None, None]
    assert values("tag:team", "team") == ["data", "web", None]
    assert values("tag:x") == ["true", None, None]


def test_a_key_promoted_after_the_import_is_read_from_the_raw_tags(lake: Lake, bill: Store) -> None:
    found = costs(lake, bill, by=["tag:ORG"], promoted=("ORG",)).rows
    assert [row["tag:ORG"] for row in found] == ["a", None, None]


def test_days_are_half_open_and_an_empty_value_asks_for_what_is_missing(lake: Lake, bill: Store) -> None:
    first = costs(lake, bill, by=["day"], start=date(2026, 5, 3), end=date(2026, 5, 31))
    assert {row["day"] for row in first.rows} == {date(2026, 5, 3)}
    assert [row["month"] for row in costs(lake, bill, by=["month"], where={"region_id": "eu-1"}).rows] == [
        "2026-05"
    ]
    assert costs(lake, bill, where={"service_name": ""}).totals[0]["billed_cost"] == Decimal("10.3")


def test_an_unknown_dimension_is_named_with_the_known_ones(lake: Lake, bill: Store) -> None:
    for name in ("colour", "billed_cost", "charge_period_start"):
        with pytest.raises(NotFound, match=f"{name}.*service_name"):
            costs(lake, bill, by=[name])


def test_before_the_first_import_there_are_no_costs(lake: Lake, lake_store: Store) -> None:
    found = costs(lake, lake_store, by=["day", "tag:team"]).to_data()
    assert found.pop("complete_through") is None
    assert [key for key, value in found.items() if value] == []


def test_data_is_complete_through_the_day_that_every_source_has_reached(
    lake: Lake, bill: Store, tmp_path: Path
) -> None:
    load(lake, bill, write(tmp_path / "late.csv", text([{}])), source="late")
    found = costs(lake, bill).to_data()
    assert found["complete_through"] == "2026-05-03"
    assert found["complete_through_by_source"] == {"focus": "2026-05-31", "late": "2026-05-03"}


def test_a_day_that_may_still_be_filled_is_not_complete(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    days = [f"2026-05-{day}T00:00:00Z" for day in (30, 31)] + ["2026-06-01T00:00:00Z"]
    for number, day in enumerate(days):  # imported on the second of June
        bill = write(tmp_path / "bill.csv", text([{"ChargePeriodStart": day}]))
        load(lake, lake_store, bill, source=f"until-{number}")
    assert costs(lake, lake_store).complete_through_by_source == {
        "until-0": date(2026, 5, 30),
        "until-1": date(2026, 5, 31),
        "until-2": date(2026, 5, 31),
    }


def test_a_resource_costs_per_month_what_its_usage_says(lake: Lake, bill: Store) -> None:
    found = resources_cost(
        lake, current_ids(bill), ["i-1", "i-2"], start=date(2026, 5, 1), end=date(2026, 6, 1)
    )
    assert found.keys() == {"i-1"}
    assert found["i-1"]["EUR"].quantize(Decimal("1e-10")) == Decimal("0.9811827957")
    with pytest.raises(ValueError, match="resources"):
        resources_cost(lake, current_ids(bill), [], start=date(2026, 5, 1), end=date(2026, 6, 1))
