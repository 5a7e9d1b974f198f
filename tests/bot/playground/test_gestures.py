"""What people do on the page, heard by a real Bolt app that verifies every signature."""

import json
from typing import Any

import pytest

from bot.envelope import opened
from bot.playground.client import NotSeen
from tests.bot.playground.stage import ANA, BEN, BOT, ZOE, Stage, asks, button, modal, mrkdwn

ROOM = "C0CHECK"
TYPED = {"type": "plain_text_input"}
Json = dict[str, Any]


def card(stage: Stage, *elements: Json) -> str:
    """Post a message with elements and give its timestamp."""
    blocks = [mrkdwn("*Plan*"), {"type": "actions", "block_id": "row", "elements": list(elements)}]
    return str(stage.client.chat_postMessage(channel=ROOM, text="Plan", blocks=blocks)["ts"])


def listen(stage: Stage, *actions: str) -> None:
    """Acknowledge these actions."""
    for action in actions:
        stage.app.action(action)(lambda ack: ack())


def test_a_press_reaches_the_app_signed_and_whole(stage: Stage) -> None:
    listen(stage, "approve")
    ts = card(stage, button("Approve", "approve", "plan-7"))
    answer = stage.player(BEN).click("team-checkout", "Approve")
    (heard,) = stage.heard
    assert (answer["ok"], answer["response"]) == (True, None)
    assert (heard["type"], heard["user"]["id"], heard["channel"]["id"]) == ("block_actions", BEN.id, ROOM)
    assert heard["container"] == {
        "type": "message",
        "message_ts": ts,
        "channel_id": ROOM,
        "is_ephemeral": False,
    }
    assert heard["message"]["blocks"][0]["text"]["text"] == "*Plan*"
    action = heard["actions"][0]
    assert (action["action_id"], action["block_id"], action["value"]) == ("approve", "row", "plan-7")
    assert heard["response_url"].startswith(stage.page.url)


def test_a_press_on_an_ephemeral_message_carries_no_message(stage: Stage) -> None:
    listen(stage, "ok")
    blocks = [{"type": "actions", "elements": [button("Fine", "ok")]}]
    stage.client.chat_postEphemeral(channel=ROOM, user=ANA.id, text="?", blocks=blocks)
    stage.player(ANA).click(ROOM, "Fine")
    assert stage.heard[0]["container"]["is_ephemeral"]
    assert "message" not in stage.heard[0]


@pytest.mark.parametrize(
    ("element", "value", "key", "expected"),
    [
        ({"type": "static_select"}, "b", "selected_option", "b"),
        ({"type": "overflow"}, "b", "selected_option", "b"),
        ({"type": "radio_buttons"}, "a", "selected_option", "a"),
        ({"type": "checkboxes"}, ["a", "b"], "selected_options", ["a", "b"]),
        ({"type": "multi_static_select"}, ["b"], "selected_options", ["b"]),
        ({"type": "datepicker"}, "2026-05-01", "selected_date", "2026-05-01"),
        ({"type": "users_select"}, ZOE.id, "selected_user", ZOE.id),
    ],
)
def test_each_element_says_what_was_chosen_in_its_own_key(
    stage: Stage, element: Json, value: Any, key: str, expected: Any
) -> None:
    listen(stage, "pick")
    if element["type"] not in {"datepicker", "users_select"}:
        options = [{"text": {"type": "plain_text", "text": each}, "value": each} for each in "ab"]
        element = {**element, "options": options}
    card(stage, {**element, "action_id": "pick"})
    assert stage.player(ANA).click(ROOM, "pick", value=value)["ok"]
    chosen = stage.heard[0]["actions"][0][key]
    if isinstance(chosen, dict):
        chosen = chosen["value"]
    elif isinstance(chosen, list):
        chosen = [each["value"] for each in chosen]
    assert chosen == expected


def test_what_else_was_chosen_in_the_message_travels_as_state(stage: Stage) -> None:
    listen(stage, "go", "day")
    card(stage, {"type": "datepicker", "action_id": "day", "initial_date": "2026-05-01"}, button("Go", "go"))
    stage.player(ANA).click(ROOM, "Go", values={"row": {"day": "2026-06-01"}})
    assert stage.heard[0]["state"]["values"]["row"]["day"]["selected_date"] == "2026-06-01"


