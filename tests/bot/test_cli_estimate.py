"""`bursar estimate`: always called an estimate, with its gaps, what has no price, and how far off it was."""

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot import cli, main
from spend.estimate import Line, Look, Reckoned
from storage import audit, estimates
from storage.store import Store

HOUR = timedelta(hours=1)


@pytest.fixture
def looked(empty: Path, capsys: pytest.CaptureFixture[str]) -> Store:
    """A home without a bill, in which two hours were looked at before this one, and a day was billed."""
    assert cli.outcome(["estimate"]) == 0
    assert "Nothing was looked at" in capsys.readouterr().out
    now, line = main.now(), Line("instance", "m5.large", "web", 2, "USD", Decimal("0.25"), "kind")
    hour = now.replace(minute=0, second=0, microsecond=0)
    store = Store(f"sqlite:///{empty / 'home' / 'bursar.db'}")
    with store.writing(now) as unit:
        looks = [Look(hour - n * HOUR, "111", (line,), {"volume gp3": n}) for n in (24, 25)]
        estimates.keep(unit, looks)
        day = now.date() - timedelta(days=3)
        estimates.reckon(unit, [Reckoned(day, "111", "USD", 24, Decimal("10.31"), Decimal(10))], "bill")
    return store


def test_an_estimate_is_told_with_its_gaps_and_what_has_no_price(
    looked: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.outcome(["estimate", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["estimate"], told["complete_through"]) == (True, None)
    assert told["totals"] == [{"currency": "USD", "amount": "0.5"}]
    assert {(row["account"], row["team"], row["priced_by"]["kind"] > 0) for row in told["rows"]} == {
        ("111", "web", True)
    }
    assert sum(one["hours"] for one in told["coverage"]) == 2
    assert told["accuracy"] == [{"currency": "USD", "days": 1, "within": 4}]
    assert cli.outcome(["estimate"]) == 0
    shown = capsys.readouterr().out
    assert "no bill, and no part of any other figure" in shown
    assert "the rest is not filled in" in shown
    assert "Without a price, so not in it: 25 volume gp3 in 111." in shown
    assert "came within 4 % of its bill" in shown
    with looked.reading() as session:
        views = [row for row in audit.rows(session, subject="estimate") if row["event"] == "report.view"]
    assert len(views) == 3
    looked.close()


def test_what_was_billed_since_stands_beside_it(looked: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.outcome(["estimate", "--reconciled", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert (row["estimated"], row["billed"], row["error_percent"], row["hours"]) == ("10.31", "10", "3.1", 24)
    assert cli.outcome(["estimate", "--reconciled"]) == 0
    assert "error in %" in capsys.readouterr().out
    looked.close()


def test_without_accounts_there_is_nothing_to_look_at(
    looked: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    looked.close()
    assert cli.outcome(["estimate", "--look"]) == 2
    assert capsys.readouterr().err == (
        "There is no account to look at; name them in the settings, under accounts.\n"
    )
