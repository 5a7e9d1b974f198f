"""Modals: opened by a slip that dies after three seconds, stacked, updated, submitted and closed."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from tests.bot.playground.stage import ANA, BEN, Stage, asks, button, modal, mrkdwn

ROOM = "C0CHECK"
Json = dict[str, Any]
REASON = asks("why", {"type": "plain_text_input"}, "Why?")


def refused(error: pytest.ExceptionInfo[SlackApiError]) -> str:
    """Slack's error word."""
    return str(error.value.response["error"])


def opened(stage: Stage, *blocks: Json, **more: Any) -> Json:
    """Open a modal for Ana and give its view."""
    trigger = stage.workspace.issue_trigger(ANA.id, stage.clock())
    view: Json = stage.client.views_open(trigger_id=trigger, view=modal(*blocks, **more))["view"]
    return view


def test_a_trigger_opens_one_view_within_three_seconds(stage: Stage) -> None:
    trigger = stage.workspace.issue_trigger(ANA.id, stage.clock())
    stage.client.views_open(trigger_id=trigger, view=modal(mrkdwn("Hello")))
    assert len(stage.player(ANA).views()) == 1
    with pytest.raises(SlackApiError) as caught:
        stage.client.views_open(trigger_id=trigger, view=modal(mrkdwn("Again")))
    assert refused(caught) == "exchanged_trigger_id"


@pytest.mark.parametrize(("age", "works"), [(2.5, True), (3.5, False)])
def test_a_trigger_dies_of_age(stage: Stage, age: float, works: bool) -> None:
    trigger = stage.workspace.issue_trigger(ANA.id, stage.clock())
    stage.clock.ahead = age
    if works:
        assert stage.client.views_open(trigger_id=trigger, view=modal(mrkdwn("x")))["ok"]
        return
    with pytest.raises(SlackApiError) as caught:
        stage.client.views_open(trigger_id=trigger, view=modal(mrkdwn("x")))
    assert refused(caught) == "expired_trigger_id"


def test_an_unknown_trigger_and_a_broken_view_are_refused(stage: Stage) -> None:
    with pytest.raises(SlackApiError) as unknown:
        stage.client.views_open(trigger_id="nope", view=modal(mrkdwn("x")))
    with pytest.raises(SlackApiError) as broken:
        opened(stage, mrkdwn("x"), title={"type": "plain_text", "text": "x" * 25})
    assert (refused(unknown), refused(broken)) == ("invalid_trigger_id", "invalid_arguments")
    assert "modal.title" in broken.value.response["response_metadata"]["messages"][0]


def test_three_views_lie_on_each_other_and_no_more(stage: Stage) -> None:
    view = opened(stage, mrkdwn("1"))
    for number in (2, 3):
        trigger = stage.workspace.issue_trigger(ANA.id, stage.clock(), view["id"])
        pushed = stage.client.views_push(trigger_id=trigger, view=modal(mrkdwn(str(number))))["view"]
        assert pushed["root_view_id"] == view["id"]
    trigger = stage.workspace.issue_trigger(ANA.id, stage.clock())
    with pytest.raises(SlackApiError) as caught:
        stage.client.views_push(trigger_id=trigger, view=modal(mrkdwn("4")))
    assert refused(caught) == "push_limit_reached"
    stage.player(ANA).close()
    assert len(stage.player(ANA).views()) == 2
    stage.player(ANA).close(every=True)
    assert stage.player(ANA).views() == []


def test_a_skeleton_is_filled_by_its_id(stage: Stage) -> None:
    view = opened(stage, mrkdwn("Loading"))
    stage.client.views_update(view_id=view["id"], view=modal(mrkdwn("Filled")))
    assert stage.player(ANA).views()[0]["blocks"][0]["text"]["text"] == "Filled"


def test_a_view_is_found_by_the_apps_own_id(stage: Stage) -> None:
    opened(stage, mrkdwn("Loading"), external_id="dispute-1")
    stage.client.views_update(external_id="dispute-1", view=modal(mrkdwn("Filled")))
    assert stage.player(ANA).views()[0]["blocks"][0]["text"]["text"] == "Filled"
    with pytest.raises(SlackApiError) as caught:
        stage.client.views_update(external_id="dispute-2", view=modal(mrkdwn("x")))
    assert refused(caught) == "not_found"


