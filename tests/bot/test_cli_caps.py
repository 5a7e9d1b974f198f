"""`bursar caps`: today's ledger as a table for people and as one document for scripts."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.main import open_store
from bot.settings import load
from storage import blast
from tests.bot.test_cli_work import home, settle, told
from tests.storage import rows

__all__ = ["home"]


def approved(now: datetime) -> None:
    """A plan that has taken its room of today."""
    store = open_store(load())
    plan = replace(rows.plan(), fleets={"instances/123456789012/no environment": 4})
    rows.keep(store, plan)
    with store.writing(now) as unit:
        blast.reserve(unit, plan, load().org().caps)
    store.close()


def test_the_caps_of_today_tell_what_is_taken_and_by_which_plan(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(home, "caps: { targets_per_day: 5, amount_per_day: 100 USD }")
    now = datetime.now(UTC)
    approved(now)
    said = told(capsys, "caps")
    assert "1 of 5 targets, 30.1000 of 100.0000 USD a month, at most 50 % of a fleet" in said
    assert "plan-1" in said
    assert "1 of instances/123456789012/no environment" in said
    data = json.loads(told(capsys, "caps", "--json"))
    assert data["day"] == f"{now:%Y-%m-%d}"
    assert data["caps"]["amount_per_day"] == "100"
    assert data["used"] == {
        "targets": 1,
        "amount": "30.1",
        "fleets": {"instances/123456789012/no environment": 1},
    }
    assert [(one["plan"], one["state"], one["standing"]) for one in data["plans"]] == [
        ("plan-1", "reserved", None)
    ]


@pytest.mark.usefixtures("home")
def test_on_a_day_on_which_nothing_was_taken_the_table_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    assert "0 of 50 targets" in told(capsys, "caps")
    assert json.loads(told(capsys, "caps", "--json"))["plans"] == []
