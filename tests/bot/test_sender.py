"""Delivering the outbox: in order, once, waiting where Slack asks to wait."""

import json
from datetime import datetime
from typing import Any

import pytest
from slack_sdk import WebClient

from bot import sender
from bot.render import TEMPLATES
from bot.rendered import IMAGE_ID, Attachment, Image, Rendered
from flows.desk import Desk
from storage import audit
from storage.tables import Message
from storage.waiting import lost
from tests.bot.slack import BROKEN, LOST, RATE_LIMITED, Slack, error
from tests.bot.world import TurnedClock


@pytest.fixture
def client(slack: Slack) -> WebClient:
    return sender.client(slack.secrets)


def say(desk: Desk, clock: TurnedClock, text: str, kind: str = "post", **place: Any) -> None:
    where = {"channel": "C_OPS"} | place if kind == "post" else place
    with desk.store.writing(clock()) as unit:
        unit.send(kind, "test_sentence", "", args={"text": text}, **where)


def waiting(desk: Desk) -> list[Message]:
    with desk.store.reading() as session:
        return [row for row in session.query(Message).order_by(Message.number) if row.state == "pending"]  # type: ignore[arg-type]


def dropped(desk: Desk) -> list[str | None]:
    with desk.store.reading() as session:
        return [row.error for row in session.query(Message) if row.state == "dropped"]


