"""The bill and the plans from a terminal: what is printed, and who may decide."""

import getpass
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from actions.plan import Tier
from bot import cli
from bot.main import open_store
from bot.settings import load
from flows.stepup import generator
from tests.storage import rows
from tests.storage.lake.bills import text, write
from tests.storage.sources import SAMPLES

SETTINGS = """\
teams: {{ web: {{ channel: C0WEB, owners: [U0ANN] }} }}
finance: {{ channel: C0FIN, people: [U0FAY] }}
oncall: {{ channel: C0ONCALL }}
approvers: {{ platform-oncall: [U0CARO, U0DEV] }}
{more}
"""


@pytest.fixture
def home(empty: Path) -> Path:
    """A folder with settings, in which nobody at a terminal is known yet."""
    settle(empty)
    return empty


def settle(folder: Path, more: str = "") -> None:
    (folder / "bursar.yaml").write_text(SETTINGS.format(more=more), encoding="utf-8")


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert cli.outcome(arguments) == code
    said = capsys.readouterr()
    return said.out or said.err


def waiting(approvers: frozenset[str], **changes: Any) -> str:
    """A plan that waits for one approval until tomorrow."""
    now = datetime.now(UTC)
    plan = rows.plan(
        **{"quorum": 1, **changes},
        approvers=approvers,
        created_at=now,
        approve_by=now + timedelta(days=1),
        execute_by=now + timedelta(days=1),
    )
    store = open_store(load())
    rows.keep(store, plan)
    store.close()
    return plan.id


