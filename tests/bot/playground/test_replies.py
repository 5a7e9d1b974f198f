"""A `response_url`: five posts in half an hour, to the person, to everybody, or in place of the message."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from slack_sdk.webhook import WebhookClient

from bot.playground.limits import RESPONSE_URL_POSTS, RESPONSE_URL_SECONDS
from tests.bot.playground.stage import ANA, BEN, Stage, button, mrkdwn

ROOM = "C0CHECK"


def pressed(stage: Stage, *, ephemeral: bool = False) -> str:
    """Have Ana press a button and give the address that the app may answer to."""
    stage.app.action("go")(lambda ack: ack())
    blocks = [{"type": "actions", "elements": [button("Go", "go")]}]
    if ephemeral:
        stage.client.chat_postEphemeral(channel=ROOM, user=ANA.id, text="card", blocks=blocks)
    else:
        stage.client.chat_postMessage(channel=ROOM, text="card", blocks=blocks)
    stage.player(ANA).click(ROOM, "Go")
    return str(stage.heard[-1]["response_url"])


def texts(stage: Stage, person: Any) -> list[str]:
    """What somebody reads in the channel."""
    return [each["text"] for each in stage.player(person).messages(ROOM)]


def test_a_reply_is_for_the_person_unless_it_says_in_channel(stage: Stage) -> None:
    reply = WebhookClient(pressed(stage))
    reply.send(text="just you")
    reply.send(text="all", response_type="in_channel")
    assert texts(stage, ANA) == ["card", "just you", "all"]
    assert texts(stage, BEN) == ["card", "all"]


@pytest.mark.parametrize("ephemeral", [False, True])
def test_a_reply_replaces_or_deletes_what_was_pressed(stage: Stage, ephemeral: bool) -> None:
    reply = WebhookClient(pressed(stage, ephemeral=ephemeral))
    reply.send(text="done", replace_original=True, blocks=[mrkdwn("*done*")])
    assert texts(stage, ANA) == ["done"]
    reply.send(delete_original=True)
    assert texts(stage, ANA) == []


def test_the_sixth_post_is_refused(stage: Stage) -> None:
    reply = WebhookClient(pressed(stage))
    answers = [reply.send(text=str(number)).status_code for number in range(RESPONSE_URL_POSTS + 1)]
    assert answers == [200] * RESPONSE_URL_POSTS + [404]


def test_after_half_an_hour_the_address_is_dead(stage: Stage) -> None:
    reply = WebhookClient(pressed(stage))
    stage.clock.ahead = RESPONSE_URL_SECONDS - 1
    assert reply.send(text="in time").status_code == 200
    stage.clock.ahead = RESPONSE_URL_SECONDS + 1
    late = reply.send(text="late")
    assert (late.status_code, json.loads(late.body)["error"]) == (404, "expired_url")


def test_a_broken_reply_changes_nothing_and_does_not_count(stage: Stage) -> None:
    reply = WebhookClient(pressed(stage))
    broken = reply.send(text="x", blocks=[mrkdwn("")])
    empty = reply.send(text="")
    assert (broken.status_code, json.loads(broken.body)["error"]) == (400, "invalid_blocks")
    assert (empty.status_code, json.loads(empty.body)["error"]) == (400, "no_text")
    assert texts(stage, ANA) == ["card"]


def test_an_address_that_was_never_given_out_is_refused(stage: Stage) -> None:
    assert WebhookClient(f"{stage.page.url}/response/r0NONE").send(text="x").status_code == 404


def test_a_reply_that_is_no_json_is_refused(stage: Stage) -> None:
    place = urlsplit(pressed(stage))
    link = http.client.HTTPConnection(str(place.hostname), place.port)
    link.request("POST", place.path, "text=x")
    assert link.getresponse().status == 400
    link.close()
