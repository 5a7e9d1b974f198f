"""The Web API, called by the real SDK over HTTP."""

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from tests.bot.playground.stage import ANA, BEN, BOT, TOKEN, ZOE, Stage, button, mrkdwn

ROOM, PRIVATE, AWAY = "C0CHECK", "C0ONCALL", "C0AWAY"


def refused(error: pytest.ExceptionInfo[SlackApiError]) -> str:
    """Slack's error word."""
    return str(error.value.response["error"])


def test_the_bot_learns_who_it_is(stage: Stage) -> None:
    said = stage.client.auth_test()
    assert (said["user_id"], said["team_id"]) == (BOT.id, "T0PLAYGROUND")
    assert stage.client.api_test()["ok"]


@pytest.mark.parametrize(("token", "error"), [("xoxb-other", "invalid_auth"), (None, "not_authed")])
def test_a_wrong_or_missing_token_opens_nothing(stage: Stage, token: str | None, error: str) -> None:
    with pytest.raises(SlackApiError) as caught:
        WebClient(token, base_url=f"{stage.page.url}/api/").auth_test()
    assert refused(caught) == error
    assert not stage.workspace.log


def test_an_unknown_method_says_so(stage: Stage) -> None:
    with pytest.raises(SlackApiError) as caught:
        stage.client.api_call("chat.shout")
    assert refused(caught) == "unknown_method"


def test_a_post_is_seen_by_everybody_in_the_channel_and_by_nobody_else(stage: Stage) -> None:
    stage.client.chat_postMessage(channel=PRIVATE, text="card", blocks=[mrkdwn("*card*")])
    (seen,) = stage.player(BEN).messages("on-call")
    assert (seen["text"], seen["user"], seen["blocks"][0]["type"]) == ("card", BOT.id, "section")
    assert [room["name"] for room in stage.player(ZOE).state()["channels"]] == ["team-checkout"]


def test_timestamps_are_unique_and_grow_though_the_clock_stands_still(stage: Stage) -> None:
    now = stage.clock()
    stamps = [stage.workspace.new_ts(now) for _ in range(50)]
    assert stamps == sorted(set(stamps))


def test_the_same_client_msg_id_posts_once(stage: Stage) -> None:
    first, again = (
        stage.client.chat_postMessage(channel=ROOM, text="once", client_msg_id="a-1") for _ in range(2)
    )
    assert first["ts"] == again["ts"]
    assert len(stage.player(ANA).messages("team-checkout")) == 1


@pytest.mark.parametrize(
    ("channel", "text", "error"),
    [
        ("C0NONE", "x", "channel_not_found"),
        (AWAY, "x", "not_in_channel"),
        (ROOM, "", "no_text"),
        (ROOM, " ", "no_text"),
        (ROOM, "x" * 40_001, "msg_too_long"),
    ],
)
def test_a_post_that_cannot_be_is_refused(stage: Stage, channel: str, text: str, error: str) -> None:
    with pytest.raises(SlackApiError) as caught:
        stage.client.api_call("chat.postMessage", json={"channel": channel, "text": text})
    assert refused(caught) == error


def test_the_longest_text_is_posted(stage: Stage) -> None:
    assert stage.client.chat_postMessage(channel=ROOM, text="x" * 40_000)["ok"]


def test_broken_blocks_are_refused_with_the_limit(stage: Stage) -> None:
    with pytest.raises(SlackApiError) as caught:
        stage.client.chat_postMessage(channel=ROOM, text="x", blocks=[{"type": "divider"}] * 51)
    assert refused(caught) == "invalid_blocks"
    assert "no more than 50" in caught.value.response["response_metadata"]["messages"][0]


def test_blocks_that_are_too_long_together_are_refused(stage: Stage) -> None:
    fits = [mrkdwn("x" * 2_900) for _ in range(4)]
    stage.client.chat_postMessage(channel=ROOM, text="x", blocks=fits)
    with pytest.raises(SlackApiError) as caught:
        stage.client.chat_postMessage(channel=ROOM, text="x", blocks=[*fits, mrkdwn("x" * 1_500)])
    assert refused(caught) == "msg_blocks_too_long"


