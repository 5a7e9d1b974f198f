"""Plans as rows: what was hashed is what is read back, and the questions that workers ask of them."""

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy.exc import IntegrityError

from actions.plan import PlanState, Rollout, Tier
from actions.rollout import steps_of
from actions.step import StepState
from spend.money import total
from storage import plans, tables
from storage.store import Store
from tests.storage.rows import HOUR, NOON, keep, plan, target


def test_a_plan_is_read_back_with_the_hash_that_people_were_shown(store: Store) -> None:
    asked = plan(
        targets=(
            target("i-1", monthly_cost=Decimal("0.12345678901234567890"), currency="EUR"),
            target("i-2", monthly_cost=None, name='say "hé" <b>'),
        ),
        tier=Tier.T2,
        rollout=Rollout(2, 30, 3),
        undo_of="plan-0",
        team=None,
    )
    keep(store, asked)
    with store.reading() as session:
        row = session.get(tables.Plan, "plan-1")
        assert row is not None
        read = plans.load(row)
    assert read == asked
    assert read.hash == row.hash == asked.hash
    assert total(read.saving.values()) == Decimal("0.12345678901234567890")


def test_the_hash_is_of_everything_but_the_state() -> None:
    asked = plan()
    assert replace(asked, state=PlanState.RUNNING, version=9).hash == asked.hash
    for change in (
        {"targets": (target(state="stopped"),)},
        {"approvers": frozenset({"U_OPS"})},
        {"quorum": 2},
        {"execute_by": NOON},
        {"rollout": Rollout(canary=5)},
        {"requested_by": "U_OPS"},
    ):
        assert replace(asked, **change).hash != asked.hash


def test_a_plan_is_overdue_by_the_clock_of_its_state(store: Store) -> None:
    keep(
        store,
        plan("plan-waits"),
        plan("plan-approved", state=PlanState.APPROVED),
        plan("plan-runs", state=PlanState.RUNNING),
        plan("plan-denied", state=PlanState.DENIED),
    )

    def late(hours: int) -> set[str]:
        with store.reading() as session:
            return {row.id for row in plans.overdue(session, NOON + hours * HOUR)}

    assert late(3) == set()
    assert late(4) == {"plan-waits"}
    assert late(5) == {"plan-waits"}
    assert late(6) == {"plan-waits", "plan-approved"}


def test_a_target_is_busy_while_a_plan_that_names_it_waits_or_runs(store: Store) -> None:
    keep(
        store,
        plan("plan-1", targets=(target("i-1"), target("i-2"))),
        plan("plan-2", targets=(target("i-3"),), state=PlanState.APPROVED),
        plan("plan-3", targets=(target("i-4"),), state=PlanState.RUNNING),
        plan("plan-4", targets=(target("i-5"),), state=PlanState.DENIED),
        plan("plan-5", targets=(target("i-6"),), state=PlanState.SUCCEEDED),
    )
    with store.reading() as session:
        assert plans.busy_targets(session) == {"i-1", "i-2", "i-3", "i-4"}


def test_a_target_is_busy_however_many_newer_plans_wait(store: Store) -> None:
    with store.writing(NOON) as unit:
        for number in range(205):
            made = NOON + number * HOUR
            plans.save(unit, plan(f"plan-{number}", targets=(target(f"i-{number}"),), created_at=made))
    with store.reading() as session:
        assert len(plans.busy_targets(session)) == 205


def test_a_target_was_touched_when_a_run_last_changed_it(store: Store) -> None:
    run = plan(targets=tuple(target(f"i-{n}") for n in range(5)), state=PlanState.RUNNING)
    again = plan("plan-2", targets=(target("i-0"),), state=PlanState.RUNNING)
    keep(store, run, again)
    before = {"id": "i", "state": "running"}
    with store.writing(NOON) as unit:
        plans.add_steps(unit, [*steps_of(run), *steps_of(again)])
        ways = {
            "plan-1.0": (StepState.INTENT, StepState.DONE),
            "plan-1.1": (StepState.INTENT, StepState.FAILED),
            "plan-1.2": (StepState.SKIPPED,),
            "plan-1.4": (StepState.INTENT, StepState.DONE),
            "plan-2.0": (StepState.INTENT, StepState.DONE),
        }
        for key, states in ways.items():
            row = unit.get(tables.Step, key)
            for state in states:
                unit.move(
                    row, state, before=before, ended_at=NOON + (HOUR if key == "plan-2.0" else 0 * HOUR)
                )
        # Somebody had done it already: nothing was called, so that nothing was touched.
        unit.move(unit.get(tables.Step, "plan-1.3"), StepState.DONE, ended_at=NOON)
    with store.reading() as session:
        touched = plans.last_touched(session, ["i-0", "i-1", "i-2", "i-3", "i-x"])
    assert touched == {"i-0": NOON + HOUR}


def test_plans_are_found_by_state_and_by_what_they_undo_newest_first(store: Store) -> None:
    keep(
        store,
        plan("plan-1", state=PlanState.SUCCEEDED),
        plan("plan-2", undo_of="plan-1", created_at=NOON + HOUR),
        plan("plan-3", created_at=NOON + 2 * HOUR),
    )
    with store.reading() as session:
        assert [row.id for row in plans.find(session)] == ["plan-3", "plan-2", "plan-1"]
        assert [row.id for row in plans.find(session, states=(PlanState.PENDING,))] == ["plan-3", "plan-2"]
        assert [row.id for row in plans.find(session, undo_of="plan-1")] == ["plan-2"]
        assert [row.id for row in plans.find(session, limit=1)] == ["plan-3"]


def test_a_person_has_one_word_on_a_plan(store: Store) -> None:
    keep(store, plan())
    with store.writing(NOON) as unit:
        plans.vote(unit, "plan-1", "U_OPS", "approve")
    with store.writing(NOON + HOUR) as unit:
        plans.vote(unit, "plan-1", "U_OZ", "deny", reason="still in use")
    with pytest.raises(IntegrityError), store.writing(NOON) as unit:
        plans.vote(unit, "plan-1", "U_OPS", "deny")
    with store.reading() as session:
        said = [(vote.person, vote.decision, vote.reason) for vote in plans.votes(session, "plan-1")]
    assert said == [("U_OPS", "approve", None), ("U_OZ", "deny", "still in use")]


def test_the_steps_of_a_run_come_back_in_order_and_new(store: Store) -> None:
    run = plan(targets=tuple(target(f"i-{n}") for n in range(12)), state=PlanState.RUNNING)
    keep(store, run)
    with store.writing(NOON) as unit:
        plans.add_steps(unit, list(reversed(steps_of(run))))
    with store.reading() as session:
        assert plans.steps(session, "plan-1") == list(steps_of(run))
        assert plans.steps(session, "plan-2") == []