def test_nobody_presses_what_is_not_there_or_not_theirs(stage: Stage) -> None:
    ts = card(stage, button("Approve", "approve"))
    ana = stage.player(ANA)
    with pytest.raises(NotSeen):
        ana.click(ROOM, "Undo")
    with pytest.raises(NotSeen):
        stage.player(ZOE).click("on-call", "Approve")
    assert ana._do("click", channel=ROOM, ts=ts, action_id="undo")["error"] == "no_such_element"
    assert ana._do("click", channel=ROOM, ts="1.0", action_id="undo")["error"] == "message_not_found"
    assert stage.heard == []


def test_an_option_that_is_not_offered_cannot_be_chosen(stage: Stage) -> None:
    options = [{"text": {"type": "plain_text", "text": "A"}, "value": "a"}]
    card(stage, {"type": "static_select", "action_id": "pick", "options": options})
    assert stage.player(ANA).click(ROOM, "pick", value="z")["error"] == "no_such_option"


def test_a_stale_press_arrives_though_the_button_is_gone(stage: Stage) -> None:
    listen(stage, "approve")
    ts = card(stage, button("Approve", "approve", "plan-7"))
    stage.client.chat_update(channel=ROOM, ts=ts, text="Done", blocks=[mrkdwn("Done")])
    assert stage.player(BEN).stale_click(ROOM, ts, "approve", "plan-7")["ok"]
    assert stage.heard[0]["actions"][0]["value"] == "plan-7"


def test_a_second_delivery_carries_the_retry_header_and_the_same_action(stage: Stage) -> None:
    listen(stage, "approve")
    card(stage, button("Approve", "approve"))
    stage.workspace.faults.deliver_twice()
    stage.player(BEN).click(ROOM, "Approve")
    first, second = stage.heard
    assert first["actions"][0]["action_ts"] == second["actions"][0]["action_ts"]
    assert stage.retries == [None, "1"]


def test_a_press_that_nobody_handles_is_an_error_for_the_person(stage: Stage) -> None:
    card(stage, button("Approve", "approve"))
    answer = stage.player(BEN).click(ROOM, "Approve")
    assert (answer["ok"], answer["error"]) == (False, "http_404")


def test_an_answer_after_three_seconds_is_a_timeout_for_the_person(stage: Stage) -> None:
    stage.app.action("approve")(lambda: None)  # never acknowledged: Bolt answers after its own 3 s
    card(stage, button("Approve", "approve"))
    answer = stage.player(BEN).click(ROOM, "Approve")
    assert (answer["ok"], answer["error"]) == (False, "operation_timeout")
    assert answer["ack_ms"] >= 2_990


def test_a_bot_that_is_down_is_an_error_for_the_person(stage: Stage) -> None:
    card(stage, button("Approve", "approve"))
    stage._bot.should_exit = True
    stage._thread.join()
    assert stage.player(BEN).click(ROOM, "Approve")["error"] == "connection_failed"


def test_a_slash_command_is_answered_where_only_the_asker_sees_it(stage: Stage) -> None:
    stage.app.command("/bursar")(lambda ack, body: ack(f"You asked: {body['text']}"))
    answer = stage.player(ANA).command("spend", "team-checkout")
    assert answer["response"] == "You asked: spend"
    assert [each["text"] for each in stage.player(ANA).ephemerals()] == ["You asked: spend"]
    assert stage.player(BEN).messages(ROOM) == []
    assert (stage.heard[0]["user_id"], stage.heard[0]["channel_name"]) == (ANA.id, "team-checkout")


def test_a_slash_command_may_answer_with_blocks_for_everybody(stage: Stage) -> None:
    stage.app.command("/bursar")(
        lambda ack: ack(blocks=[mrkdwn("*Spend*")], text="x", response_type="in_channel")
    )
    stage.player(ANA).command("spend", ROOM)
    assert stage.player(BEN).messages(ROOM)[0]["blocks"][0]["text"]["text"] == "*Spend*"


