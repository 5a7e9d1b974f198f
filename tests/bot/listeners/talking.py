"""People who talk to the real Bolt app by signed requests, on a real store."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, cast
from urllib.parse import urlencode

from slack_bolt import App, BoltRequest, BoltResponse
from sqlalchemy import select

from bot.listeners import register
from bot.talker import build_app
from flows.desk import Desk
from storage import audit, tables
from tests.bot.slack import TEAM, Answer, Slack, signed
from tests.bot.world import acted_on

VIEW = "V123"
NUMBERS = count(1)


def clock() -> datetime:
    return datetime.now(UTC)  # Bolt compares signatures with the machine's own clock


@dataclass
class Office:
    """The app, its desk and the Slack that it calls."""

    app: App
    desk: Desk
    slack: Slack

    @classmethod
    def open(cls, desk: Desk, slack: Slack) -> "Office":
        """An app with all its listeners."""
        app = build_app(desk, slack.secrets, clock)
        register(app, desk, clock)
        return cls(app, desk, slack)

    def _interact(self, person: str, **payload: Any) -> BoltResponse:
        whole = {
            "team": {"id": TEAM},
            "user": {"id": person, "team_id": TEAM},
            "trigger_id": f"trigger.{next(NUMBERS)}",
            **payload,
        }
        return self.send(urlencode({"payload": json.dumps(whole)}))

    def send(self, body: str, kind: str = "application/x-www-form-urlencoded") -> BoltResponse:
        """Send one signed body."""
        headers: dict[str, str | Sequence[str]] = {**signed(body, clock()), "content-type": kind}
        answer = self.app.dispatch(BoltRequest(body=body, headers=headers))
        acted_on(self.desk.store)
        return answer

    def click(self, person: str, action: str, value: str, *, at: str | None = None) -> BoltResponse:
        """Press a button of a message in the on-call channel."""
        self.slack.script("views.open", Answer({"ok": True, "view": {"id": VIEW}}))
        return self._interact(
            person,
            type="block_actions",
            channel={"id": "C_ONCALL"},
            container={"type": "message", "channel_id": "C_ONCALL", "message_ts": "1700000000.000001"},
            actions=[
                {
                    "type": "button",
                    "block_id": "b",
                    "action_id": action,
                    "value": value,
                    "action_ts": at or f"1700000000.{next(NUMBERS)}",
                }
            ],
        )

    def click_at_home(self, person: str, action: str, value: str) -> BoltResponse:
        """Press a button of the App Home, which is in no channel."""
        return self._interact(
            person,
            type="block_actions",
            container={"type": "view", "view_id": "V_HOME"},
            view={"id": "V_HOME", "type": "home", "blocks": []},
            actions=[
                {"type": "button", "block_id": "b", "action_id": action, "value": value, "action_ts": "1.1"}
            ],
        )

    def submit(
        self, person: str, callback: str, about: str, values: dict[str, str], **more: Any
    ) -> BoltResponse:
        """Submit a modal; each value is what one input holds."""
        state = {
            block: {"answer": {"type": "plain_text_input", "value": value}} for block, value in values.items()
        }
        view = {
            "id": VIEW,
            "type": "modal",
            "callback_id": callback,
            "private_metadata": about,
            "title": {"type": "plain_text", "text": "A modal"},
            "blocks": [{"type": "input", "block_id": block} for block in values],
            "state": {"values": state},
        }
        return self._interact(person, type="view_submission", view=view, **more)

    def shortcut(self, person: str, channel: str, ts: str) -> BoltResponse:
        """Choose "Dispute a charge" in a message's menu."""
        self.slack.script("views.open", Answer({"ok": True, "view": {"id": VIEW}}))
        return self._interact(
            person,
            type="message_action",
            callback_id="dispute_message",
            channel={"id": channel},
            message={"ts": ts},
            message_ts=ts,
        )

    def command(self, person: str, text: str) -> dict[str, Any]:
        """Type `/bursar` and read the answer."""
        fields = {"command": "/bursar", "text": text, "user_id": person, "team_id": TEAM, "channel_id": "C_X"}
        answer = self.send(urlencode({**fields, "trigger_id": f"trigger.{next(NUMBERS)}"}))
        assert answer.status == 200
        return cast(dict[str, Any], json.loads(answer.body or "{}"))

    def home(self, person: str, *, tab: str = "home", event: str | None = None) -> BoltResponse:
        """Open the App Home."""
        body = {
            "type": "event_callback",
            "team_id": TEAM,
            "event_id": event or f"Ev{next(NUMBERS)}",
            "event": {"type": "app_home_opened", "user": person, "channel": "D1", "tab": tab},
        }
        return self.send(json.dumps(body), "application/json")

    def messages(self) -> list[tables.Message]:
        """What waits in the outbox."""
        with self.desk.store.reading() as session:
            return list(session.execute(select(tables.Message).order_by(tables.Message.number)).scalars())  # type: ignore[arg-type]  # a column

    def jobs(self) -> list[tables.Job]:
        """What waits for a worker."""
        with self.desk.store.reading() as session:
            return list(session.execute(select(tables.Job)).scalars())

    def queued(self, within: float = 10.0) -> tables.Job:
        """The one job that a listener queues after its ack, once it is there."""
        until = time.monotonic() + within
        while not (jobs := self.jobs()) and time.monotonic() < until:
            pass
        (job,) = jobs
        return job

    def events(self) -> list[tuple[str, str]]:
        """What the audit log says happened, and by whom."""
        with self.desk.store.reading() as session:
            return [(row["event"], row["actor"]) for row in audit.rows(session)]

    def row(self, table: Any, key: str) -> Any:
        """One record as it is now."""
        with self.desk.store.reading() as session:
            return session.get(table, key)

    def whispers(self) -> list[tuple[str | None, str]]:
        """What was said to one person only: to whom, and the sentence."""
        return [
            (message.person or message.channel, message.args["text"])
            for message in self.messages()
            if message.template == "sentence" and (message.kind == "ephemeral" or message.channel == "U_ANN")
        ]


def errors_of(answer: BoltResponse) -> dict[str, Any]:
    """What a submission was answered."""
    found: dict[str, Any] = json.loads(answer.body or "{}")
    return found


@dataclass
class _Listing:
    """Stands where the app stands and writes down what is listened to."""

    found: dict[str, set[str]] = field(default_factory=dict)

    def __getattr__(self, kind: str) -> Callable[[str], Callable[[Any], Any]]:
        def named(name: str) -> Callable[[Any], Any]:
            self.found.setdefault(kind, set()).add(name)
            return lambda listener: listener

        return named


def listened(desk: Desk) -> dict[str, set[str]]:
    """The names that listeners are registered for, by kind."""
    listing = _Listing()
    register(cast(App, listing), desk, clock)
    return listing.found
