"""The shape of a request: what Slack sends is let in without what nobody reads, and nothing else is."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from bot.envelope import LONGEST, MOST, opened
from tests.bot.slack import click

FORM = "application/x-www-form-urlencoded"
WHO = {"id": "U_ANN", "team_id": "T_OURS"}
VIEW = {
    "id": "V1",
    "type": "modal",
    "callback_id": "deny.submit",
    "private_metadata": "plan-1:abc",
    "state": {"values": {"reason": {"answer": {"type": "plain_text_input", "value": "month end"}}}},
}
REQUESTS: list[dict[str, Any]] = [
    json.loads(dict(parse_qsl(click("approval.approve")))["payload"]),
    {"type": "view_submission", "user": WHO, "view": VIEW, "trigger_id": "1.2"},
    {
        "type": "block_actions",
        "user": WHO,
        "trigger_id": "1.2",
        "container": {"type": "view", "view_id": "V2"},
        "view": {"id": "V2", "type": "home", "private_metadata": "", "state": {"values": {}}},
        "actions": [{"type": "button", "action_id": "standing.ask", "value": "new", "action_ts": "1.1"}],
    },
    {"type": "view_closed", "user": WHO, "view": VIEW},
    {
        "type": "message_action",
        "user": WHO,
        "callback_id": "dispute_message",
        "trigger_id": "1.2",
        "channel": {"id": "C1"},
        "message": {"ts": "1.1"},
    },
    {
        "type": "event_callback",
        "event_id": "Ev1",
        "team_id": "T_OURS",
        "event": {"type": "app_home_opened", "user": "U1"},
    },
    {"type": "url_verification", "challenge": "abc"},
]


def read(body: dict[str, Any]) -> dict[str, Any] | None:
    return opened(urlencode({"payload": json.dumps(body)}), FORM)


def with_part(path: str, value: Any, body: dict[str, Any] = REQUESTS[0]) -> dict[str, Any]:
    """The request with one part of it replaced."""
    whole = json.loads(json.dumps(body))
    *way, last = [int(one) if one.isdecimal() else one for one in path.split(".")]
    part: Any = whole
    for step in way:
        part = part[step]
    part[last] = value
    return dict(whole)


@pytest.mark.parametrize("body", REQUESTS, ids=[one["type"] for one in REQUESTS])
def test_what_slack_sends_is_let_in_whole(body: dict[str, Any]) -> None:
    assert read(body) == body
    assert opened(json.dumps(body), "application/json; charset=utf-8") == body


def test_a_command_is_a_form() -> None:
    fields = {"command": "/bursar", "text": "", "user_id": "U_ANN", "team_id": "T_OURS", "trigger_id": "1.2"}
    assert opened(urlencode({**fields, "response_url": "https://hooks.slack.com/x"}), FORM) == fields


def test_the_home_has_no_name_and_its_presses_are_let_in() -> None:
    home = next(one for one in REQUESTS if one.get("view", {}).get("type") == "home")
    whole = with_part("view.callback_id", "", home)
    whole["view"] |= {"hash": "1.2", "title": {"type": "plain_text", "text": "View Title"}}
    assert read(whole) == {**home, "view": {**home["view"], "title": {"text": "View Title"}}}


@pytest.mark.case("V15.3.3")
def test_what_nobody_reads_is_not_handed_on() -> None:
    body = with_part("response_url", "https://hooks.slack.com/actions/secret")
    body["authorizations"] = 5
    body["user"]["is_admin"] = True
    body["actions"][0]["text"] = {"type": "plain_text", "text": "Approve"}
    assert read(body) == REQUESTS[0]


@pytest.mark.case("V2.2.1", "V15.3.5")
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("type", "block_suggestion"),
        ("type", ["block_actions"]),
        ("user", None),
        ("user", "U_ANN"),
        ("user", [{"id": "U_ANN"}]),
        ("user.id", 7),
        ("user.id", ""),
        ("user.id", "<!channel>"),
        ("user.id", "Ｕ_ANN"),
        ("user.id", "U" * 41),
        ("channel.id", {"id": "C1"}),
        ("container.message_ts", 1700000000.1),
        ("trigger_id", None),
        ("trigger_id", "1 2"),
        ("actions", []),
        ("actions", {"0": {"action_id": "approval.approve"}}),
        ("actions", [None]),
        ("actions.0.action_id", None),
        ("actions.0.action_id", "approval.approve\n"),
        ("actions.0.value", 12),
        ("actions.0.value", ["plan-1"]),
        ("actions.0.value", "plan\x00"),
        ("actions.0.value", "\ud800"),
        ("actions.0.value", "x" * (LONGEST + 1)),
        ("actions", [{"action_id": "a"}] * (MOST + 1)),
    ],
)
def test_a_part_of_another_type_or_length_is_turned_away(path: str, value: Any) -> None:
    assert read(with_part(path, value)) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "payload=",
        "payload=null",
        "payload=[]",
        "payload=%7Bbroken",
        "payload=" + "[" * 100_000,
        "payload=" + "9" * 10_000,
        "&".join(f"k{number}=" for number in range(MOST + 1)),
        "command=/bursar",
        "text=hello",
    ],
)
def test_what_is_no_request_is_turned_away(text: str) -> None:
    assert opened(text, FORM) is None
    assert opened(text.removeprefix("payload="), "application/json") is None


def test_what_was_filled_in_may_be_long_and_in_any_script() -> None:
    reason = "Grund: “ß” 🙂 理由 " * 100
    body = with_part("view.state.values.reason.answer.value", reason, REQUESTS[1])
    assert read(body) == body
