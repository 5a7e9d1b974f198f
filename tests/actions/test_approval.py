"""Who may vote on a plan, and when it is enough."""

from dataclasses import replace
from datetime import timedelta

import pytest

from actions import approval, planning
from actions.approval import BURSAR
from actions.plan import Plan, PlanState
from spend.errors import Conflict, Refused
from tests.actions.examples import runbook, volume
from tests.actions.world import NOW


@pytest.fixture
def plan() -> Plan:
    """A plan that two of three people must approve."""
    return planning.freeze(
        runbook("reclaim-unattached-volumes"),
        [volume("vol-1")],
        plan_id="plan-1",
        approvers={"U_ANN", "U_BOB", "U_REQ"},
        requested_by="U_REQ",
        reason="pressed Act",
        now=NOW,
    )


@pytest.mark.parametrize(
    ("voted", "actor", "shown", "said"),
    [
        ([], "U_REQ", None, "somebody else has to approve"),
        ([], "U_EVE", None, "Only the approvers named on the card"),
        (["U_ANN"], "U_ANN", None, "already counted"),
        ([], "U_ANN", "0000000000", "another version of this plan"),
        ([], "U_ANN", "", "another version of this plan"),
    ],
)
def test_who_may_not_vote_is_told_why(
    plan: Plan, voted: list[str], actor: str, shown: str | None, said: str
) -> None:
    with pytest.raises(Refused, match=said):
        approval.admit(plan, voted, actor, plan.hash[:12] if shown is None else shown, NOW)


def test_a_vote_at_the_deadline_is_too_late(plan: Plan) -> None:
    approval.admit(plan, [], "U_ANN", plan.hash, plan.approve_by - timedelta(microseconds=1))
    with pytest.raises(Refused, match="has expired"):
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
def test_only_distinct_entitled_people_count_and_never_the_requester(
    plan: Plan, voted: list[str], enough: bool
) -> None:
    assert approval.complete(plan, voted) is enough


def test_an_empty_list_of_approvers_means_nobody(plan: Plan) -> None:
    assert approval.satisfiable(plan)
    assert not approval.satisfiable(replace(plan, approvers=frozenset()))
    assert not approval.satisfiable(replace(plan, approvers=frozenset({"U_ANN", "U_REQ"})))
    assert not approval.satisfiable(replace(plan, requested_by=BURSAR, quorum=0))
