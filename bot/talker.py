"""Builds the Bolt app: who may talk to it, how long it waits, and what happens to a second delivery."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http.client import HTTPException
from typing import Any

from slack_bolt import App, BoltContext, BoltResponse
from slack_bolt.error import BoltError
from slack_sdk import WebClient

from bot import errors
from bot.metrics import Metrics
from bot.settings import Secrets
from flows.desk import Desk
from spend import canonical
from spend.errors import SettingsWrong
from storage import ids, tables

LOG = logging.getLogger("bursar.talker")
#: Bolt's own pool has 5 threads, shared with lazy listeners: 20 clicks at once would fail.
LISTENERS = 32
#: Seconds for the one call that a listener may make, views.open: its trigger lives 3 s.
OPEN_TIMEOUT = 2
START_TIMEOUT = 10


def build_app(
    desk: Desk, secrets: Secrets, now: Callable[[], datetime], metrics: Metrics | None = None
) -> App:
    """The Bolt app of this workspace, without listeners yet.

    Raises:
        SettingsWrong: the bot token is missing or not valid, or Slack does not answer.
    """
    client = WebClient(
        token=secrets.bot(), base_url=secrets.api_url, timeout=START_TIMEOUT, retry_handlers=[]
    )
    quiet = logging.getLogger("bursar.bolt")
    quiet.setLevel(logging.ERROR)  # its warnings quote what strangers sent
    try:
        app = App(
            name="bursar",
            logger=quiet,
            client=client,
            signing_secret=secrets.signing_secret.get_secret_value() if secrets.signing_secret else "",
            process_before_response=False,
            listener_executor=ThreadPoolExecutor(LISTENERS, thread_name_prefix="listener"),
        )
        team = str(client.auth_test()["team_id"])
    except BoltError as error:
        raise SettingsWrong(
            f"environment SLACK_BOT_TOKEN: Slack refused the token ({_reason(error)}); copy it afresh."
        ) from None
    except (OSError, HTTPException) as error:
        raise SettingsWrong(f"Slack does not answer at {secrets.api_url}: {error}.") from None
    client.timeout = OPEN_TIMEOUT
    app.middleware(_only_ours(team, metrics or Metrics()))
    app.middleware(_numbered)
    app.error(errors.handler(desk, now))
    return app


def once(desk: Desk, key: str, now: datetime) -> bool:
    """Whether this delivery is the first with its key; Slack re-sends and people double-click."""
    with desk.store.writing(now) as unit:
        return unit.add_once(tables.Inbox, {"key": key, "at": now})


def delivery_key(body: Mapping[str, Any]) -> str:
    """What two deliveries of the same thing have in common: the event's id, or the click itself.

    A click is (channel, message, action, moment, person); a modal is its view with the hash of the
    state that was sent; a command is its trigger.
    """
    if event := body.get("event_id"):
        return f"event:{event}"
    person = _id(body, "user") or body.get("user_id")
    if actions := body.get("actions"):
        place = body.get("container") or {}
        where = (place.get("channel_id"), place.get("message_ts") or place.get("view_id"))
        parts = [*where, actions[0].get("action_id"), actions[0].get("action_ts"), person]
        return "click:" + ":".join(str(part) for part in parts)
    if view := body.get("view"):
        return f"view:{view.get('id')}:{canonical.digest(str(view.get('state')))[:16]}:{person}"
    return f"trigger:{body.get('trigger_id')}:{person}"


def _only_ours(team: str, metrics: Metrics) -> Callable[..., BoltResponse | None]:
    """Turn away other workspaces, shared channels' guests and bots; they get no answer and no audit entry."""

    def only_ours(body: dict[str, Any], next: Callable[[], BoltResponse]) -> BoltResponse | None:  # noqa: A002 - the name that Bolt gives
        if body.get("type") in {"url_verification", "ssl_check"}:
            return next()
        event = body.get("event") or {}
        from_teams = {
            _id(body, "team"),
            body.get("team_id"),
            (body.get("user") or {}).get("team_id") if isinstance(body.get("user"), dict) else None,
            event.get("user_team"),
        }
        if from_teams - {None, "", team}:
            metrics.refused.labels("workspace").inc()
            return BoltResponse(status=200, body="")
        if event.get("bot_id") or event.get("subtype") == "bot_message":
            metrics.refused.labels("bot").inc()
            return BoltResponse(status=200, body="")
        return next()

    return only_ours


def _numbered(context: BoltContext, next: Callable[[], BoltResponse]) -> BoltResponse | None:  # noqa: A002 - the name that Bolt gives
    """Give each request an id of its own, for the log."""
    context["request_id"] = ids.new("request")
    return next()


def _id(body: Mapping[str, Any], key: str) -> str | None:
    value = body.get(key)
    return value.get("id") if isinstance(value, Mapping) else value


def _reason(error: BoltError) -> str:
    found = str(error)
    known = ("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired")
    return next((code for code in known if code in found), "auth.test failed")
