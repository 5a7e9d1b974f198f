"""Who may vote on a plan, and when it is enough."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from actions import approval
from actions.approval import BURSAR
from actions.plan import Plan, PlanState, Tier
from spend.errors import Conflict, Refused
from tests.actions.world import NOW

ANOTHER = "The card you clicked shows another version of this plan; look at the newest card."


@pytest.mark.parametrize(
    ("voted", "actor", "shown", "said"),
    [
        ([], "U_REQ", None, "You asked for this plan, so somebody else has to approve it."),
        (
            [],
            "U_EVE",
            None,
            "Only the approvers named on the card may decide this plan; nothing was changed.",
        ),
        (
            ["U_ANN"],
            "U_ANN",
            None,
            "Your approval is already counted; a second person has to approve too.",
        ),
        ([], "U_ANN", "0000000000", ANOTHER),
        ([], "U_ANN", "", ANOTHER),
    ],
)
def test_who_may_not_vote_is_told_why(
    plan: Plan, voted: list[str], actor: str, shown: str | None, said: str
) -> None:
    with pytest.raises(Refused, match=f"^{re.escape(said)}$"):
        approval.admit(plan, voted, actor, plan.hash[:12] if shown is None else shown, NOW)


def test_a_vote_at_the_deadline_is_too_late(plan: Plan) -> None:
    approval.admit(plan, [], "U_ANN", plan.hash, plan.approve_by - timedelta(microseconds=1))
    with pytest.raises(Refused, match=r"^This plan has expired; the next sweep proposes a fresh one\.$"):
        approval.admit(plan, [], "U_ANN", plan.hash, plan.approve_by)


def test_a_named_approver_may_vote_on_what_was_shown(plan: Plan) -> None:
    approval.admit(plan, ["U_BOB"], "U_ANN", plan.hash[:12], NOW)


@pytest.mark.parametrize("state", [state for state in PlanState if state is not PlanState.PENDING])
def test_a_plan_that_is_no_longer_pending_takes_no_votes(plan: Plan, state: PlanState) -> None:
    with pytest.raises(Conflict, match=f"already {state}"):
        approval.admit(replace(plan, state=state), [], "U_ANN", plan.hash, NOW)


@pytest.mark.parametrize(
    ("voted", "enough"),
    [
        ([], False),
        (["U_ANN"], False),
        (["U_ANN", "U_ANN"], False),
        (["U_ANN", "U_EVE"], False),
        (["U_ANN", "U_REQ"], False),
        (["U_ANN", "U_BOB"], True),
    ],
)
@pytest.mark.case("T07", "T08")
def test_only_distinct_entitled_people_count_and_never_the_requester(
    plan: Plan, voted: list[str], enough: bool
) -> None:
    assert approval.complete(plan, voted, {}) is enough


@pytest.mark.case("T13")
def test_an_empty_list_of_approvers_means_nobody(plan: Plan) -> None:
    assert approval.satisfiable(plan, {}, ())
    assert not approval.satisfiable(replace(plan, approvers=frozenset()), {}, ())
    assert not approval.satisfiable(replace(plan, approvers=frozenset({"U_ANN", "U_REQ"})), {}, ())
    assert not approval.satisfiable(replace(plan, requested_by=BURSAR, quorum=0), {}, ())


def test_what_only_reads_needs_nobody(plan: Plan) -> None:
    free = replace(plan, tier=Tier.T0, quorum=0, approvers=frozenset())
    assert approval.satisfiable(free, {}, ())
    assert approval.complete(free, [], {})


def test_the_author_of_what_runs_counts_as_having_asked(plan: Plan) -> None:
    mine = replace(plan, authors=frozenset({"U_ANN"}))
    with pytest.raises(
        Refused, match=r"^You wrote this version of the runbook, so somebody else has to approve its plan\.$"
    ):
        approval.admit(mine, [], "U_ANN", mine.hash, NOW)
    assert not approval.complete(mine, ["U_ANN", "U_BOB"], {})
    assert not approval.satisfiable(mine, {}, ())


TEAMS = {"U_ANN": {"oncall"}, "U_BOB": {"oncall", "finance"}, "U_CYD": {"finance"}, "U_DOT": set[str]()}


@pytest.fixture
def grave(plan: Plan) -> Plan:
    """A deletion in production."""
    return replace(plan, tier=Tier.T3, approvers=frozenset(TEAMS), requested_by=BURSAR)


@pytest.mark.parametrize(
    ("voted", "enough"),
    [
        (["U_ANN", "U_BOB"], False),  # both on call
        (["U_BOB", "U_CYD"], False),  # both of finance
        (["U_ANN", "U_CYD"], True),
        (["U_ANN", "U_BOB", "U_CYD"], True),
        (["U_ANN", "U_DOT"], False),  # of no team is not of another team
        (["U_BOB", "U_BOB"], False),  # of two teams is not two people
    ],
)
def test_a_deletion_in_production_takes_people_who_share_no_team(
    grave: Plan, voted: list[str], enough: bool
) -> None:
    assert approval.complete(grave, voted, TEAMS) is enough


def test_a_vote_that_would_fill_the_quorum_with_one_team_is_refused(grave: Plan) -> None:
    approval.differ(grave, [], "U_ANN", TEAMS)
    approval.differ(grave, ["U_ANN"], "U_CYD", TEAMS)
    with pytest.raises(Refused, match=r"^Who approved .* of yours; somebody of another team has to agree\.$"):
        approval.differ(grave, ["U_ANN"], "U_BOB", TEAMS)
    approval.differ(replace(grave, quorum=3), ["U_ANN"], "U_BOB", TEAMS)
    approval.differ(replace(grave, tier=Tier.T2), ["U_ANN"], "U_BOB", TEAMS)


def test_only_people_with_an_authenticator_can_meet_a_deletion_in_production(grave: Plan) -> None:
    assert approval.satisfiable(grave, TEAMS, ["U_ANN", "U_CYD"])
    assert not approval.satisfiable(grave, TEAMS, ["U_ANN"])
    assert not approval.satisfiable(grave, TEAMS, ["U_ANN", "U_BOB"])


def test_a_reason_is_asked_for_from_tier_two_on_and_a_phrase_in_tier_three(plan: Plan, grave: Plan) -> None:
    approval.explain(replace(plan, tier=Tier.T1), None)
    for nothing in (None, "", "  "):
        with pytest.raises(Refused, match="decided with a reason"):
            approval.explain(plan, nothing)
    approval.explain(plan, "nobody uses it")
    approval.confirm(plan, None)
    assert approval.phrase(grave) == "delete 1"
    for wrong in (None, "", "delete", "delete 2", "1"):
        with pytest.raises(Refused, match="type: delete 1"):
            approval.confirm(grave, wrong)
    approval.confirm(grave, " Delete  1 ")
