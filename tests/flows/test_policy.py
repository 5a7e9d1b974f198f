"""Policies that nobody could ever meet are refused at the start, in words."""

from dataclasses import replace

import pytest

from flows.org import Org
from flows.policy import unmeetable
from runbooks.schema import Runbook
from tests.flows.world import ANN, FIN, OPS, ORG, OZ, RUNBOOKS, runbook

VOLUMES = "reclaim-unattached-volumes"


def wrong(org: Org, *books: Runbook) -> list[str]:
    return unmeetable(org, {one.name: one for one in books})


def groups(**lists: frozenset[str]) -> Org:
    return replace(ORG, groups={name.replace("_", "-"): people for name, people in lists.items()})


def test_the_shipped_runbooks_can_be_met() -> None:
    assert unmeetable(ORG, RUNBOOKS) == []


@pytest.mark.case("T14")
def test_what_deletes_needs_two_whatever_its_runbook_says() -> None:
    lax = runbook(VOLUMES, approval={"quorum": 1})
    assert wrong(groups(platform_oncall=frozenset({OPS}), finance=frozenset({FIN})), lax) == []
    [alone] = wrong(groups(platform_oncall=frozenset({OPS})), lax)
    assert "asks for 2 approvers of platform-oncall, finance, but there are only 1" in alone


@pytest.mark.case("T13")
def test_an_empty_list_is_nobody_and_no_error() -> None:
    assert wrong(groups(), RUNBOOKS[VOLUMES]) == []
    assert ORG.approvers(("nobody",), None) == frozenset()


def test_a_deletion_in_production_needs_people_of_two_teams() -> None:
    grave = runbook(VOLUMES, guards={"production": "allowed"})
    assert wrong(ORG, grave) == []
    [one_team] = wrong(groups(platform_oncall=frozenset({OPS, OZ})), grave)
    assert "takes approvers of two teams" in one_team
    same = frozenset({OPS, FIN})
    assert wrong(groups(platform_oncall=same, finance=same), grave)
    owners = runbook(VOLUMES, guards={"production": "allowed"}, approval={"groups": ("owner",)})
    assert wrong(ORG, owners) == []


def test_whom_slack_has_in_a_user_group_is_not_judged_at_the_start() -> None:
    asked = replace(groups(), usergroups={"platform-oncall": "S0ONCALL"})
    assert wrong(asked, runbook(VOLUMES, approval={"quorum": 9})) == []


def test_an_author_whom_nobody_knows_is_refused() -> None:
    by = RUNBOOKS[VOLUMES].model_copy(update={"authors": ("U0ANN", "Ann Example")})
    [unknown] = wrong(ORG, by)
    assert "names the author Ann Example, whom nobody knows" in unknown
    assert wrong(replace(ORG, people={ANN: "ann example"}), by) == []


def test_a_deletion_without_a_snapshot_is_refused() -> None:
    book = RUNBOOKS[VOLUMES]
    reckless = book.model_copy(update={"steps": book.steps[1:]})
    [said] = wrong(ORG, reckless)
    assert "put a snapshot first" in said
