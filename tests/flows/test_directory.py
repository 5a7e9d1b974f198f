"""Approvers as Slack knows them: user groups, people who never count, and what nobody can tell."""

from dataclasses import replace

import pytest

from actions.plan import Plan, PlanState
from flows import approvals, directory
from spend.errors import Refused
from storage import tables
from tests.flows.slackless import AWAY, ToldDirectory
from tests.flows.world import ANN, FIN, OPS, OZ, Company

GROUP = "S0ONCALL"


@pytest.fixture
def slack() -> ToldDirectory:
    """A Slack with the on-call people in a user group."""
    return ToldDirectory({GROUP: frozenset({OPS, OZ})})


@pytest.fixture
def asking(company: Company, slack: ToldDirectory) -> Company:
    """The company whose on-call group is a user group of Slack, which has just been asked."""
    company.with_org(groups={"finance": frozenset({FIN})}, usergroups={"platform-oncall": GROUP})
    company.desk = replace(company.desk, directory=slack)
    directory.refresh(company.desk, company.now)
    return company


def approve(company: Company, plan: Plan, actor: str = OPS) -> PlanState:
    return approvals.approve(
        company.desk, plan.id, actor=actor, shown=plan.hash, now=company.now, reason="unused"
    ).state


def proof(company: Company, plan: Plan) -> object:
    with company.store.reading() as session:
        return next(iter(session.query(tables.Vote).filter_by(plan=plan.id))).proof


def test_the_members_of_a_user_group_approve_and_the_vote_keeps_the_proof(asking: Company) -> None:
    asked_at = asking.now
    plan = asking.plan()
    assert plan.approvers == {OPS, OZ}
    asking.clock.turn(minutes=10)
    assert approve(asking, plan) is PlanState.APPROVED
    assert proof(asking, plan) == {
        "groups": ["platform-oncall"],
        "source": "usergroup",
        "as_of": asked_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


def test_whom_the_settings_list_is_proven_by_the_settings(company: Company) -> None:
    plan = company.plan()
    approve(company, plan)
    assert proof(company, plan) == {
        "groups": ["platform-oncall"],
        "source": "settings",
        "as_of": company.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


@pytest.mark.case("T12", "V8.3.2")
def test_who_left_the_group_since_the_card_was_posted_cannot_approve(
    asking: Company, slack: ToldDirectory
) -> None:
    plan = asking.plan()
    slack.groups[GROUP] = frozenset({OZ})
    directory.refresh(asking.desk, asking.now)
    with pytest.raises(Refused, match="you are no approver any more"):
        approve(asking, plan)
    assert approve(asking, plan, OZ) is PlanState.APPROVED


@pytest.mark.parametrize("why", ["is deactivated", "is a bot", "is a guest", "is of another workspace"])
def test_who_never_counts_is_no_approver_whatever_list_names_them(
    asking: Company, slack: ToldDirectory, why: str
) -> None:
    plan = asking.plan()
    slack.people[OPS] = why
    directory.refresh(asking.desk, asking.now)
    for decide in (approve, _deny):
        with pytest.raises(Refused, match=f"your account {why}"):
            decide(asking, plan)
    assert OPS not in asking.plan(ids=("i-2",)).approvers


def _deny(company: Company, plan: Plan) -> None:
    approvals.deny(company.desk, plan.id, actor=OPS, shown=plan.hash, reason="no", now=company.now)


@pytest.mark.case("V16.5.3")
def test_a_click_relies_on_what_slack_said_in_the_last_quarter_of_an_hour_and_no_longer(
    asking: Company, slack: ToldDirectory
) -> None:
    plan = asking.plan()
    slack.groups[GROUP] = slack.people[OPS] = AWAY
    asking.clock.turn(minutes=15)
    directory.refresh(asking.desk, asking.now)
    asking.clock.turn(seconds=1)
    with pytest.raises(Refused, match="Nobody can tell whether you may decide this"):
        approve(asking, plan)
    assert asking.votes(plan.id) == []
    with pytest.raises(Refused, match="Nobody can tell who may approve this"):
        asking.plan(ids=("i-2",))


def test_of_somebody_on_a_list_slack_must_have_said_that_they_are_a_member(
    company: Company, slack: ToldDirectory
) -> None:
    plan = company.plan()
    company.desk = replace(company.desk, directory=slack)
    with pytest.raises(Refused, match="Slack has not said lately whether this is an active member"):
        approve(company, plan)
    directory.refresh(company.desk, company.now)
    assert approve(company, plan) is PlanState.APPROVED


def test_slack_is_asked_after_everybody_who_may_decide_something(
    company: Company, slack: ToldDirectory
) -> None:
    company.with_org(groups={})
    slack.people[FIN] = "is deactivated"
    company.desk = replace(company.desk, directory=slack)
    directory.refresh(company.desk, company.now)
    with company.store.reading() as session:
        known = {row.id: row.counts for row in session.query(tables.Member)}
    assert known[FIN] is False
    assert known[ANN] is True


def test_a_worker_asks_slack_once_in_five_minutes(asking: Company) -> None:
    for _ in range(3):
        directory.due(asking.desk, asking.now)
        asking.clock.turn(seconds=100)
    assert len(asking.jobs("directory")) == 1
    directory.due(asking.desk, asking.now)
    assert len(asking.jobs("directory")) == 2


def test_where_there_is_no_slack_nobody_is_asked(company: Company) -> None:
    directory.due(company.desk, company.now)
    directory.refresh(company.desk, company.now)
    assert company.jobs("directory") == []


def test_the_owners_of_the_team_stand_under_its_name(company: Company) -> None:
    found = directory.remembered(company.desk, ("owner", "finance", "nobody"), "web", company.now)
    assert found.within(ANN) == {"web"}
    assert found.groups["nobody"] == frozenset()
    assert found.entitled(ANN) is True
    assert found.entitled(OPS) is False
    assert found.teams()[ANN] == {"web"}
