"""The Bolt app: who may talk to it, what a person reads when something is wrong, and second deliveries."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr
from slack_bolt import App, BoltRequest, BoltResponse

from bot.delivery import delivery_key
from bot.metrics import Metrics
from bot.talker import OPEN_TIMEOUT, build_app
from flows.desk import Desk
from spend.errors import NotFound, Refused, SettingsWrong
from storage import audit, tables
from tests.bot.slack import Answer, Slack, click, signed


def now() -> datetime:
    return datetime.now(UTC)  # Bolt compares signatures with the machine's own clock


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def app(desk: Desk, slack: Slack, metrics: Metrics) -> App:
    app = build_app(desk, slack.secrets, now, metrics)

    @app.action("approval.approve")
    def approve(ack: Any, action: dict[str, str]) -> None:
        match action["value"]:
            case "plan-gone":
                raise NotFound("There is no plan plan-gone.")
            case "plan-odd":
                raise RuntimeError("a secret detail")
            case "plan-not-yours":
                ack()
                raise Refused("Only an approver can do this; nothing was changed.")
        ack()

    @app.view("dispute.open")
    def opened() -> None:
        raise Refused("The finance channel is not set; ask an operator.")

    return app


def press(app: App, body: str, **headers: str) -> BoltResponse:
    return app.dispatch(BoltRequest(body=body, headers={**signed(body, now()), **headers}))


def told(desk: Desk) -> list[tuple[str, str | None, str | None, str]]:
    with desk.store.reading() as session:
        return [
            (row.kind, row.channel, row.person, row.args["text"]) for row in session.query(tables.Message)
        ]


def events(desk: Desk) -> list[tuple[str, str, str]]:
    with desk.store.reading() as session:
        return [(row["event"], row["actor"], row["subject"]) for row in audit.rows(session)]


def test_a_signed_click_is_answered(app: App, desk: Desk) -> None:
    assert press(app, click("approval.approve")).status == 200
    assert told(desk) == []


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("plan-not-yours", "Only an approver can do this; nothing was changed."),
        ("plan-gone", "There is no plan plan-gone."),
    ],
)
def test_a_refusal_is_a_sentence_for_this_person_and_an_audit_entry(
    app: App, desk: Desk, value: str, sentence: str
) -> None:
    assert press(app, click("approval.approve", value)).status == 200
    app.listener_runner.listener_executor.shutdown()
    assert told(desk) == [("ephemeral", "C_OPS", "U_ANN", sentence)]
    assert events(desk) == [("approval.refuse", "U_ANN", value)]


def test_a_refused_modal_is_explained_in_the_persons_own_channel(app: App, desk: Desk) -> None:
    payload = {
        "type": "view_submission",
        "team": {"id": "T_OURS"},
        "user": {"id": "U_ANN"},
        "view": {"id": "V1", "type": "modal", "callback_id": "dispute.open", "private_metadata": "digest-1"},
    }
    assert press(app, "payload=" + json.dumps(payload)).status == 200
    assert told(desk) == [("post", "U_ANN", None, "The finance channel is not set; ask an operator.")]
    assert events(desk) == [("dispute.refuse", "U_ANN", "digest-1")]


def test_the_unforeseen_is_told_by_the_id_of_its_log_entry(
    app: App, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "bursar"):
        assert press(app, click("approval.approve", "plan-odd")).status == 200
    [(_, _, _, text)] = told(desk)
    assert "secret" not in text
    assert text.split()[-1].strip(".") in caplog.text
    assert "a secret detail" in caplog.text
    assert events(desk) == []


def test_a_forged_signature_is_turned_away(app: App) -> None:
    body = click("approval.approve")
    forged: dict[str, Any] = {**signed(body, now(), "another secret")}
    assert app.dispatch(BoltRequest(body=body, headers=forged)).status == 401


def test_other_workspaces_and_bots_get_no_answer_and_no_audit_entry(
    app: App, desk: Desk, metrics: Metrics
) -> None:
    assert press(app, click("approval.approve", "plan-gone", team="T_THEIRS")).status == 200
    event = {
        "type": "event_callback",
        "team_id": "T_OURS",
        "event_id": "Ev1",
        "event": {"type": "message", "bot_id": "B_OTHER"},
    }
    body = json.dumps(event)
    assert press(app, body, **{"content-type": "application/json"}).status == 200
    assert (told(desk), events(desk)) == ([], [])
    figures = metrics.text().decode()
    assert 'bursar_refused_requests_total{reason="workspace"} 1.0' in figures
    assert 'bursar_refused_requests_total{reason="bot"} 1.0' in figures


def test_the_one_call_of_a_listener_gives_up_before_its_trigger_dies(app: App) -> None:
    assert app.client.timeout == OPEN_TIMEOUT < 3


def _body(at: str, **changes: Any) -> dict[str, Any]:
    return dict(BoltRequest(body=click("approval.approve", at=at)).body) | changes


def test_deliveries_are_the_same_when_their_pointers_are() -> None:
    keys = [
        delivery_key(_body("1")),
        delivery_key(_body("2")),
        delivery_key(_body("1", user={"id": "U_BOB"})),
        delivery_key({"event_id": "Ev1", "event": {}}),
        delivery_key({"view": {"id": "V1", "state": {"values": {}}}, "user": {"id": "U_ANN"}}),
        delivery_key({"view": {"id": "V1", "state": {"values": {"a": 1}}}, "user": {"id": "U_ANN"}}),
        delivery_key({"command": "/bursar", "trigger_id": "1.2", "user_id": "U_ANN"}),
    ]
    assert len(set(keys)) == len(keys)
    assert delivery_key(_body("1")) == keys[0]
    assert keys[0] == "click:C_OPS:1700000000.000001:approval.approve:1:U_ANN"


def test_a_token_that_slack_refuses_is_a_sentence(desk: Desk, slack: Slack) -> None:
    slack.script("auth.test", Answer({"ok": False, "error": "invalid_auth"}))
    with pytest.raises(SettingsWrong, match=r"SLACK_BOT_TOKEN: Slack refused the token \(invalid_auth\)"):
        build_app(desk, slack.secrets, now)


def test_a_slack_that_does_not_answer_is_a_sentence(desk: Desk, slack: Slack) -> None:
    away = slack.secrets.model_copy(
        update={"api_url": "http://127.0.0.1:1/api/", "bot_token": SecretStr("x")}
    )
    with pytest.raises(SettingsWrong, match=r"Slack does not answer at http://127\.0\.0\.1:1/api/"):
        build_app(desk, away, now)