@pytest.mark.usefixtures("template")
class TestDelivery:
    def test_a_post_is_sent_once_with_an_id_that_a_repeat_would_share(
        self, desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        say(desk, clock, "hello", surface="plan:1")
        assert sender.deliver(desk, client, clock) == 1
        assert sender.deliver(desk, client, clock) == 0
        [call] = slack.of("chat.postMessage")
        assert (call["channel"], call["text"]) == ("C_OPS", "hello")
        assert len(call["client_msg_id"]) == 36
        assert call["unfurl_links"] in {False, "0"}

    def test_a_lost_answer_is_repeated_under_the_same_id(
        self, sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        slack.script("chat.postMessage", LOST)
        say(sqlite_desk, clock, "hello")
        assert sender.deliver(sqlite_desk, client, clock) == 0
        clock.turn(seconds=2)
        assert sender.deliver(sqlite_desk, client, clock) == 1
        first, second = slack.of("chat.postMessage")
        assert first["client_msg_id"] == second["client_msg_id"]

    def test_a_channel_that_must_wait_does_not_hold_up_the_others(
        self, desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        slack.script("chat.postMessage", RATE_LIMITED)
        say(desk, clock, "first")
        say(desk, clock, "second")
        say(desk, clock, "elsewhere", channel="C_WEB")
        assert sender.deliver(desk, client, clock) == 1
        assert slack.texts() == [("C_OPS", "first"), ("C_WEB", "elsewhere")]
        clock.turn(seconds=6)
        assert sender.deliver(desk, client, clock) == 0
        clock.turn(seconds=1)
        assert sender.deliver(desk, client, clock) == 2
        assert slack.texts()[2:] == [("C_OPS", "first"), ("C_OPS", "second")]

    def test_a_failing_slack_is_asked_ever_more_rarely_up_to_once_a_minute(
        self, sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        slack.script("chat.postMessage", *[BROKEN] * 9)
        say(sqlite_desk, clock, "hello")
        waits = []
        for _ in range(9):
            sender.deliver(sqlite_desk, client, clock)
            [message] = waiting(sqlite_desk)
            waits.append((message.due_at - clock()).total_seconds())
            clock.turn(seconds=waits[-1])
        assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
        assert sender.deliver(sqlite_desk, client, clock) == 1

    def test_a_revoked_token_loses_no_message(
        self, sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        slack.script("chat.postMessage", error("token_revoked"))
        say(sqlite_desk, clock, "hello")
        assert sender.deliver(sqlite_desk, client, clock) == 0
        assert len(waiting(sqlite_desk)) == 1

    @pytest.mark.parametrize(
        "code", ["channel_not_found", "is_archived", "not_in_channel", "restricted_action"]
    )
    def test_a_channel_that_is_gone_falls_back_to_the_named_one(
        self, code: str, sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        slack.script("chat.postMessage", error(code), error(code))
        say(sqlite_desk, clock, "hello")
        sender.deliver(sqlite_desk, client, clock)
        sender.deliver(sqlite_desk, client, clock)
        assert slack.texts() == [("C_OPS", "hello"), ("C_ELSE", "hello")]
        assert dropped(sqlite_desk) == [code]  # the fallback is gone too: nothing is left to try
        with sqlite_desk.store.reading() as session:
            assert [row["event"] for row in audit.rows(session)] == ["message.reroute", "message.drop"]

    def test_blocks_that_this_workspace_does_not_know_are_sent_once_more_in_plain_ones(
        self, sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        slack.script("chat.postMessage", error("invalid_blocks"))
        say(sqlite_desk, clock, "hello")
        assert sender.deliver(sqlite_desk, client, clock) == 1
        first, second = (str(call["blocks"]) for call in slack.of("chat.postMessage"))
        assert "plain" in second
        assert "plain" not in first

    @pytest.mark.parametrize("code", sorted(sender.MISBUILT))
    def test_what_slack_takes_in_no_blocks_is_said_in_mere_text(
        self, code: str, sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        slack.script("chat.postMessage", *[error(code)] * 2)
        say(sqlite_desk, clock, "hello")
        assert sender.deliver(sqlite_desk, client, clock) == 1
        *_, last = slack.of("chat.postMessage")
        assert (len(slack.calls), last["text"], "blocks" in last) == (3, "hello", False)

    def test_a_message_that_slack_never_takes_ends_with_its_reason_though_it_is_alone_in_its_channel(
        self, desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        slack.script("chat.postMessage", *[error("msg_too_long")] * 3)
        say(desk, clock, "endless", channel="C_WEB")
        sender.deliver(desk, client, clock)
        sender.deliver(desk, client, clock)
        assert slack.texts()[:-1] == [("C_WEB", "endless")] * 3
        channel, told = slack.texts()[-1]
        assert (channel, dropped(desk), waiting(desk)) == ("C_ELSE", ["msg_too_long"], [])
        assert told.startswith("A message to C_WEB was given up: msg_too_long. The audit log has it as")
        with desk.store.reading() as session:
            assert [row["reason"] for row in audit.rows(session)] == ["msg_too_long"]
            assert lost(session) == 1

    def test_a_card_that_slack_does_not_take_in_its_new_blocks_is_updated_in_mere_text(
        self, sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        say(sqlite_desk, clock, "card", surface="plan:1")
        sender.deliver(sqlite_desk, client, clock)
        slack.script("chat.update", *[error("msg_blocks_too_long")] * 2)
        say(sqlite_desk, clock, "card, newer", "update", surface="plan:1")
        sender.deliver(sqlite_desk, client, clock)
        *_, last = slack.of("chat.update")
        assert (last["text"], last["blocks"]) == ("card, newer", [])


@pytest.mark.usefixtures("template")
class TestSurfaces:
    def test_a_reply_goes_to_the_thread_of_the_message_it_belongs_to(
        self, desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        say(desk, clock, "card", surface="plan:1")
        say(desk, clock, "detail", thread="plan:1")
        sender.deliver(desk, client, clock)
        card, detail = slack.of("chat.postMessage")
        assert "thread_ts" not in card
        assert detail["thread_ts"] == "1700000000.000001"

    def test_an_update_waits_for_its_post_and_then_finds_it(
        self, desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        slack.script("chat.postMessage", RATE_LIMITED)
        say(desk, clock, "card", surface="plan:1")
        say(desk, clock, "card, newer", "update", surface="plan:1")
        sender.deliver(desk, client, clock)
        assert slack.of("chat.update") == []
        clock.turn(seconds=10)
        sender.deliver(desk, client, clock)
        sender.deliver(desk, client, clock)
        [update] = slack.of("chat.update")
        assert (update["channel"], update["ts"], update["text"]) == (
            "C_OPS",
            "1700000000.000002",
            "card, newer",
        )

    def test_an_update_of_what_was_never_posted_is_dropped(
        self, sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        say(sqlite_desk, clock, "newer", "update", surface="plan:gone")
        sender.deliver(sqlite_desk, client, clock)
        assert slack.calls == []
        assert dropped(sqlite_desk) == ["plan:gone was never posted"]

    def test_a_reply_to_what_was_never_posted_is_said_in_the_channel(
        self, sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        say(sqlite_desk, clock, "detail", thread="plan:gone")
        sender.deliver(sqlite_desk, client, clock)
        [call] = slack.of("chat.postMessage")
        assert "thread_ts" not in call

    def test_many_updates_of_one_card_are_one_call(
        self, desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        say(desk, clock, "card", surface="plan:1")
        sender.deliver(desk, client, clock)
        for number in range(5):
            say(desk, clock, f"wording {number}", "update", surface="plan:1")
        sender.deliver(desk, client, clock)
        assert [call["text"] for call in slack.of("chat.update")] == ["wording 4"]


@pytest.mark.usefixtures("template")
class TestOtherKinds:
    def test_a_refusal_is_seen_by_one_person(
        self, sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        say(sqlite_desk, clock, "no", "ephemeral", channel="C_OPS", person="U_EVE")
        sender.deliver(sqlite_desk, client, clock)
        [call] = slack.of("chat.postEphemeral")
        assert (call["channel"], call["user"], call["text"]) == ("C_OPS", "U_EVE", "no")

    def test_a_window_that_the_person_closed_is_not_missed(
        self, sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        slack.script("views.update", error("not_found"))
        say(sqlite_desk, clock, "filled", "view", surface="V1")
        assert sender.deliver(sqlite_desk, client, clock) == 1
        assert (slack.of("views.update")[0]["view_id"], waiting(sqlite_desk)) == ("V1", [])

    def test_the_home_of_a_person_is_published(
        self, sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        say(sqlite_desk, clock, "home", "home", surface="home:U_ANN", person="U_ANN")
        sender.deliver(sqlite_desk, client, clock)
        assert slack.of("views.publish")[0]["user_id"] == "U_ANN"

    def test_a_chart_is_uploaded_to_its_thread_with_words_for_those_who_cannot_see_it(
        self, sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        def chart(_desk: Desk, _message: Message, _now: datetime) -> Rendered:
            return Rendered("", files=[Attachment("week.png", "The week", "Costs by day", b"PNG...")])

        TEMPLATES["test_chart"] = chart
        say(sqlite_desk, clock, "digest", surface="digest:1")
        with sqlite_desk.store.writing(clock()) as unit:
            unit.send("upload", "test_chart", "", channel="C_OPS", thread="digest:1")
        sender.deliver(sqlite_desk, client, clock)
        del TEMPLATES["test_chart"]
        [asked], [done] = slack.of("files.getUploadURLExternal"), slack.of("files.completeUploadExternal")
        assert (asked["alt_txt"], asked["length"]) == ("Costs by day", "6")
        assert (done["channel_id"], done["thread_ts"]) == ("C_OPS", "1700000000.000001")
        assert slack.of("upload") == [{"bytes": b"PNG..."}]

    @pytest.mark.parametrize("uploaded", [True, False])
    def test_a_message_with_a_picture_does_not_wait_for_it(
        self, uploaded: bool, sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        def digest(_desk: Desk, _message: Message, _now: datetime) -> Rendered:
            words = {"type": "section", "text": {"type": "mrkdwn", "text": "words"}}
            place = {"type": "image", "slack_file": {"id": IMAGE_ID}, "alt_text": "Costs by day"}
            return Rendered("digest", [words, place], image=Image(b"PNG", "Costs by day", "The week"))

        if not uploaded:
            slack.script("files.getUploadURLExternal", error("missing_scope"))
        TEMPLATES["test_sentence"] = digest
        say(sqlite_desk, clock, "digest")
        assert sender.deliver(sqlite_desk, client, clock) == 1
        blocks = slack.of("chat.postMessage")[0]["blocks"]
        blocks = json.loads(blocks) if isinstance(blocks, str) else blocks
        assert [block["type"] for block in blocks] == (["section", "image"] if uploaded else ["section"])
        assert not uploaded or blocks[1]["slack_file"] == {"id": "F1"}

    def test_a_message_that_cannot_be_drawn_holds_up_nobody(
        self, sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        with sqlite_desk.store.writing(clock()) as unit:
            unit.send("post", "no_such_template", "", channel="C_OPS")
        say(sqlite_desk, clock, "hello")
        sender.deliver(sqlite_desk, client, clock)
        assert slack.texts() == [("C_OPS", "hello")]
        assert dropped(sqlite_desk) == ["There is no template 'no_such_template' for messages."]


def test_every_kind_of_message_has_a_way_to_be_sent() -> None:
    assert set(sender.KINDS) == {"post", "update", "ephemeral", "view", "home", "upload"}