def test_a_bill_goes_in_and_its_costs_come_out(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bill = write(
        home / "bill.csv", text([{"BilledCost": "0.1"}, {"BilledCost": "0.2", "ServiceName": "=cmd()"}])
    )
    report = json.loads(told(capsys, "import", str(bill), "--json"))
    assert [one["state"] for one in report["snapshots"]] == ["current"]
    again = json.loads(told(capsys, "import", str(bill), "--json"))
    assert [one["state"] for one in again["snapshots"]] == ["unchanged"]
    found = json.loads(told(capsys, "costs", "--by", "service_name", "--json"))
    assert found["totals"][0]["billed_cost"] == "0.3"
    assert "'=cmd()" in told(capsys, "costs", "--by", "service_name", "--csv")
    assert "0.1000" in told(capsys, "costs", "--by", "service_name")
    assert "Everything billed" in told(capsys, "digest")
    assert "no team" in told(capsys, "digest", "nobody", code=2)
    assert "There is no dimension" in told(capsys, "costs", "--by", "colour", code=2)
    assert "is no day" in told(capsys, "costs", "--from", "soon", code=2)


def test_what_was_told_is_counted_again_and_an_older_bill_counts_if_it_is_said_so(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    former, later = write(home / "1.csv", text([{}])), write(home / "2.csv", text([{}, {"BilledCost": "7"}]))
    first = json.loads(told(capsys, "import", str(former), "--json"))["snapshots"][0]["id"]
    told(capsys, "digest", "web", "--week", "2026-05-01", "--post")
    told(capsys, "import", str(later))
    sent = json.loads(told(capsys, "digest", "web", "--as-of", "2100-01-01", "--json"))
    for as_of in (first, sent["id"], sent["id"][:12]):
        found = json.loads(told(capsys, "costs", "--as-of", as_of, "--json"))
        assert (found["totals"][0]["billed_cost"], found["as_of"]["snapshots"]) == ("1", [first])
    assert f"as {sent['id']}; `bursar costs --as-of" in told(capsys, "digest", "--as-of", sent["id"])
    assert "Write an id" in told(capsys, "costs", "--as-of", "nonsense", code=2)
    assert "Name the team" in told(capsys, "digest", "--as-of", "2100-01-01", code=2)
    assert "--replace imports it" in told(capsys, "import", str(former), code=3)
    assert "current" in told(capsys, "import", str(former), "--replace")


def test_a_bill_of_another_format_goes_in_by_its_name(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    azure = SAMPLES["azure"]
    bill = str(azure.write(home / "costs", [{}], without=["BillingCurrency"]))
    assert "--currency CODE" in told(capsys, "import", bill, code=3)
    report = json.loads(told(capsys, "import", bill, "--as", "azure", "--currency", "EUR", "--json"))
    assert [(one["source"], one["totals"][0]["currency"]) for one in report["snapshots"]] == [
        ("azure", "EUR")
    ]
    assert "no such column" in told(capsys, "import", bill, "--as", "aws-cur", code=3)
    assert "there are: focus, aws-cur" in told(capsys, "import", bill, "--as", "excel", code=2)


def test_a_broken_bill_is_refused_and_what_was_there_stays(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write(home / "good.csv", text([{"BilledCost": "5"}]))
    told(capsys, "import", str(good))
    broken = write(home / "broken.csv", text([{"BilledCost": "5"}, {"BilledCost": "a lot"}]))
    said = told(capsys, "import", str(broken), code=3)
    assert "broken.csv:3" in said
    assert "BilledCost" in said
    report = json.loads(told(capsys, "import", str(broken), "--json", code=3))
    assert report["problems"][0]["line"] == 3
    assert json.loads(told(capsys, "costs", "--json"))["totals"][0]["billed_cost"] == "5"


@pytest.mark.usefixtures("home")
def test_an_account_of_this_machine_that_nobody_named_approves_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = waiting(frozenset({"U0CARO", "U0DEV"}))
    assert "Only the approvers" in told(capsys, "approve", key, code=4)
    assert "0 of 1" in told(capsys, "approvals")


def test_a_named_account_approves_as_its_member_and_never_as_a_second_person(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(home, f"terminal_accounts: {{ {getpass.getuser()}: U0CARO }}")
    key = waiting(frozenset({"U0CARO", "U0DEV"}))
    assert "is approved" in told(capsys, "approve", key)
    assert "already approved" in told(capsys, "approve", key, code=4)
    story = json.loads(told(capsys, "audit", "show", key, "--json"))
    assert [vote["person"] for vote in story["votes"]] == ["U0CARO"]
    assert "approve" in told(capsys, "audit", "show", key)


def test_a_deletion_is_decided_from_a_terminal_with_a_reason_too(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(home, f"terminal_accounts: {{ {getpass.getuser()}: U0CARO }}")
    key = waiting(frozenset({"U0CARO", "U0DEV"}), tier=Tier.T2)
    assert "write one" in told(capsys, "approve", key, code=4)
    assert "write one" in told(capsys, "deny", key, code=4)
    assert "is approved" in told(capsys, "approve", key, "--reason", "unused since May")


def test_a_deletion_in_production_asks_a_terminal_for_the_phrase_and_the_code(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BURSAR_STEP_UP_FILE", str(home / "codes"))
    settle(home, f"terminal_accounts: {{ {getpass.getuser()}: U0CARO }}")
    key = waiting(frozenset({"U0CARO", "U0DEV"}), tier=Tier.T3, quorum=2)
    so = ("approve", key, "--reason", "unused")
    assert "type: delete 1" in told(capsys, *so, code=4)
    assert "bursar stepup enrol U0CARO" in told(capsys, *so, "--confirm", "delete 1", code=4)
    secret = parse_qs(told(capsys, "stepup", "enrol", "U0CARO").partition("?")[2])["secret"][0]
    code = generator(secret).generate(int(datetime.now(UTC).timestamp())).decode()
    assert "is pending" in told(capsys, *so, "--confirm", "delete 1", "--code", code)


@pytest.mark.usefixtures("home")
def test_a_plan_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "There is no plan plan-x" in told(capsys, "approve", "plan-x", code=2)


@pytest.mark.usefixtures("home")
def test_the_runbooks_are_listed_and_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert "stop-idle-dev" in told(capsys, "runbook", "list")
    assert "4 runbooks hold" in told(capsys, "runbook", "validate")


def test_output_for_scripts_is_one_document_even_where_a_bar_would_show(home: Path) -> None:
    bill = write(home / "bill.csv", text([{}]))
    done = subprocess.run(
        [sys.executable, "-m", "bot.cli", "import", str(bill), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["snapshots"]


def test_a_standing_approval_is_asked_for_listed_and_revoked(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(home, f"terminal_accounts: {{ {getpass.getuser()}: U0ANN }}")
    until = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    asked = ["standing", "request", "stop-idle-dev", "--window", "mon-fri 09:00-17:00 UTC", "--until", until]
    asked += ["--targets", "5", "--amount", "200 USD", "--reason", "nobody needs them at night"]
    assert "an empty selector means nothing" in told(capsys, *asked, code=4)
    said = told(capsys, *asked, "--environment", "dev", "--environment", "sandbox", "--team", "web")
    assert "waits for two of U0CARO, U0DEV" in said
    (found,) = json.loads(told(capsys, "standing", "list", "--json"))
    assert found["selector"] == {
        "accounts": [], "environments": ["dev", "sandbox"], "team": "web", "tags": [],
    }  # fmt: skip
    assert (found["state"], found["bounds"]["amount"]) == ("pending", "200")
    assert found["used_today"] == {"targets": 0, "amount": "0"}
    assert "5 targets, 200 USD" in told(capsys, "standing", "list")
    assert "is revoked" in told(capsys, "standing", "revoke", found["id"])
    assert json.loads(told(capsys, "standing", "list", "--json")) == []
    assert "There is no standing approval" in told(capsys, "standing", "revoke", "standing-x", code=2)
