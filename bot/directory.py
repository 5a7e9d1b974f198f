"""Asks Slack who is in a user group and who somebody is; what it does not say is unknown."""

from collections.abc import Callable, Mapping
from functools import partial
from http.client import HTTPException
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web import SlackResponse

from actions.approval import Unknown

#: Answers that say for sure that somebody does not belong here.
NOBODY = frozenset({"user_not_found", "user_not_visible"})
#: What Slack's record of a person says of those who never count, and how that is put into words.
NEVER = {
    "deleted": "is deactivated",
    "is_bot": "is a bot",
    "is_workflow_bot": "is a bot",
    "is_restricted": "is a guest",
    "is_ultra_restricted": "is a guest",
    "is_stranger": "is of another workspace",
    "is_invited_user": "is not confirmed yet",
}
SLACKBOT = "USLACKBOT"


class SlackDirectory:
    """`flows.Directory` over Slack's Web API."""

    def __init__(self, client: WebClient) -> None:
        self._client = client
        self._team = ""

    def members(self, group: str) -> frozenset[str] | Unknown:
        """Who is in a user group."""
        said = _answer(partial(self._client.usergroups_users_list, usergroup=group))
        if isinstance(said, str):
            return Unknown(f"Slack does not say who is in {group} ({said})")
        return frozenset(map(str, said.get("users") or ()))

    def barred(self, person: str) -> str | Unknown | None:
        """Why a person never counts, or None for a member in good standing."""
        if person == SLACKBOT:
            return NEVER["is_bot"]
        said = _answer(partial(self._client.users_info, user=person))
        if isinstance(said, str):
            return "is not of this workspace" if said in NOBODY else Unknown(f"Slack does not say ({said})")
        return self._judged(said.get("user") or {})

    def _judged(self, user: Mapping[str, Any]) -> str | Unknown | None:
        if why := next((words for mark, words in NEVER.items() if user.get(mark)), None):
            return why
        ours = self._team or self._ask_team()
        if isinstance(ours, Unknown):
            return ours
        teams = {user.get("team_id"), *((user.get("enterprise_user") or {}).get("teams") or ())}
        return None if ours in teams else "is of another workspace"

    def _ask_team(self) -> str | Unknown:
        said = _answer(self._client.auth_test)
        if isinstance(said, str):
            return Unknown(f"Slack does not say which workspace this is ({said})")
        self._team = str(said["team_id"])
        return self._team


def _answer(ask: Callable[[], SlackResponse]) -> Mapping[str, Any] | str:
    """What Slack answers, or its error in a word."""
    try:
        data = ask().data
    except SlackApiError as error:
        data = error.response.data
        return str(data.get("error") or "an error") if isinstance(data, Mapping) else "an error"
    except (SlackRequestError, OSError, HTTPException) as error:
        return type(error).__name__
    return data if isinstance(data, Mapping) else "an answer that is no JSON"