def test_an_update_that_saw_an_older_view_conflicts(stage: Stage) -> None:
    view = opened(stage, mrkdwn("1"))
    stage.client.views_update(view_id=view["id"], hash=view["hash"], view=modal(mrkdwn("2")))
    with pytest.raises(SlackApiError) as caught:
        stage.client.views_update(view_id=view["id"], hash=view["hash"], view=modal(mrkdwn("3")))
    assert refused(caught) == "hash_conflict"


def test_a_closed_view_cannot_be_updated(stage: Stage) -> None:
    view = opened(stage, mrkdwn("1"))
    stage.player(ANA).close()
    with pytest.raises(SlackApiError) as caught:
        stage.client.views_update(view_id=view["id"], view=modal(mrkdwn("2")))
    assert refused(caught) == "not_found"


def test_every_kind_of_input_arrives_in_its_own_shape(stage: Stage) -> None:
    stage.app.view("form")(lambda ack: ack())
    options = [{"text": {"type": "plain_text", "text": each}, "value": each} for each in "ab"]
    kinds: list[tuple[str, Json, Any]] = [
        ("text", {"type": "plain_text_input"}, "hello"),
        ("number", {"type": "number_input", "is_decimal_allowed": True}, "4.5"),
        ("one", {"type": "static_select", "options": options}, "a"),
        ("many", {"type": "multi_static_select", "options": options}, ["a", "b"]),
        ("who", {"type": "users_select"}, BEN.id),
        ("radio", {"type": "radio_buttons", "options": options}, "b"),
        ("boxes", {"type": "checkboxes", "options": options}, ["b"]),
        ("day", {"type": "datepicker"}, "2026-05-01"),
    ]
    opened(stage, *[asks(name, element) for name, element, _ in kinds])
    answer = stage.player(ANA).submit({name: {"it": value} for name, _, value in kinds})
    assert answer["ok"]
    values = stage.heard[0]["view"]["state"]["values"]
    assert values["text"]["it"] == {"type": "plain_text_input", "value": "hello"}
    assert values["number"]["it"] == {"type": "number_input", "value": "4.5"}
    assert values["one"]["it"]["selected_option"]["value"] == "a"
    assert [each["value"] for each in values["many"]["it"]["selected_options"]] == ["a", "b"]
    assert values["who"]["it"]["selected_user"] == BEN.id
    assert values["radio"]["it"]["selected_option"]["value"] == "b"
    assert [each["value"] for each in values["boxes"]["it"]["selected_options"]] == ["b"]
    assert values["day"]["it"]["selected_date"] == "2026-05-01"
    assert stage.player(ANA).views() == []


def test_what_is_left_alone_is_submitted_as_it_started(stage: Stage) -> None:
    stage.app.view("form")(lambda ack: ack())
    opened(stage, asks("a", {"type": "plain_text_input", "initial_value": "as it was"}))
    stage.player(ANA).submit()
    assert stage.heard[0]["view"]["state"]["values"]["a"]["it"]["value"] == "as it was"


@pytest.mark.parametrize(
    ("element", "value", "problem"),
    [
        ({"type": "plain_text_input"}, "", "required"),
        ({"type": "plain_text_input", "min_length": 5}, "hi", "at least 5"),
        ({"type": "plain_text_input", "max_length": 1}, "hi", "at most 1"),
        ({"type": "number_input", "is_decimal_allowed": False}, "4.5", "whole number"),
        ({"type": "number_input", "is_decimal_allowed": True}, "many", "a number"),
        ({"type": "number_input", "is_decimal_allowed": True}, "NaN", "a number"),
        ({"type": "number_input", "is_decimal_allowed": True, "min_value": "1"}, "0.5", "1 or more"),
        ({"type": "number_input", "is_decimal_allowed": True, "max_value": "9"}, "10", "9 or less"),
    ],
)
def test_the_client_refuses_what_the_input_does_not_allow(
    stage: Stage, element: Json, value: str, problem: str
) -> None:
    opened(stage, asks("a", element))
    answer = stage.player(ANA).submit({"a": {"it": value}})
    assert (answer["ok"], stage.heard) == (False, [])
    assert problem in answer["errors"]["a"]


