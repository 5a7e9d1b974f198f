"""Freezing a plan: what consent it needs, when it is refused, and what would take it back."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from actions import planning
from actions.approval import BURSAR, Voters
from actions.aws.stop_instances import StopInstances
from actions.base import Grade, Target
from actions.plan import Health, Plan, PlanState, PlanStep, Rollout, Struck, Tier, from_content
from actions.rollout import steps_of, waves
from actions.step import Step, StepState
from runbooks.schema import Runbook
from spend import canonical
from spend.errors import Conflict, Refused
from tests.actions.examples import runbook, target, volume
from tests.actions.memory import MemoryJournal
from tests.actions.world import NOW

TWO = {"U_ANN", "U_BOB"}


def freeze(targets: Sequence[Target], name: str = "stop-idle-dev", **changes: Any) -> Plan:
    given: dict[str, Any] = {
        "plan_id": "plan-1",
        "approvers": TWO,
        "requested_by": BURSAR,
        "reason": "idle for two weeks",
        "now": NOW,
    }
    book = changes.pop("runbook", None) or runbook(name)
    return planning.freeze(book, targets, **{**given, **changes})


def with_guards(name: str, **changes: Any) -> Runbook:
    book = runbook(name)
    return book.model_copy(update={"guards": book.guards.model_copy(update=changes)})


def test_a_plan_holds_what_approvers_see_and_what_runs() -> None:
    struck = [Struck("i-9", "box", "its tag do-not-stop protects it")]
    plan = freeze([target("i-1"), target("i-2")], struck=struck, team="team-a", findings=["f-1"])
    assert (plan.tier, plan.grade, plan.quorum, plan.state) == (Tier.T1, Grade.A, 1, PlanState.PENDING)
    assert (plan.approve_by - NOW, plan.execute_by - NOW) == (timedelta(hours=4), timedelta(hours=26))
    assert plan.saving == {"USD": Decimal(80)}
    assert plan.rollout == Rollout(canary=1, pause=60, stop_after_failures=1)
    assert plan.struck == tuple(struck)
    assert plan.undo_hours == 72


def test_parameters_are_frozen_with_their_defaults() -> None:
    [step] = freeze([target("i-1")]).steps
    assert step.params["environments"] == ["dev", "sandbox"]
    assert step.params["cpu_peak_below"] == 5


def test_a_plan_written_down_is_the_same_plan_with_the_same_hash() -> None:
    plan = freeze([target("i-1"), target("i-2", monthly_cost=None)], struck=[Struck("i-3", "c", "why")])
    again = from_content(canonical.data(plan.content()), state=plan.state, version=plan.version)
    assert again == plan
    assert again.hash == plan.hash


def test_what_a_plan_asks_of_health_and_of_its_authors_is_read_back_too() -> None:
    plan = replace(freeze([target("i-1")]), health=Health(("errors",), 5), authors=frozenset({"U_ANN"}))
    again = from_content(canonical.data(plan.content()), state=PlanState.APPROVED, version=3)
    assert again == replace(plan, state=PlanState.APPROVED, version=3)


def test_a_plan_that_was_kept_before_it_could_say_so_asks_neither() -> None:
    content = canonical.data(freeze([target("i-1")]).content())
    older = {key: value for key, value in content.items() if key not in {"authors", "health"}}
    again = from_content(older, state=PlanState.PENDING, version=1)
    assert (again.authors, again.health) == (frozenset(), Health())
    assert from_content({**older, "health": {}}, state=PlanState.PENDING, version=1).health == Health()


@pytest.mark.parametrize(
    "changes",
    [
        {"targets": (target("i-2"),)},
        {"targets": (target("i-1", tags={"Environment": "prod"}),)},
        {"quorum": 2},
        {"approvers": frozenset({"U_EVE"})},
        {"rollout": Rollout(pause=1)},
        {"execute_by": NOW},
        {"runbook_hash": "other"},
    ],
)
def test_whatever_changes_changes_the_hash(changes: dict[str, Any]) -> None:
    plan = freeze([target("i-1")])
    assert replace(plan, **changes).hash != plan.hash


def test_state_and_version_are_not_what_is_approved() -> None:
    plan = freeze([target("i-1")])
    approved = plan.moved(PlanState.APPROVED)
    assert approved.state is PlanState.APPROVED
    assert replace(approved, version=9).hash == plan.hash


def test_a_move_that_is_not_in_the_table_is_refused() -> None:
    with pytest.raises(Conflict, match=r"^This plan is already pending; it cannot become running\.$"):
        freeze([target("i-1")]).moved(PlanState.RUNNING)


def test_deleting_needs_two_whatever_the_runbook_says() -> None:
    book = runbook("reclaim-unattached-volumes")
    lax = book.model_copy(update={"approval": book.approval.model_copy(update={"quorum": 1})})
    plan = freeze([volume("vol-1")], runbook=lax)
    assert (plan.tier, plan.grade, plan.quorum) == (Tier.T2, Grade.B, 2)


def test_a_runbook_may_ask_for_more_than_its_tier() -> None:
    book = runbook()
    strict = book.model_copy(update={"approval": book.approval.model_copy(update={"quorum": 2})})
    assert freeze([target("i-1")], runbook=strict).quorum == 2


@pytest.mark.parametrize(("cost", "tier"), [("1000", Tier.T1), ("1000.01", Tier.T2)])
def test_over_the_dollar_limit_two_people_agree(cost: str, tier: Tier) -> None:
    plan = freeze([target("i-1", monthly_cost=Decimal(cost))])
    assert (plan.tier, plan.quorum) == (tier, planning.QUORUM[tier])


def test_currencies_are_held_against_the_limit_each_by_itself() -> None:
    dollars = target("i-1", monthly_cost=Decimal(900))
    euros = target("i-2", monthly_cost=Decimal(900), currency="EUR")
    plan = freeze([dollars, euros])
    assert plan.saving == {"EUR": Decimal(900), "USD": Decimal(900)}
    assert plan.tier is Tier.T1


def in_production(**changes: Any) -> Plan:
    allowed = with_guards("reclaim-unattached-volumes", production="allowed")
    return freeze([volume("vol-1", tags={"env": "prod"})], runbook=allowed, **changes)


def test_a_deletion_in_production_needs_two_of_different_teams_who_can_confirm_outside_slack() -> None:
    apart = {"U_ANN": {"oncall"}, "U_BOB": {"finance"}}
    one_team = {"U_ANN": {"oncall"}, "U_BOB": {"oncall"}}
    plan = in_production(voters=Voters(apart, frozenset(TWO)))
    assert (plan.tier, plan.quorum) == (Tier.T3, 2)
    for without in (Voters(apart), Voters(apart, frozenset({"U_ANN"})), Voters(one_team, frozenset(TWO))):
        with pytest.raises(Refused, match="two approvers of different teams, each with an authenticator"):
            in_production(voters=without)
    with pytest.raises(Refused, match="needs 2 of its approvers to say yes and 1 could"):
        in_production(voters=Voters(apart, frozenset(TWO)), approvers={"U_ANN"})


def test_who_wrote_a_new_version_of_a_runbook_counts_as_asking_for_its_first_run() -> None:
    three, volumes = {*TWO, "U_CYD"}, "reclaim-unattached-volumes"
    new = Voters({key: {key} for key in three}, frozenset(three), authors=frozenset({"U_ANN"}))
    ran = replace(new, proven=True)
    assert freeze([volume("vol-1")], volumes, approvers=three, voters=new).authors == {"U_ANN"}
    assert freeze([volume("vol-1")], volumes, approvers=three, voters=ran).authors == frozenset()
    assert freeze([target("i-1")], voters=new).authors == frozenset()
    assert in_production(approvers=three, voters=ran).authors == {"U_ANN"}


def test_nothing_is_deleted_that_no_step_before_has_snapshotted() -> None:
    book = runbook("reclaim-unattached-volumes")
    snapshot, delete = book.steps
    assert planning.unsaved(book) is None
    for steps in ((delete,), (delete, snapshot)):
        reckless = book.model_copy(update={"steps": steps})
        assert "step delete deletes a volume that no step before it" in str(planning.unsaved(reckless))
        with pytest.raises(Refused, match="put a snapshot first"):
            freeze([volume("vol-1")], runbook=reckless)


def test_from_tier_two_on_a_plan_is_asked_for_with_a_reason() -> None:
    assert freeze([target("i-1")], reason=" ")
    with pytest.raises(Refused, match="asked for with a reason"):
        freeze([volume("vol-1")], "reclaim-unattached-volumes", reason=" ")


class Looks(StopInstances):
    """An action that changes nothing."""

    changes = False


def test_what_only_reads_is_tier_zero() -> None:
    assert planning.tier_of([Looks()], [target("i-1")], Decimal(9999), Decimal(1)) is Tier.T0
    assert planning.tier_of([Looks(), StopInstances()], [target("i-1")], Decimal(0), Decimal(1)) is Tier.T1


def test_nothing_and_too_much_are_refused() -> None:
    with pytest.raises(Refused, match="Nothing was found"):
        freeze([])
    with pytest.raises(Refused, match="the guards struck out everything"):
        freeze([], struck=[Struck("i-1", "box", "it is in production")])
    with pytest.raises(Refused, match="26 targets are more than the 25"):
        freeze([target(f"i-{n}") for n in range(26)])


def test_the_same_target_twice_is_one_target() -> None:
    assert len(freeze([target("i-1"), target("i-1")]).targets) == 1


@pytest.mark.parametrize(
    ("approvers", "requested_by"), [(set(), BURSAR), ({"U_ANN"}, "U_ANN"), ({"U_ANN"}, BURSAR)]
)
def test_a_plan_that_nobody_could_approve_is_refused(approvers: set[str], requested_by: str) -> None:
    with pytest.raises(Refused, match="needs 2 of its approvers"):
        freeze(
            [volume("vol-1")], "reclaim-unattached-volumes", approvers=approvers, requested_by=requested_by
        )


def test_the_clock_proposes_only_what_is_worth_it_and_a_person_may_ask_for_less() -> None:
    small = [target("i-1", monthly_cost=Decimal("4.99"))]
    with pytest.raises(Refused, match=r"save 4\.99 USD a month, less than the runbook's 5 USD"):
        freeze(small)
    assert freeze([target("i-1", monthly_cost=Decimal(5))])
    assert freeze(small, requested_by="U_REQ")
    assert freeze([target("i-1", monthly_cost=None)])


@pytest.mark.parametrize(
    ("count", "canary", "sizes"),
    [
        (0, 1, []),
        (1, 1, [1]),
        (2, 1, [1, 1]),
        (7, 1, [1, 2, 4]),
        (8, 1, [1, 2, 4, 1]),
        (10, 3, [3, 6, 1]),
        (2, 5, [2]),
    ],
)
def test_waves_double_from_the_canary(count: int, canary: int, sizes: list[int]) -> None:
    assert waves(count, canary) == sizes


def test_a_run_cannot_begin_with_an_empty_canary() -> None:
    with pytest.raises(ValueError, match=r"^a canary has at least one target$"):
        waves(3, 0)


def test_the_rows_of_a_run_are_wave_then_step_then_target() -> None:
    plan = freeze([volume(f"vol-{n}") for n in range(3)], "reclaim-unattached-volumes")
    rows = steps_of(plan)
    assert [(row.wave, row.step, row.target) for row in rows] == [
        (0, "snapshot", "vol-0"),
        (0, "delete", "vol-0"),
        (1, "snapshot", "vol-1"),
        (1, "snapshot", "vol-2"),
        (1, "delete", "vol-1"),
        (1, "delete", "vol-2"),
    ]
    assert len({row.key for row in rows}) == len({row.id for row in rows}) == 6
    assert [row.number for row in rows] == list(range(6))
    assert {(row.plan, row.action) for row in rows} == {
        ("plan-1", "aws.snapshot_volume"),
        ("plan-1", "aws.delete_volume"),
    }


def ran(plan: Plan, outcomes: Sequence[str]) -> Sequence[Step]:
    """The rows of a run that ended in these ways."""
    journal = MemoryJournal(steps_of(plan))
    for row, outcome in zip(journal.steps(), outcomes, strict=True):
        before = next(one for one in plan.targets if one.id == row.target)
        after = replace(before, state="stopped")
        if outcome == "done":
            step = journal.intend(row, before.to_data(), now=NOW, send_by=NOW)
            journal.done(step, after.to_data(), now=NOW)
        elif outcome == "done already":
            journal.done(row, after.to_data(), now=NOW)
        elif outcome == "failed":
            step = journal.intend(row, before.to_data(), now=NOW, send_by=NOW)
            journal.failed(step, "Code", "no", now=NOW)
    return journal.steps()


def undo(plan: Plan, steps: Sequence[Step], **changes: Any) -> Plan:
    given: dict[str, Any] = {"plan_id": "plan-2", "approvers": {"U_ANN"}, "now": NOW, **changes}
    return planning.undo(plan, steps, **given)


def test_an_undo_takes_back_what_the_run_did_the_last_first_and_nothing_else() -> None:
    plan = freeze([target(f"i-{n}") for n in range(5)], team="team-a")
    back = undo(plan, ran(plan, ["done", "done already", "done", "failed", "new"]))
    assert [(one.id, one.state) for one in back.targets] == [("i-2", "stopped"), ("i-0", "stopped")]
    assert [step.action for step in back.steps] == ["aws.start_instances"]
    assert [one.target for one in back.struck] == ["i-1", "i-3", "i-4"]
    assert (back.undo_of, back.requested_by, back.quorum, back.team) == ("plan-1", BURSAR, 1, "team-a")
    assert back.saving == {}


def test_an_undo_is_a_plan_of_its_own_that_says_what_it_takes_back() -> None:
    plan = freeze([target("i-1"), target("i-2"), target("i-3")], findings=["f-1"])
    back = undo(plan, ran(plan, ["done", "done", "new"]), now=plan.execute_by)
    assert (back.id, back.title) == ("plan-2", "Undo: Stop idle development instances")
    assert (back.runbook, back.runbook_hash, back.findings) == (plan.runbook, plan.runbook_hash, ("f-1",))
    assert (back.reason, back.grade, back.tier) == ("takes back run plan-1", Grade.A, Tier.T1)
    assert (back.created_at, back.execute_by) == (plan.execute_by, plan.execute_by + timedelta(hours=2))
    assert (back.undo_hours, back.saves) == (0, False)
    assert back.rollout == Rollout(canary=1, pause=0, stop_after_failures=2)
    assert [step.id for step in back.steps] == ["undo-stop"]
    assert back.struck == (Struck("i-3", "box i-3", "the run did not change it"),)
    assert {one.monthly_cost for one in back.targets} == {None}


def test_only_the_steps_that_can_be_taken_back_are() -> None:
    plan = freeze([volume("vol-1")], "reclaim-unattached-volumes")
    back = undo(plan, ran(plan, ["done", "done"]))
    assert [step.action for step in back.steps] == ["aws.restore_volume"]
    with pytest.raises(Refused, match=r"^This run changed nothing that can be taken back\.$"):
        undo(plan, ran(plan, ["done", "failed"]))


def test_an_undo_is_offered_until_its_deadline() -> None:
    plan = freeze([target("i-1")])
    steps = ran(plan, ["done"])
    until = planning.undo_until(plan)
    assert until == plan.execute_by + timedelta(hours=72)
    assert undo(plan, steps, now=until - timedelta(seconds=1)).approve_by == until
    with pytest.raises(Refused, match="that has passed"):
        undo(plan, steps, now=until)


def test_an_undo_that_nobody_could_approve_is_refused() -> None:
    plan = freeze([target("i-1")])
    with pytest.raises(Refused, match="needs 1 of its approvers"):
        undo(plan, ran(plan, ["done"]), approvers=set())


def test_the_step_states_follow_their_table() -> None:
    plan = freeze([target("i-1")])
    assert [row.state for row in steps_of(plan)] == [StepState.NEW]


def test_the_worst_that_a_runbook_may_come_to_is_known_before_there_are_targets() -> None:
    assert planning.worst_tier(runbook("stop-idle-dev")) is Tier.T1
    assert planning.worst_tier(runbook("cap-lambda-concurrency")) is Tier.T1  # in production too
    volumes = "reclaim-unattached-volumes"
    assert planning.worst_tier(with_guards(volumes, production="never")) is Tier.T2
    assert planning.worst_tier(with_guards(volumes, production="allowed")) is Tier.T3


def test_owners_are_warned_of_what_is_taken_from_them_and_of_nothing_else() -> None:
    stop = freeze([target("i-1")], warn_hours=24)
    assert (planning.interrupts(stop), stop.warn_hours) == ("stops", 24)
    assert stop.not_before == NOW + timedelta(hours=24)
    assert planning.interrupts(replace(stop, steps=())) == ""
    looks = replace(stop, steps=(PlanStep("cap", "aws.cap_lambda_concurrency"),))
    assert planning.interrupts(looks) == ""
    book = runbook("stop-idle-dev").model_copy(update={"warn": timedelta(hours=5)})
    assert freeze([target("i-1")], runbook=book).warn_hours == 5
    assert freeze([target("i-1")], runbook=book, warn_hours=0).not_before is None
    capped = freeze([target("resize", kind="function")], "cap-lambda-concurrency", warn_hours=24)
    assert (capped.warn_hours, capped.not_before) == (0, None)


def test_a_long_warning_puts_off_the_last_moment_to_begin() -> None:
    short, long = (freeze([target("i-1")], warn_hours=hours) for hours in (0, 100))
    assert short.approve_by == long.approve_by
    assert long.execute_by - short.execute_by == NOW + timedelta(hours=100) - short.approve_by


def test_a_plan_takes_its_pace_and_its_health_from_its_runbook() -> None:
    book = runbook("stop-idle-dev")
    verify = book.verify.model_copy(update={"health": ("errors",), "minutes": timedelta(minutes=3)})
    rollout = book.rollout.model_copy(update={"canary": 2, "stop_after_failures": 3})
    plan = freeze([target("i-1")], runbook=book.model_copy(update={"verify": verify, "rollout": rollout}))
    assert plan.health == Health(("errors",), 3)
    assert plan.rollout == Rollout(2, 60, 3)


def test_what_only_reads_is_frozen_without_approvers() -> None:
    plan = planning._tiered(freeze([target("i-1")]), Tier.T0, Voters())
    assert (plan.tier, plan.quorum) == (Tier.T0, 0)


def test_what_depends_on_the_day_is_frozen_with_the_day_of_the_plan() -> None:
    [step] = freeze([volume("vol-1")], "mark-unattached-volumes").steps
    assert step.params["day"] == "2026-06-17"
