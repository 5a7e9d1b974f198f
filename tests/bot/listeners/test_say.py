"""Owners answer a warning, approvers override a Keep, and `/bursar why`, by signed requests."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from storage import plans, tables
from tests.bot.blocks import samples
from tests.bot.listeners.talking import Office, clock, errors_of

BOX = samples.target(0).id


@pytest.fixture
def warned(office: Office) -> Office:
    """The owner of checkout was warned of two boxes of the plan."""
    with office.desk.store.writing(clock()) as unit:
        unit.add(samples.warned(at=clock(), ends_at=clock() + timedelta(hours=24)))
    return office


def keeps(office: Office) -> list[Any]:
    with office.desk.store.reading() as session:
        return list(session.execute(select(tables.Keep)).scalars())


def submit(office: Office, person: str, callback: str, about: str, **values: str) -> dict[str, Any]:
    return errors_of(office.submit(person, callback, about, values))


def day(days: int) -> str:
    return str(clock().date() + timedelta(days=days))


def keep(office: Office, person: str = "U_ANN", **changes: str) -> dict[str, Any]:
    values = {"which": "0", "until": day(10), "reason": "a demo", **changes}
    return submit(office, person, "keep.submit", "warned-1", **values)


@pytest.mark.parametrize("answer", ["fine", "not_mine"])
def test_an_owners_answer_is_kept_and_the_warning_and_the_card_are_redrawn(
    warned: Office, answer: str
) -> None:
    warned.click("U_ANN", f"warning.{answer}", "warned-1")
    row = warned.row(tables.Warned, "warned-1")
    assert (row.state, row.answered_by) == (answer, "U_ANN")
    assert {"warned:warned-1", "plan:plan-abc"} <= {message.surface for message in warned.messages()}


def test_keep_asks_which_until_when_and_what_for_and_then_holds(warned: Office) -> None:
    warned.click("U_ANN", "keep.ask", "warned-1")
    (opened,) = warned.slack.of("views.open")
    assert "dev-box-0" in str(opened["view"])
    assert keep(warned) == {}
    (row,) = keeps(warned)
    assert (row.target, row.state, row.said_by, row.reason) == (BOX, "held", "U_ANN", "a demo")


def test_the_day_of_a_keep_is_what_the_calendar_holds(warned: Office) -> None:
    chosen = {
        "which": {"answer": {"type": "static_select", "selected_option": {"value": "all"}}},
        "until": {"answer": {"type": "datepicker", "selected_date": day(3)}},
        "reason": {"answer": {"type": "plain_text_input", "value": "a demo"}},
    }
    view = {
        "id": "V1",
        "type": "modal",
        "callback_id": "keep.submit",
        "private_metadata": "warned-1",
        "title": {"type": "plain_text", "text": "Keep it"},
        "blocks": [{"type": "input", "block_id": "reason"}],
        "state": {"values": chosen},
    }
    assert warned._interact("U_ANN", type="view_submission", view=view).status == 200
    assert [str((row.until - timedelta(seconds=1)).date()) for row in keeps(warned)] == [day(3)] * 2


@pytest.mark.case("8.2.2")
@pytest.mark.parametrize("action", ["keep.ask", "warning.fine", "warning.not_mine"])
def test_who_does_not_own_it_has_no_say_and_is_told_so(warned: Office, action: str) -> None:
    warned.click("U_SAM", action, "warned-1")
    assert warned.row(tables.Warned, "warned-1").state == "open"
    assert warned.whispers()[0][0] == "U_SAM"
    assert warned.whispers()[0][1].startswith("Only the owners")
    assert warned.slack.of("views.open") == []
    assert "Only the owners" in keep(warned, "U_SAM")["errors"]["reason"]
    assert keeps(warned) == []
    assert {("keep.refuse", "U_SAM")} <= {*warned.events()}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"until": day(91)}, "Choose a day between"),
        ({"until": "2026-13-01"}, "Choose the day"),
        ({"until": ""}, "Choose the day"),
        ({"which": "7"}, "Choose which"),
        ({"which": BOX}, "Choose which"),
        ({"reason": " "}, "Say what you need it for"),
    ],
)
def test_what_does_not_hold_is_shown_in_the_modal_and_keeps_nothing(
    warned: Office, wrong: dict[str, str], sentence: str
) -> None:
    answer = keep(warned, **wrong)
    assert sentence in json.dumps(answer)
    assert keeps(warned) == []


def test_a_keep_that_is_delivered_twice_is_held_once(warned: Office) -> None:
    values = {"which": "0", "until": day(10), "reason": "a demo"}
    for _ in range(2):
        warned.submit("U_ANN", "keep.submit", "warned-1", values, trigger_id="trigger.same")
    assert len(keeps(warned)) == 1


def test_a_second_approver_overrides_with_a_reason_and_one_alone_cannot(warned: Office, shown: str) -> None:
    keep(warned)
    (row,) = keeps(warned)
    warned.click("U_OPS", "approval.approve", shown)
    warned.click("U_TWO", "override.ask", "plan-abc")
    (opened,) = warned.slack.of("views.open")
    assert "Override a Keep" in str(opened["view"])
    values = {"keep": row.id, "reason": "it burns money"}
    assert "second approver" in str(submit(warned, "U_OPS", "override.submit", "plan-abc", **values))
    assert "Only the approvers" in str(submit(warned, "U_SAM", "override.submit", "plan-abc", **values))
    short = {**values, "reason": "because"}
    assert "at least 10" in str(submit(warned, "U_TWO", "override.submit", "plan-abc", **short))
    assert submit(warned, "U_TWO", "override.submit", "plan-abc", **values) == {}
    (row,) = keeps(warned)
    assert (row.state, row.overridden_by) == ("overridden", "U_TWO")


def test_a_keep_is_released_from_the_home(warned: Office) -> None:
    keep(warned)
    (row,) = keeps(warned)
    assert row.id in json.dumps(warned.command("U_ANN", "keeps"))
    assert row.id not in json.dumps(warned.command("U_SAM", "keeps"))
    warned.click_at_home("U_ANN", "keep.release", row.id)
    (row,) = keeps(warned)
    assert row.state == "ended"
    assert "home:U_ANN" in [message.surface for message in warned.messages()]


@pytest.mark.parametrize("key", ["warned-9", "", "plan-abc"])
def test_a_warning_that_is_gone_reads_like_one_that_never_was(warned: Office, key: str) -> None:
    warned.click("U_ANN", "warning.fine", key)
    assert warned.row(tables.Warned, "warned-1").state == "open"


def test_why_tells_an_owner_what_is_planned_by_id_and_by_name(warned: Office) -> None:
    keep(warned)
    for asked in (f"why {BOX}", "WHY dev-box-0"):
        answer = json.dumps(warned.command("U_OPS", asked), ensure_ascii=False)
        assert "Planned: Stop idle development instances (pending" in answer
        assert "<@U_ANN> keeps it until" in answer
        assert "No run has touched it." in answer


@pytest.mark.case("T58", "8.2.2")
def test_why_answers_an_outsider_as_if_the_thing_were_not_there(warned: Office) -> None:
    with warned.desk.store.reading() as session:
        assert plans.find(session)
    for asked in (BOX, "i-404"):
        fields = {"command": "/bursar", "text": f"why {asked}"}
        _ask(warned, "U_SAM", **fields)
    theirs, absent = [text for _, text in warned.whispers()]
    assert theirs.replace(BOX, "X") == absent.replace("i-404", "X")
    assert "Bursar knows of nothing" in theirs


def _ask(office: Office, person: str, **fields: str) -> None:
    from urllib.parse import urlencode

    from tests.bot.slack import TEAM

    more = {
        "user_id": person,
        "team_id": TEAM,
        "channel_id": "C_X",
        "trigger_id": f"trigger.{fields['text']}",
    }
    assert office.send(urlencode({**fields, **more})).status == 200
