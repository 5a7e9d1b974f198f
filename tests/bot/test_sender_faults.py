"""Delivering when Slack or this process fails: away, slow, gone, broken, killed between two lines."""

from datetime import datetime
from typing import Any

import pytest
from slack_sdk import WebClient

from bot import sender
from flows.desk import Desk
from storage import audit, outbox
from storage.tables import Message, Surface
from tests.bot.slack import BROKEN, LOST, Answer, Slack, error
from tests.bot.world import TurnedClock

WAIT_30 = Answer({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "30"})
ALWAYS = 1000


@pytest.fixture
def client(slack: Slack) -> WebClient:
    return sender.client(slack.secrets)


@pytest.fixture(autouse=True)
def _template(template: str) -> None:
    """Every message here says its text."""


def say(desk: Desk, now: datetime, text: str, kind: str = "post", **place: Any) -> None:
    where = {"channel": "C_OPS"} | place if kind == "post" else place
    with desk.store.writing(now) as unit:
        unit.send(kind, "test_sentence", "", args={"text": text}, **where)


def deliver_for(desk: Desk, client: WebClient, clock: TurnedClock, minutes: float, every: float = 20) -> None:
    """Look for what is due again and again while the clock runs on."""
    for _ in range(int(minutes * 60 / every)):
        sender.deliver(desk, client, clock)
        clock.turn(seconds=every)


def states(desk: Desk) -> dict[str, str]:
    with desk.store.reading() as session:
        return {(row.args or {}).get("text", row.subject): row.state for row in session.query(Message)}


def entries(desk: Desk) -> list[tuple[str, Any, Any]]:
    with desk.store.reading() as session:
        return [(row["event"], row["before"], row["after"]) for row in audit.rows(session)]


@pytest.mark.case("T40")
def test_slack_that_asks_to_wait_30_seconds_is_not_asked_before(
    desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
) -> None:
    slack.script("chat.postMessage", WAIT_30)
    say(desk, clock(), "digest")
    say(desk, clock(), "elsewhere", channel="C_WEB")
    sender.deliver(desk, client, clock)
    clock.turn(seconds=29)
    sender.deliver(desk, client, clock)
    assert slack.texts() == [("C_OPS", "digest"), ("C_WEB", "elsewhere")]
    clock.turn(seconds=1)
    deliver_for(desk, client, clock, 2)
    assert slack.texts()[2:] == [("C_OPS", "digest")]
    assert entries(desk) == []


@pytest.mark.case("T41")
@pytest.mark.parametrize("fault", [LOST, BROKEN], ids=["no answer", "answers 500"])
def test_after_an_hour_without_slack_messages_follow_in_order(
    fault: Answer, desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
) -> None:
    slack.script("chat.postMessage", *[fault] * ALWAYS)
    for number in range(6):
        say(desk, clock(), f"{number}", surface=f"plan:{number}")
        deliver_for(desk, client, clock, 12, every=60)
    assert set(states(desk).values()) == {"pending"}
    slack._scripted.clear()
    slack.calls.clear()
    deliver_for(desk, client, clock, 2)
    assert slack.texts() == [("C_OPS", str(number)) for number in range(6)]
    assert set(states(desk).values()) == {"sent"}


