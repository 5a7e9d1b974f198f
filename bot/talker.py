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
from spend.errors import SettingsWrong
from storage import ids

LOG = logging.getLogger("bursar.talker")
#: Bolt's own pool has 5 threads, shared with lazy listeners: 20 clicks at once would fail.
LISTENERS = 256  # most of them wait for their turn to act
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
        told = client.auth_test()
    except BoltError as error:
        raise SettingsWrong(
            f"environment SLACK_BOT_TOKEN: Slack refused the token ({_reason(error)}); copy it afresh."
        ) from None
    except (OSError, HTTPException) as error:
        raise SettingsWrong(f"Slack does not answer at {secrets.api_url}: {error}.") from None
    client.timeout = OPEN_TIMEOUT
    app.middleware(_only_ours(str(told["team_id"]), told.get("enterprise_id"), metrics or Metrics()))
    app.middleware(_numbered)
    app.error(errors.handler(desk, now))
    return app


def _only_ours(team: str, enterprise: str | None, metrics: Metrics) -> Callable[..., BoltResponse | None]:
    """Turn away other workspaces and organisations, shared channels' guests and bots; they get no answer."""

    def only_ours(body: dict[str, Any], next: Callable[[], BoltResponse]) -> BoltResponse | None:  # noqa: A002 - the name that Bolt gives
        event = body.get("event") or {}
        if _teams(body) - {None, "", team}:
            why = "workspace"
        elif _enterprises(body) - {None, "", enterprise}:
            why = "enterprise"
        elif event.get("bot_id") or event.get("subtype") == "bot_message":
            why = "bot"
        else:
            return next()
        metrics.refused.labels(why).inc()
        return BoltResponse(status=200, body="")

    return only_ours


def _teams(body: Mapping[str, Any]) -> set[str | None]:
    """Every workspace that a request names."""
    return {
        _id(body, "team"),
        body.get("team_id"),
        _part(body, "user").get("team_id"),
        _part(body, "view").get("app_installed_team_id"),
        _part(body, "event").get("user_team"),
    }


def _enterprises(body: Mapping[str, Any]) -> set[str | None]:
    return {_id(body, "enterprise"), body.get("enterprise_id"), _part(body, "team").get("enterprise_id")}


def _part(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = body.get(key)
    return value if isinstance(value, Mapping) else {}


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
