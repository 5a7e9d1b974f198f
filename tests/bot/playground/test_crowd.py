"""Many people at once: nobody waits for another, and each press is answered."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from slack_sdk.errors import SlackApiError

from tests.bot.playground.stage import ANA, BEN, ZOE, Stage, button

ROOM = "C0CHECK"


def test_twenty_presses_at_once_are_all_answered_while_the_bot_calls_back(stage: Stage) -> None:
    @stage.app.action("go")
    def _(ack: Any, body: dict[str, Any]) -> None:
        stage.client.chat_postEphemeral(channel=ROOM, user=body["user"]["id"], text="heard")
        ack()

    blocks = [{"type": "actions", "elements": [button("Go", "go")]}]
    stage.client.chat_postMessage(channel=ROOM, text="card", blocks=blocks)
    players = [stage.player(person) for person in (ANA, BEN, ZOE)]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda number: players[number % 3].click(ROOM, "Go"), range(20)))
    assert [answer["ok"] for answer in answers] == [True] * 20
    assert sum(len(player.ephemerals()) for player in players) == 20
    assert len({body["actions"][0]["action_ts"] for body in stage.heard}) == 20


def test_one_trigger_opens_one_view_though_two_ask_at_once(stage: Stage) -> None:
    trigger = stage.workspace.issue_trigger(ANA.id, stage.clock())
    view = {"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": [{"type": "divider"}]}
    ask = {"trigger_id": trigger, "view": view}
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: _try(stage, ask), range(4)))
    assert sorted(opened) == ["exchanged_trigger_id"] * 3 + ["ok"]


def _try(stage: Stage, ask: dict[str, Any]) -> str:
    """The outcome of opening a view, in one word."""
    try:
        stage.client.views_open(**ask)
    except SlackApiError as refusal:
        return str(refusal.response["error"])
    return "ok"