def test_a_slash_command_that_answers_with_broken_blocks_is_an_error(stage: Stage) -> None:
    stage.app.command("/bursar")(lambda ack: ack(blocks=[mrkdwn("")], text="x"))
    assert stage.player(ANA).command("spend", ROOM)["error"] == "invalid_blocks"


def test_a_message_shortcut_names_the_message(stage: Stage) -> None:
    stage.app.shortcut("why_this")(lambda ack: ack())
    ts = card(stage, button("Approve", "approve"))
    assert stage.player(ANA).shortcut("why_this", ROOM, ts)["ok"]
    heard = stage.heard[0]
    assert (heard["type"], heard["message_ts"], heard["message"]["ts"]) == ("message_action", ts, ts)


def test_a_global_shortcut_needs_no_message(stage: Stage) -> None:
    stage.app.shortcut("ask")(lambda ack: ack())
    assert stage.player(ANA).shortcut("ask")["ok"]
    assert stage.heard[0]["type"] == "shortcut"


def test_opening_the_home_lets_the_app_publish_it(stage: Stage) -> None:
    @stage.app.event("app_home_opened")
    def _(event: Json) -> None:
        stage.client.views_publish(
            user_id=event["user"], view={"type": "home", "blocks": [mrkdwn("*Hello*")]}
        )

    ana = stage.player(ANA)
    ana.open_home()
    home = ana.until(lambda player: player.home())
    assert home["blocks"][0]["text"]["text"] == "*Hello*"
    assert (stage.heard[0]["event"]["tab"], stage.heard[0]["type"]) == ("home", "event_callback")
    assert stage.player(BEN).home() is None


def test_what_people_do_here_is_let_in_by_the_bots_own_door(stage: Stage) -> None:
    rows = [{"type": "actions", "elements": [button("Ask", "ask")]}]

    @stage.app.event("app_home_opened")
    def _(event: Json) -> None:
        stage.client.views_publish(user_id=event["user"], view={"type": "home", "blocks": rows})

    @stage.app.action("ask")
    def _(ack: Any, body: Json) -> None:
        ack()
        stage.client.views_open(trigger_id=body["trigger_id"], view=modal(asks("why", TYPED)))

    for listening in (stage.app.view("form"), stage.app.command("/bursar"), stage.app.shortcut("why_this")):
        listening(lambda ack: ack())
    ana = stage.player(ANA)
    ana.open_home()
    ana.until(lambda player: player.home())
    ana.press("Ask", home=True)
    ana.submit({"why": {"it": "month end"}})
    ana.click(ROOM, "Ask", ts=(ts := card(stage, button("Ask", "ask"))))
    ana.shortcut("why_this", ROOM, ts)
    ana.command("spend", ROOM)
    assert [each.get("type") for each in stage.heard] == [
        *["event_callback", "block_actions", "view_submission", "block_actions", "message_action", None],
    ]
    for each in stage.heard:
        assert opened(json.dumps(each), "application/json"), each


def test_a_mention_reaches_the_app_and_plain_talk_does_not(stage: Stage) -> None:
    stage.app.event("app_mention")(lambda: None)
    ana = stage.player(ANA)
    ana.say(ROOM, "just talking")
    assert ana.say(ROOM, f"<@{BOT.id}> who owns this?")["ok"]
    assert [each["event"]["text"] for each in stage.heard] == [f"<@{BOT.id}> who owns this?"]


def test_people_act_only_as_people_and_only_in_their_channels(stage: Stage) -> None:
    ana, zoe = stage.player(ANA), stage.player(ZOE)
    assert zoe._do("say", channel="C0ONCALL", text="hi")["error"] == "channel_not_found"
    assert (
        ana._ask("POST", "/do/say", {"as": BOT.id, "channel": ROOM, "text": "hi"})["error"]
        == "user_not_found"
    )
    assert ana._do("say", channel=ROOM, text="  ")["error"] == "no_text"
    assert ana._do("dance")["error"] == "unknown_gesture"