def test_an_optional_input_may_stay_empty(stage: Stage) -> None:
    stage.app.view("form")(lambda ack: ack())
    opened(stage, asks("a", {"type": "plain_text_input"}, optional=True))
    assert stage.player(ANA).submit()["ok"]


def test_errors_stand_next_to_their_fields_and_keep_the_modal_open(stage: Stage) -> None:
    stage.app.view("form")(lambda ack: ack(response_action="errors", errors={"why": "Say more."}))
    opened(stage, REASON)
    answer = stage.player(ANA).submit({"why": {"it": "x"}})
    assert answer["errors"] == {"why": "Say more."}
    assert len(stage.player(ANA).views()) == 1


def test_errors_for_fields_that_are_not_there_are_the_apps_mistake(stage: Stage) -> None:
    stage.app.view("form")(lambda ack: ack(response_action="errors", errors={"nope": "x"}))
    opened(stage, REASON)
    assert stage.player(ANA).submit({"why": {"it": "x"}})["error"] == "invalid_arguments"


def test_an_answer_may_replace_push_or_clear(stage: Stage) -> None:
    answers: list[Json] = [
        {"response_action": "update", "view": modal(mrkdwn("Sure?"))},
        {"response_action": "push", "view": modal(mrkdwn("Really?"))},
        {"response_action": "clear"},
    ]
    stage.app.view("form")(lambda ack: ack(**answers.pop(0)))
    ana = stage.player(ANA)
    opened(stage, REASON)
    depths = []
    for _ in range(3):
        ana.submit({"why": {"it": "x"}})
        depths.append([view["blocks"][0]["text"]["text"] for view in ana.views()])
    assert depths == [["Sure?"], ["Sure?", "Really?"], []]


def test_closing_is_told_when_the_app_wants_to_know(stage: Stage) -> None:
    stage.app.view_closed("form")(lambda ack: ack())
    opened(stage, mrkdwn("x"), notify_on_close=True)
    stage.player(ANA).close()
    assert (stage.heard[0]["type"], stage.heard[0]["is_cleared"]) == ("view_closed", False)


def test_a_press_in_a_modal_carries_the_view_and_what_was_typed(stage: Stage) -> None:
    stage.app.action("preview")(lambda ack: ack())
    opened(stage, REASON, {"type": "actions", "elements": [button("Preview", "preview")]})
    stage.player(ANA).press("Preview", values={"why": {"it": "typed"}})
    heard = stage.heard[0]
    assert heard["container"]["type"] == "view"
    assert heard["view"]["state"]["values"]["why"]["it"]["value"] == "typed"


def test_a_button_opens_a_modal_that_is_submitted(stage: Stage) -> None:
    stage.app.view("form")(lambda ack: ack())

    @stage.app.action("dispute")
    def _(ack: Any, body: Json) -> None:
        ack()
        stage.client.views_open(trigger_id=body["trigger_id"], view=modal(REASON))

    blocks = [{"type": "actions", "elements": [button("Dispute", "dispute")]}]
    stage.client.chat_postMessage(channel=ROOM, text="x", blocks=blocks)
    ana = stage.player(ANA)
    ana.click(ROOM, "Dispute")
    ana.until(lambda player: player.views())
    assert ana.submit({"why": {"it": "Not ours"}})["ok"]
    assert stage.heard[-1]["view"]["callback_id"] == "form"


def test_one_persons_modal_is_not_anothers(stage: Stage) -> None:
    view = opened(stage, REASON)
    ben = stage.player(BEN)
    assert ben.views() == []
    assert ben.submit({"why": {"it": "x"}}, view_id=view["id"])["error"] == "not_found"


def test_a_home_seen_earlier_conflicts_and_a_modal_is_no_home(stage: Stage) -> None:
    home = {"type": "home", "blocks": [mrkdwn("1")]}
    first = stage.client.views_publish(user_id=ANA.id, view=home)["view"]
    stage.client.views_publish(user_id=ANA.id, view=home, hash=first["hash"])
    with pytest.raises(SlackApiError) as old:
        stage.client.views_publish(user_id=ANA.id, view=home, hash=first["hash"])
    with pytest.raises(SlackApiError) as wrong:
        stage.client.views_publish(user_id=ANA.id, view=modal(mrkdwn("x")))
    assert (refused(old), refused(wrong)) == ("hash_conflict", "invalid_arguments")