def test_an_update_replaces_text_and_blocks_in_place(stage: Stage) -> None:
    ts = stage.client.chat_postMessage(channel=ROOM, text="one", blocks=[mrkdwn("one")])["ts"]
    stage.client.chat_update(channel=ROOM, ts=ts, text="two", blocks=[mrkdwn("two"), mrkdwn("more")])
    (seen,) = stage.player(ANA).messages(ROOM)
    assert (seen["ts"], seen["text"], len(seen["blocks"])) == (ts, "two", 2)


def test_an_update_with_text_alone_drops_the_blocks_and_says_edited(stage: Stage) -> None:
    ts = stage.client.chat_postMessage(channel=ROOM, text="one", blocks=[mrkdwn("one")])["ts"]
    stage.client.chat_update(channel=ROOM, ts=ts, text="two")
    (seen,) = stage.player(ANA).messages(ROOM)
    assert (seen["blocks"], bool(seen["edited"])) == ([], True)


def test_the_bot_changes_only_its_own_messages(stage: Stage) -> None:
    ts = stage.player(ANA).say("team-checkout", "mine")["ts"]
    with pytest.raises(SlackApiError) as updating:
        stage.client.chat_update(channel=ROOM, ts=ts, text="yours")
    with pytest.raises(SlackApiError) as deleting:
        stage.client.chat_delete(channel=ROOM, ts=ts)
    with pytest.raises(SlackApiError) as missing:
        stage.client.chat_update(channel=ROOM, ts="1.000001", text="x")
    assert [refused(each) for each in (updating, deleting, missing)] == [
        "cant_update_message",
        "cant_delete_message",
        "message_not_found",
    ]


def test_a_deleted_message_is_gone(stage: Stage) -> None:
    ts = stage.client.chat_postMessage(channel=ROOM, text="oops")["ts"]
    stage.client.chat_delete(channel=ROOM, ts=ts)
    assert stage.player(ANA).messages(ROOM) == []


def test_an_ephemeral_message_is_seen_by_one_person(stage: Stage) -> None:
    stage.client.chat_postEphemeral(channel=PRIVATE, user=ANA.id, text="Only you")
    assert [each["text"] for each in stage.player(ANA).ephemerals()] == ["Only you"]
    assert stage.player(BEN).messages(PRIVATE) == []
    with pytest.raises(SlackApiError) as caught:
        stage.client.chat_postEphemeral(channel=PRIVATE, user=ZOE.id, text="x")
    assert refused(caught) == "user_not_in_channel"


def test_a_thread_holds_its_replies_and_the_channel_counts_them(stage: Stage) -> None:
    top = stage.client.chat_postMessage(channel=ROOM, text="digest")["ts"]
    stage.client.chat_postMessage(channel=ROOM, text="detail", thread_ts=top)
    stage.player(BEN).say(ROOM, "thanks", thread_ts=top)
    first, *replies = stage.player(ANA).thread(ROOM, top)
    assert (first["replies"], first["repliers"]) == (2, [BOT.id, BEN.id])
    assert [each["text"] for each in replies] == ["detail", "thanks"]
    with pytest.raises(SlackApiError) as caught:
        stage.client.chat_postMessage(channel=ROOM, text="x", thread_ts="1.000001")
    assert refused(caught) == "thread_not_found"


def test_a_direct_message_opens_by_user_id_and_by_conversations_open(stage: Stage) -> None:
    opened = stage.client.conversations_open(users=ANA.id)["channel"]["id"]
    posted = stage.client.chat_postMessage(channel=ANA.id, text="psst")["channel"]
    assert opened == posted
    assert [each["text"] for each in stage.player(ANA).messages("Bursar")] == ["psst"]
    assert all(room["kind"] == "channel" for room in stage.player(BEN).state()["channels"])


def test_a_permalink_leads_to_the_message_on_the_page(stage: Stage) -> None:
    ts = stage.client.chat_postMessage(channel=ROOM, text="here")["ts"]
    link = stage.client.chat_getPermalink(channel=ROOM, message_ts=ts)["permalink"]
    assert link == f"{stage.page.url}/archives/{ROOM}/p{ts.replace('.', '')}"


def test_unread_messages_are_counted_until_the_channel_is_read(stage: Stage) -> None:
    ana = stage.player(ANA)
    for text in ("one", "two"):
        stage.client.chat_postMessage(channel=ROOM, text=text)
    assert ana.state()["channels"][0]["unread"] == 2
    ana.say(ROOM, "seen")
    assert ana.state()["channels"][0]["unread"] == 0