class TestAMessageThatSlackNeverTakes:
    def poisoned(
        self, desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock, minutes: float = 70
    ) -> list[str]:
        """A message that always breaks Slack, and one behind it; what Slack took of that channel."""
        taken: list[str] = []
        healthy = slack._healthy

        def moody(method: str, args: Any, number: int) -> Any:
            if args.get("text") == "poison":
                return {"ok": False, "error": "fatal_error"}
            taken.append(args.get("text", method))
            return healthy(method, args, number)

        slack._healthy = moody  # type: ignore[method-assign] # this Slack is ours
        say(desk, clock(), "poison")
        say(desk, clock(), "behind it")
        deliver_for(desk, client, clock, minutes)
        return taken

    def test_it_holds_its_channel_for_about_an_hour(
        self, sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        assert self.poisoned(sqlite_desk, slack, client, clock, minutes=50) == []

    def test_then_others_go_on_and_it_is_given_up_with_a_word_in_the_fallback_channel(
        self, desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        first, told, *more = self.poisoned(desk, slack, client, clock)
        assert (first, more) == ("behind it", [])
        assert told.startswith("A message to C_OPS was given up: Slack answered fatal_error.")
        assert states(desk)["poison"] == "dropped"
        assert entries(desk) == [("message.drop", None, {"kind": "post", "to": "C_OPS"})]
        assert slack.of("chat.postMessage")[-1]["channel"] == "C_ELSE"

    def test_alone_in_its_channel_it_is_never_given_up_since_nothing_shows_whose_fault_it_is(
        self, sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        slack.script("chat.postMessage", *[BROKEN] * 100)
        say(sqlite_desk, clock(), "last word")
        deliver_for(sqlite_desk, client, clock, 110, every=60)
        assert states(sqlite_desk) == {"last word": "sent"}


class TestCutOff:
    def cut_off(self, desk: Desk, clock: TurnedClock) -> None:
        """The process dies between Slack's answer and our commit."""
        say(desk, clock(), "hello")
        with desk.store.reading() as session:
            (message,) = outbox.due(session, clock())
        outbox.begin(desk.store, message, clock())

    def test_a_post_that_may_be_there_twice_is_recorded(
        self, desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        self.cut_off(desk, clock)
        sender.deliver(desk, client, clock)
        assert slack.texts() == [("C_OPS", "hello")]
        assert entries(desk) == [("message.maybe_twice", None, {"kind": "post", "to": "C_OPS"})]

    def test_a_lost_answer_is_no_proof_that_nothing_was_posted(
        self, sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        slack.script("chat.postMessage", LOST)
        say(sqlite_desk, clock(), "hello")
        deliver_for(sqlite_desk, client, clock, 1)
        assert [event for event, _, _ in entries(sqlite_desk)] == ["message.maybe_twice"]

    def test_a_post_that_slack_refused_is_not_there_once(
        self, sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        slack.script("chat.postMessage", WAIT_30)
        say(sqlite_desk, clock(), "hello")
        deliver_for(sqlite_desk, client, clock, 1)
        assert (states(sqlite_desk), entries(sqlite_desk)) == ({"hello": "sent"}, [])

    def test_what_is_only_drawn_anew_leaves_no_mark(
        self, sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
    ) -> None:
        slack.script("views.publish", LOST)
        say(sqlite_desk, clock(), "home", "home", surface="home:U_ANN", person="U_ANN")
        deliver_for(sqlite_desk, client, clock, 1)
        assert len(slack.of("views.publish")) == 2
        assert entries(sqlite_desk) == []


@pytest.mark.case("T42")
@pytest.mark.parametrize("code", ["message_not_found", "channel_not_found", "is_archived", "not_in_channel"])
def test_a_card_that_is_gone_stands_anew_in_the_fallback_channel(
    code: str, sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
) -> None:
    desk = sqlite_desk
    say(desk, clock(), "card", surface="plan:1")
    deliver_for(desk, client, clock, 1)
    slack.script("chat.update", error(code))
    say(desk, clock(), "card, done", "update", surface="plan:1")
    deliver_for(desk, client, clock, 1)
    assert slack.texts() == [("C_OPS", "card"), ("C_ELSE", "card, done")]
    assert entries(desk) == [("message.reroute", {"channel": "C_OPS"}, {"channel": "C_ELSE"})]
    say(desk, clock(), "card, undone", "update", surface="plan:1")
    deliver_for(desk, client, clock, 1)
    assert slack.of("chat.update")[-1]["channel"] == "C_ELSE"


def test_a_card_that_is_gone_from_the_fallback_channel_too_is_let_go(
    sqlite_desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
) -> None:
    say(sqlite_desk, clock(), "card", channel="C_ELSE", surface="plan:1")
    deliver_for(sqlite_desk, client, clock, 1)
    slack.script("chat.update", error("message_not_found"))
    for word in ("done", "undone"):
        say(sqlite_desk, clock(), word, "update", surface="plan:1")
        deliver_for(sqlite_desk, client, clock, 1)
    assert len(slack.texts()) == len(slack.of("chat.update")) == len(entries(sqlite_desk)) == 1


def test_five_hundred_targets_make_one_update_of_their_card_a_second(
    desk: Desk, slack: Slack, client: WebClient, clock: TurnedClock
) -> None:
    say(desk, clock(), "card", surface="plan:1")
    sender.deliver(desk, client, clock)
    for target in range(500):
        say(desk, clock(), f"{target + 1} of 500", "update", surface="plan:1")
        sender.deliver(desk, client, clock)
        clock.turn(seconds=0.02)
    clock.turn(seconds=1)
    sender.deliver(desk, client, clock)
    texts = [call["text"] for call in slack.of("chat.update")]
    assert texts[-1] == "500 of 500"
    assert len(texts) == 11
    with desk.store.reading() as session:
        stands = session.get(Surface, "plan:1")
        assert stands is not None
        assert stands.updated_at == clock()
