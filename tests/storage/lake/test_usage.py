"""Use of AI models and of pipelines: apart by what was used, and credits billed once."""

from decimal import Decimal
from pathlib import Path

import pytest

from storage.costs import costs
from storage.lake import Lake
from storage.snapshots import DeliveryRefused
from storage.store import Store
from tests.storage.lake.bills import load, write
from tests.storage.sources import SAMPLES

TOKENS, MINUTES = SAMPLES["ai-usage"], SAMPLES["ci-minutes"]


def test_cached_and_uncached_tokens_stay_apart_by_model_and_use(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    rows = [{}, {"token_type": "cached input", "cost": "0.125"}, {"use_case": "search"}]
    load(lake, lake_store, write(tmp_path / "tokens.csv", TOKENS.text(rows)))
    by = ("x_model", "x_use_case", "x_token_type", "sub_account_id", "service_name", "consumed_unit")
    assert [
        (*list(row.values())[:6], row["effective_cost"]) for row in costs(lake, lake_store, by=by).rows
    ] == [
        ("large-2", "search", "input", "chat", "Models Inc", "Tokens", Decimal("1.25")),
        ("large-2", "support", "cached input", "chat", "Models Inc", "Tokens", Decimal("0.125")),
        ("large-2", "support", "input", "chat", "Models Inc", "Tokens", Decimal("1.25")),
    ]


def test_credits_are_billed_when_they_are_bought_and_cost_when_they_are_used(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    credit = {"credit_unit": "Token"}
    rows = [
        {**credit, "charge": "Purchase", "cost": "100000", "credits": "100000"},
        *({**credit, "charge": "", "cost": cost, "credits": cost} for cost in ("245", "10", "240")),
        {**credit, "charge": "", "cost": "7", "credits": ""},
    ]
    load(lake, lake_store, write(tmp_path / "tokens.csv", TOKENS.text(rows)))
    found = costs(lake, lake_store, by=("charge_category", "pricing_currency")).rows
    assert [(row["charge_category"], row["billed_cost"], row["effective_cost"]) for row in found] == [
        ("Purchase", Decimal(100000), Decimal(0)),
        ("Usage", Decimal(7), Decimal(502)),
    ]


def test_a_cost_that_credits_paid_for_must_be_readable_all_the_same(
    lake: Lake, lake_store: Store, tmp_path: Path
) -> None:
    bill = write(tmp_path / "tokens.csv", TOKENS.text([{"cost": "?", "credits": "5"}]))
    with pytest.raises(DeliveryRefused) as refused:
        load(lake, lake_store, bill)
    assert (refused.value.line, refused.value.column) == (2, "cost")


def test_minutes_are_told_by_pipeline_and_runner(lake: Lake, lake_store: Store, tmp_path: Path) -> None:
    rows = [{"tags": '{"team": "web"}'}, {"runner_type": "mac", "cost": "9"}]
    load(lake, lake_store, write(tmp_path / "minutes.csv", MINUTES.text(rows)))
    by = ("x_pipeline", "x_runner_type", "x_repository", "tag:team", "service_category")
    assert [(*list(row.values())[:5], row["billed_cost"]) for row in costs(lake, lake_store, by=by).rows] == [
        ("release", "linux-4", "shop", "web", "Developer Tools", Decimal("1.25")),
        ("release", "mac", "shop", None, "Developer Tools", Decimal(9)),
    ]
