"""Asking Slack who is who: what it says for sure, and what stays unknown."""

from typing import Any

import pytest

from actions.approval import Unknown
from bot.directory import SlackDirectory
from bot.sender import client
from tests.bot.slack import BROKEN, LOST, RATE_LIMITED, TEAM, Answer, Slack, error


@pytest.fixture
def told(slack: Slack) -> SlackDirectory:
    return SlackDirectory(client(slack.secrets))


def person(**marks: Any) -> Answer:
    return Answer({"ok": True, "user": {"id": "U_ANN", "team_id": TEAM, **marks}})


def test_the_members_of_a_user_group_are_those_that_slack_lists(slack: Slack, told: SlackDirectory) -> None:
    slack.script("usergroups.users.list", Answer({"ok": True, "users": ["U_ANN", "U_BEN"]}))
    assert told.members("S0ONCALL") == frozenset({"U_ANN", "U_BEN"})
    assert slack.of("usergroups.users.list") == [{"usergroup": "S0ONCALL"}]


@pytest.mark.parametrize(
    "answer", [BROKEN, LOST, RATE_LIMITED, error("missing_scope"), error("no_such_subteam")]
)
def test_a_group_of_which_slack_says_nothing_is_unknown_and_never_empty(
    slack: Slack, told: SlackDirectory, answer: Answer
) -> None:
    slack.script("usergroups.users.list", answer)
    found = told.members("S0ONCALL")
    assert isinstance(found, Unknown)
    assert "S0ONCALL" in found.why


@pytest.mark.case("V8.4.1")
@pytest.mark.parametrize(
    ("marks", "why"),
    [
        ({}, None),
        ({"deleted": True}, "is deactivated"),
        ({"is_bot": True}, "is a bot"),
        ({"is_restricted": True}, "is a guest"),
        ({"is_ultra_restricted": True}, "is a guest"),
        ({"is_stranger": True}, "is of another workspace"),
        ({"team_id": "T_THEIRS"}, "is of another workspace"),
        ({"team_id": "E_ORG", "enterprise_user": {"teams": [TEAM]}}, None),
    ],
)
def test_who_is_no_active_member_of_this_workspace_never_counts(
    slack: Slack, told: SlackDirectory, marks: dict[str, Any], why: str | None
) -> None:
    slack.script("users.info", person(**marks))
    assert told.barred("U_ANN") == why


def test_somebody_whom_slack_does_not_know_is_none_of_ours(slack: Slack, told: SlackDirectory) -> None:
    slack.script("users.info", error("user_not_found"))
    assert told.barred("U_NONE") == "is not of this workspace"
    assert told.barred("USLACKBOT") == "is a bot"


@pytest.mark.parametrize("answer", [BROKEN, LOST, RATE_LIMITED, error("missing_scope")])
def test_somebody_of_whom_slack_says_nothing_is_unknown(
    slack: Slack, told: SlackDirectory, answer: Answer
) -> None:
    slack.script("users.info", answer)
    assert isinstance(told.barred("U_ANN"), Unknown)
