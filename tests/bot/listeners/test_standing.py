"""Asking for a standing approval, agreeing to it and revoking it, by signed requests."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.render import render
from flows.desk import Desk
from storage import tables
from storage.lake import Lake
from tests.bot.blocks import samples
from tests.bot.listeners.conftest import fill
from tests.bot.listeners.talking import Office, clock, errors_of
from tests.databases import Database
from tests.flows.world import RUNBOOKS

WISH = {
    "runbook": "stop-idle-dev",
    "environments": "dev, sandbox",
    "window": "mon-fri 09:00-17:00 Europe/Berlin",
    "targets": "5",
    "amount": "200 USD",
    "until": (date.today() + timedelta(days=30)).isoformat(),  # noqa: DTZ011 - Bolt lives by the machine's clock
    "reason": "nobody needs them at night",
}


@pytest.fixture
def world(sqlite: Database, tmp_path: Path) -> Iterator[Desk]:
    """A desk of the samples' organisation with the shipped runbooks."""
    store = sqlite.store()
    fill(store)
    yield Desk(store, Lake(tmp_path), samples.ORG, RUNBOOKS)
    store.close()


def rows(office: Office) -> list[tables.Standing]:
    with office.desk.store.reading() as session:
        return list(session.query(tables.Standing))


def asked(office: Office) -> tuple[tables.Standing, str]:
    """One that waits, and what its buttons carry."""
    assert errors_of(office.submit("U_ANN", "standing.submit", "new", WISH)) == {}
    (row,) = rows(office)
    return row, f"{row.id}:{row.hash[:16]}"


def test_the_command_lists_them_and_offers_to_ask(office: Office) -> None:
    answer = json.dumps(office.command("U_ANN", "standing"))
    assert "people are asked before anything is done" in answer
    assert "standing.ask" in answer


def test_the_button_opens_the_modal_with_the_runbooks(office: Office) -> None:
    office.click("U_ANN", "standing.ask", "new")
    (opened,) = office.slack.of("views.open")
    assert "standing.submit" in str(opened["view"])
    assert "reclaim-unattached-volumes" in str(opened["view"])


def test_what_is_filled_in_becomes_a_question_in_the_on_call_channel(office: Office) -> None:
    row, _ = asked(office)
    assert (row.state, row.requested_by) == ("pending", "U_ANN")
    assert row.content["selector"]["environments"] == ["dev", "sandbox"]
    (post,) = [message for message in office.messages() if message.template == "standing"]
    assert (post.kind, post.channel, post.surface) == ("post", "C_ONCALL", f"standing:{row.id}")


@pytest.mark.case("V2.3.5")
def test_two_approvers_with_their_reasons_put_it_in_force(office: Office) -> None:
    row, pointer = asked(office)
    office.click("U_OPS", "standing.approve", pointer)
    assert "standing.approve.submit" in str(office.slack.of("views.open")[-1]["view"])
    for person in ("U_OPS", "U_TWO"):
        answer = office.submit(person, "standing.approve.submit", pointer, {"reason": "fine"})
        assert errors_of(answer) == {}
    assert office.row(tables.Standing, row.id).state == "active"
    assert office.events().count(("standing.approve", "U_OPS")) == 1


def test_who_asked_is_refused_in_the_modal(office: Office) -> None:
    row, pointer = asked(office)
    answer = errors_of(office.submit("U_ANN", "standing.approve.submit", pointer, {"reason": "mine"}))
    assert answer["errors"]["reason"].startswith("You asked for this standing approval")
    assert office.row(tables.Standing, row.id).state == "pending"


@pytest.mark.case("T15")
def test_a_pointer_with_another_hash_decides_nothing(office: Office) -> None:
    row, _ = asked(office)
    answer = office.submit("U_OPS", "standing.approve.submit", f"{row.id}:{'0' * 16}", {"reason": "yes"})
    assert "another version" in errors_of(answer)["errors"]["reason"]


def test_deny_asks_why_and_keeps_it(office: Office) -> None:
    row, pointer = asked(office)
    office.click("U_TWO", "standing.deny", pointer)
    assert "standing.deny.submit" in str(office.slack.of("views.open")[-1]["view"])
    office.submit("U_TWO", "standing.deny.submit", pointer, {"reason": "not yet"})
    now = office.row(tables.Standing, row.id)
    assert (now.state, now.ended_by, now.reason) == ("denied", "U_TWO", "not yet")


@pytest.mark.case("V8.3.2")
def test_one_click_revokes_it_and_a_second_delivery_changes_nothing(office: Office) -> None:
    row, pointer = asked(office)
    for _ in range(3):
        assert office.click("U_OPS", "standing.revoke", pointer, at="1700000000.5").status == 200
    assert office.row(tables.Standing, row.id).state == "revoked"
    assert office.events().count(("standing.revoke", "U_OPS")) == 1
    assert office.whispers() == []


def test_a_stranger_revokes_nothing(office: Office) -> None:
    row, pointer = asked(office)
    office.click("U_OUT", "standing.revoke", pointer)
    assert office.row(tables.Standing, row.id).state == "pending"
    assert office.whispers()[0][1].startswith("Only who asked for this")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"targets": "many"}, "Write the targets a day as a whole number"),
        ({"until": ""}, "Write the targets a day as a whole number"),
        ({"window": "always"}, "Write the window"),
        ({"environments": " , "}, "an empty selector means nothing"),
        ({"accounts": "12"}, "no account 12"),
    ],
)
def test_what_does_not_hold_is_refused_in_the_modal(
    office: Office, changes: dict[str, str], said: str
) -> None:
    answer = errors_of(office.submit("U_ANN", "standing.submit", "new", {**WISH, **changes}))
    assert said in next(iter(answer["errors"].values()))
    assert rows(office) == []


def test_the_home_has_it_for_its_approvers_and_the_card_is_drawn_from_its_row(office: Office) -> None:
    row, pointer = asked(office)

    def drawn(template: str, subject: str) -> str:
        message = next(one for one in office.messages() if one.template == "standing")
        message.template, message.subject, message.person = template, subject, "U_OPS"
        found = render(office.desk, message, clock())
        return json.dumps(found.view or found.blocks)

    assert pointer in drawn("home", "U_OPS")
    assert pointer in drawn("standing", row.id)
    assert "*Needs 2 approvals.*" in drawn("standing", row.id)