def test_people_channels_and_groups_are_listed(stage: Stage) -> None:
    client = stage.client
    assert client.users_info(user=ANA.id)["user"]["profile"]["title"] == ANA.title
    assert client.users_lookupByEmail(email="BEN@example.com")["user"]["id"] == BEN.id
    assert len(client.users_list()["members"]) == 4
    assert {each["name"] for each in client.conversations_list()["channels"]} >= {"team-checkout", "on-call"}
    assert client.conversations_info(channel=AWAY)["channel"]["is_member"] is False
    assert client.conversations_members(channel=PRIVATE)["members"] == sorted([ANA.id, BEN.id, BOT.id])
    (group,) = client.usergroups_list(include_users=True)["usergroups"]
    assert (group["handle"], group["users"]) == ("finance", [ANA.id])
    assert client.usergroups_users_list(usergroup="S0FIN")["users"] == [ANA.id]
    with pytest.raises(SlackApiError) as caught:
        client.users_info(user="U0NONE")
    assert refused(caught) == "user_not_found"


def test_a_reaction_shows_once(stage: Stage) -> None:
    ts = stage.client.chat_postMessage(channel=ROOM, text="done")["ts"]
    stage.client.reactions_add(channel=ROOM, timestamp=ts, name="white_check_mark")
    (seen,) = stage.player(ANA).messages(ROOM)
    assert seen["reactions"] == [{"name": "white_check_mark", "users": [BOT.id], "count": 1}]
    with pytest.raises(SlackApiError) as caught:
        stage.client.reactions_add(channel=ROOM, timestamp=ts, name="white_check_mark")
    assert refused(caught) == "already_reacted"


def test_a_file_is_uploaded_by_the_sdk_and_shared(stage: Stage) -> None:
    said = stage.client.files_upload_v2(
        content=b"\x89PNG picture", filename="spend.png", title="Spend", channel=ROOM, initial_comment="See"
    )
    (seen,) = stage.player(ANA).messages(ROOM)
    assert (seen["text"], seen["files"][0]["id"], seen["files"][0]["title"]) == (
        "See",
        said["file"]["id"],
        "Spend",
    )


def test_an_image_block_shows_an_uploaded_file_and_no_other(stage: Stage) -> None:
    file = stage.client.files_upload_v2(content=b"\x89PNG", filename="spend.png")["file"]
    for source in ({"id": file["id"]}, {"url": file["url_private"]}):
        picture = {"type": "image", "slack_file": source, "alt_text": "Spend per day"}
        assert stage.client.chat_postMessage(channel=ROOM, text="chart", blocks=[picture])["ok"]
    with pytest.raises(SlackApiError) as caught:
        wrong = {"type": "image", "slack_file": {"id": "F0NONE"}, "alt_text": "x"}
        stage.client.chat_postMessage(channel=ROOM, text="chart", blocks=[wrong])
    assert refused(caught) == "invalid_blocks"


def test_a_rate_limit_tells_how_long_to_wait_and_then_lets_through(stage: Stage) -> None:
    stage.workspace.faults.rate_limit("chat.postMessage", retry_after=7)
    with pytest.raises(SlackApiError) as caught:
        stage.client.chat_postMessage(channel=ROOM, text="x")
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "7"
    assert stage.client.chat_postMessage(channel=ROOM, text="x")["ok"]


def test_a_planned_failure_is_an_error_word_or_a_status(stage: Stage) -> None:
    stage.workspace.faults.fail("chat.update", "fatal_error")
    stage.workspace.faults.fail("users.info", 503)
    with pytest.raises(SlackApiError) as word:
        stage.client.chat_update(channel=ROOM, ts="1", text="x")
    with pytest.raises(SlackApiError) as status:
        stage.client.users_info(user=ANA.id)
    assert (refused(word), status.value.response.status_code) == ("fatal_error", 503)


def test_the_log_keeps_what_the_bot_asked_but_never_the_token(stage: Stage) -> None:
    stage.client.chat_postMessage(
        channel=ROOM, text="x", blocks=[{"type": "actions", "elements": [button("Go", "go")]}]
    )
    (entry,) = stage.player(ANA).log()
    assert (entry["method"], entry["ok"], entry["payload"]["channel"]) == ("chat.postMessage", True, ROOM)
    assert TOKEN not in str(entry)
