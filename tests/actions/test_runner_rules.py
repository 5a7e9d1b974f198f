"""The rules of a run, one by one, on a cloud in memory: what is written, how long is waited, what is said."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from actions import sending
from actions.aws.stop_instances import StopInstances
from actions.base import Target
from actions.errors import ActionFailed, Unreadable
from actions.plan import Plan, PlanState
from actions.runner import Outcome
from actions.step import NOT_OURS, StepState
from tests.actions.pocket import Pocket
from tests.actions.running import Run
from tests.actions.small import boxes, cloud, goes_wrong
from tests.actions.world import NOW

S, P = StepState, PlanState
MINUTE = timedelta(minutes=1)


def test_each_wave_is_looked_at_until_it_shows_before_the_next_one_begins() -> None:
    run = boxes(3)
    assert run.go() is P.SUCCEEDED
    assert run.clock.waits == [5, 7.5, 5, 7.5]  # a stop is over after ten seconds
    assert [(step.state, step.wave, step.attempts) for step in run.journal.steps()] == [
        (S.DONE, 0, 1),
        (S.DONE, 1, 1),
        (S.DONE, 1, 1),
    ]
    first = run.row(0)
    assert first.before is not None
    assert first.after is not None
    assert (first.before["state"], first.after["state"]) == ("running", "stopped")
    assert (first.send_by, first.ended_at) == (NOW + timedelta(seconds=30), NOW + timedelta(seconds=12.5))
    assert (first.detail, first.code) == (None, None)


def test_looks_come_slower_and_slower_but_never_slower_than_a_quarter_of_a_minute() -> None:
    run = boxes(1)
    cloud(run).answered = lambda _operation, key: never_shows(run, key)
    assert run.go(verify_within=60, poll_every=4) is P.HALTED
    assert run.clock.waits == [4, 6, 9, 13.5, 15, 15]
    assert run.row(0).detail == (
        "the cloud accepted the call, but it was stopping after 60 s; it was stopping after 60 s. "
        "Look at it before anything is repeated."
    )
    assert run.journal.times == [NOW, run.clock.at, run.clock.at]


def never_shows(run: Run, key: str) -> None:
    cloud(run).boxes[key].stopped = (run.clock.at, (timedelta(0), timedelta(days=1)))


@pytest.mark.case("T25")
def test_what_the_cloud_refuses_has_failed_and_ends_the_run() -> None:
    run = boxes(4)
    goes_wrong(run, "StopInstances", None, "deny")
    assert run.go() is P.FAILED
    assert run.states() == [S.DONE, S.FAILED, S.NEW, S.NEW]
    assert (run.row(1).code, run.row(1).ended_at) == ("UnauthorizedOperation", run.clock.at)
    assert run.row(1).detail


def test_what_happened_to_a_call_that_was_cut_off_is_told_by_the_state_and_the_tag() -> None:
    run = boxes(1)
    goes_wrong(run, "StopInstances", "lose")
    assert run.go() is P.SUCCEEDED
    assert run.journal.entries == [("step.intent", 0), ("step.unknown", 0), ("step.reconcile", 0)]
    assert run.row(0).detail == (
        "its answer was lost; it was running before and is stopped, with this run's tag"
    )
    assert run.row(0).changed
    assert run.journal.times == [NOW, NOW, run.clock.at]


def test_what_somebody_else_did_meanwhile_is_not_taken_for_ours() -> None:
    run = boxes(1)
    run.journal.intend(run.row(0), run.plan.targets[0].to_data(), now=NOW, send_by=NOW)
    cloud(run).boxes["i-0"].stop(NOW)
    assert run.go() is P.SUCCEEDED
    assert (run.row(0).code, run.row(0).changed) == (NOT_OURS, False)
    assert run.row(0).detail == (
        "its answer was lost; it was running before and is stopped, "
        "without this run's tag: somebody else did it"
    )


def test_a_call_that_may_be_on_its_way_is_not_sent_again() -> None:
    run = boxes(2)
    goes_wrong(run, "StopInstances", "drop")
    assert run.go() is P.HALTED
    assert run.states() == [S.NEEDS_HUMAN, S.NEW]
    assert (run.row(0).attempts, run.row(0).ended_at) == (1, run.clock.at)
    assert run.row(0).detail == (
        "the answer did not arrive whole (ConnectionClosedError); it was running after 20 s. "
        "Look at it before anything is repeated."
    )


def test_a_call_that_is_certainly_over_is_sent_a_second_time_and_has_its_time_again() -> None:
    run = boxes(1)
    goes_wrong(run, "StopInstances", "drop", "drop")
    assert run.go(verify_within=120) is P.HALTED
    assert (run.row(0).attempts, run.row(0).state) == (2, S.NEEDS_HUMAN)
    second = run.row(0).send_by
    assert second is not None
    assert run.clock.at >= second - timedelta(seconds=30) + timedelta(seconds=120)
    run = boxes(1)
    goes_wrong(run, "StopInstances", "drop")
    assert run.go(verify_within=120) is P.SUCCEEDED


@pytest.mark.parametrize("word", ["gone", "empty", "fails"])
def test_what_is_gone_or_cannot_be_read_is_not_sent_again(word: str) -> None:
    run = boxes(1)
    goes_wrong(run, "StopInstances", "drop")

    def later() -> None:
        if word == "gone":
            cloud(run).boxes["i-0"].gone = True
        else:  # neither a failed look nor an empty one is evidence
            goes_wrong(run, "DescribeInstances", *[word] * 2)

    run.clock.meanwhile = later
    assert run.go(verify_within=120) is P.HALTED
    assert run.row(0).attempts == 1
    said = "it was gone after 120 s" if word == "gone" else "it could not be read after 120 s"
    assert said in str(run.row(0).detail)


def test_what_cannot_be_read_right_before_it_is_sent_again_is_not_sent() -> None:
    run = boxes(1)
    goes_wrong(run, "StopInstances", "drop")

    def later() -> None:
        words = cloud(run).words["DescribeInstances"]
        words.clear()
        if sending.over(run.row(0).send_by, run.clock.at):  # the look answers, the reading after it does not
            words.extend([None, "fails"])

    run.clock.meanwhile = later
    assert run.go(verify_within=120) is P.HALTED
    assert run.row(0).attempts == 1
    assert "it was running after 120 s" in str(run.row(0).detail)


def test_what_a_dead_worker_left_open_is_unknown_first_and_then_looked_at() -> None:
    run = boxes(2)
    row = run.row(0)
    run.journal.intend(row, run.plan.targets[0].to_data(), now=NOW, send_by=NOW)
    assert run.go() is P.HALTED
    assert run.journal.entries[1:3] == [("step.unknown", 0), ("step.needs_human", 0)]
    assert run.journal.times[1:] == [NOW, run.clock.at]
    assert str(run.row(0).detail).startswith("the worker stopped between the intent and the answer; it was")
    assert run.states() == [S.NEEDS_HUMAN, S.NEW]


SKIPS: list[tuple[Callable[[Run], object], str]] = [
    (lambda run: setattr(cloud(run).boxes["i-0"], "gone", True), "it is gone"),
    (lambda run: goes_wrong(run, "DescribeInstances", "empty"), "it could not be looked at: "),
    (lambda run: goes_wrong(run, "DescribeInstances", "fails"), "it could not be looked at: "),
    (lambda run: cloud(run).boxes["i-0"].tags.update(team="web"), "its tags changed (team)"),
]


@pytest.mark.case("T16", "T18")
@pytest.mark.parametrize(("before", "said"), SKIPS)
def test_what_is_not_as_the_plan_froze_it_is_left_alone(before: Callable[[Run], object], said: str) -> None:
    run = boxes(3)
    before(run)
    assert run.go() is P.PARTIAL
    assert run.states() == [S.SKIPPED, S.DONE, S.DONE]
    assert str(run.row(0).detail).startswith(said)
    assert (run.row(0).attempts, run.row(0).ended_at) == (0, NOW)


def test_what_an_owner_keeps_or_a_tag_protects_is_asked_before_each_call() -> None:
    run = boxes(3)
    kept = {"i-1": "kept by <@U_ANN> until Friday: load test"}
    assert run.go(spared=lambda target: kept.get(target.id)) is P.PARTIAL
    assert run.row(1).detail == kept["i-1"]
    run = boxes(1)
    assert run.go(never=["environment=DEV"]) is P.HALTED
    assert run.row(0).detail == "its tag Environment=dev protects it"


@pytest.mark.parametrize("operation", ["DryRun", "CreateTags", "StopInstances"])
def test_a_keep_that_comes_after_the_look_is_in_time_for_each_call_and_counts_as_no_failure(
    operation: str,
) -> None:
    run = boxes(1)
    goes_wrong(run, operation, "throttle")
    kept: list[str] = []
    run.clock.meanwhile = lambda: kept.append("kept by <@U_ANN> until Friday: load test")
    assert run.go(spared=lambda _: kept[0] if kept else None) is P.PARTIAL
    assert run.journal.entries == [("step.intent", 0), ("step.skip", 0)]
    said = "kept by <@U_ANN> until Friday: load test. Kept since it was read; the change was not sent"
    assert (run.row(0).state, run.row(0).detail, run.row(0).changed) == (S.SKIPPED, said, False)
    assert cloud(run).boxes["i-0"].stopped is None


def test_more_than_half_skipped_halts_unless_their_owners_keep_them() -> None:
    run = boxes(4)
    for key in ("i-0", "i-1", "i-2"):
        cloud(run).boxes[key].tags["team"] = "web"
    assert run.go() is P.HALTED
    assert run.states() == [S.SKIPPED, S.SKIPPED, S.SKIPPED, S.NEW]
    half = boxes(4)
    for key in ("i-0", "i-1"):
        cloud(half).boxes[key].tags["team"] = "web"
    assert half.go() is P.PARTIAL
    kept = boxes(4)
    assert kept.go(spared=lambda _: "kept by <@U_ANN>") is P.PARTIAL
    assert kept.states() == [S.SKIPPED] * 4


def test_an_undo_goes_on_however_much_is_skipped() -> None:
    run = boxes(4, plan=lambda plan: replace(plan, undo_of="plan-0"))
    for key in ("i-0", "i-1", "i-2"):
        cloud(run).boxes[key].tags["team"] = "web"
    assert run.go() is P.PARTIAL
    assert run.states() == [S.SKIPPED, S.SKIPPED, S.SKIPPED, S.DONE]


class Leaves(Exception):
    """The worker is told to stop."""


def test_a_worker_is_asked_before_each_step_whether_it_is_to_go_on() -> None:
    run = boxes(3)
    asked: list[float] = []

    def wait(seconds: float) -> None:
        asked.append(seconds)
        if asked.count(0) == 3:
            raise Leaves
        run.clock.wait(seconds)

    with pytest.raises(Leaves):
        run.go(wait=wait)
    assert run.states() == [S.DONE, S.INTENT, S.NEW]


@pytest.mark.parametrize("operation", ["DryRun", "CreateTags", "StopInstances"])
def test_each_call_asks_the_kill_switch_and_the_clock_before_it_is_sent(operation: str) -> None:
    killed = boxes(1)
    goes_wrong(killed, operation, "throttle")
    killed.clock.meanwhile = lambda: setattr(killed.journal, "on", True)
    assert killed.go() is P.HALTED
    assert (killed.row(0).code, killed.row(0).detail) == (
        "KillSwitch",
        "the kill switch went on before the call; nothing was sent",
    )
    late = boxes(1)
    goes_wrong(late, operation, *["throttle"] * 20)
    assert late.go() is P.FAILED
    assert (late.row(0).code, late.row(0).detail) == (
        "NotSent",
        "the cloud did not take the call within its time",
    )
    assert late.clock.at == NOW + timedelta(seconds=30)
    assert late.clock.waits[1] == 2 * late.clock.waits[0]


def test_a_run_that_is_killed_between_two_waves_is_halted() -> None:
    run = boxes(3, pause=60)
    run.pass_over()
    run.journal.on = True
    run.clock.at += 2 * MINUTE
    assert run.pass_over() == Outcome(P.HALTED)
    assert run.states() == [S.DONE, S.NEW, S.NEW]


def test_failures_that_are_allowed_leave_it_partial() -> None:
    run = boxes(3, stop_after_failures=2)
    goes_wrong(run, "StopInstances", None, "deny")
    assert run.go() is P.PARTIAL
    assert run.states() == [S.DONE, S.FAILED, S.DONE]


def test_the_rows_may_come_in_any_order() -> None:
    run = boxes(3)
    run.journal.rows = dict(reversed(run.journal.rows.items()))
    assert run.go() is P.SUCCEEDED
    stops: list[Any] = [entry for entry in run.journal.entries if entry[0] == "step.intent"]
    assert [number for _, number in stops] == [0, 1, 2]


def after(given: Callable[..., Any]) -> dict[str, Any]:
    """The actions, of which the stop does one thing otherwise."""
    return {"registry": {"aws.stop_instances": type("Other", (StopInstances,), {given.__name__: given})()}}


def test_what_an_earlier_attempt_left_broken_is_not_tried_over_it() -> None:
    def reached(*_: Any, **__: Any) -> None:
        raise ActionFailed("i-0", "Broken", "its snapshot is in error")

    run = boxes(1)
    assert run.go(**after(reached)) is P.HALTED
    assert run.row(0).state is S.SKIPPED
    assert run.row(0).detail == "an earlier attempt failed: its snapshot is in error"


def test_what_turns_out_to_have_failed_after_it_was_accepted_has_failed() -> None:
    def reached(_: Any, clouds: Pocket, target: Target, *__: Any, **___: Any) -> None:
        if clouds.boxes[target.id].stopped:
            raise ActionFailed(target.id, "Broken", "it went into error")

    run = boxes(1)
    assert run.go(**after(reached)) is P.FAILED
    assert (run.row(0).code, run.row(0).detail) == ("Broken", "it went into error")
    assert run.row(0).ended_at == NOW


def test_a_look_that_fails_is_no_evidence_and_the_next_one_tells() -> None:
    run = boxes(1)
    goes_wrong(run, "DescribeInstances", *[None] * 2, "fails", "fails")
    assert run.go() is P.SUCCEEDED
    assert run.clock.waits == [5, 7.5]


def test_an_action_that_could_not_read_what_it_needs_has_sent_nothing() -> None:
    def apply(*_: Any, **__: Any) -> None:
        raise Unreadable("the image could not be read")

    run = boxes(1)
    assert run.go(**after(apply)) is P.FAILED
    assert (run.row(0).code, run.row(0).detail) == ("Unreadable", "the image could not be read")


def test_a_change_that_no_tag_marks_is_told_by_the_state_alone() -> None:
    run = boxes(1)
    goes_wrong(run, "StopInstances", "lose")
    unmarked = type("Unmarked", (StopInstances,), {"marks": False})()
    assert run.go(registry={"aws.stop_instances": unmarked}) is P.SUCCEEDED
    assert run.row(0).detail == "its answer was lost; it was running before and is stopped"
    assert run.row(0).changed


def twice(plan: Plan) -> Plan:
    return replace(plan, steps=(*plan.steps, replace(plan.steps[0], id="again")))


def test_a_step_goes_on_from_what_the_one_before_it_left() -> None:
    run = boxes(2, plan=twice)
    assert run.go() is P.SUCCEEDED
    assert [(step.step, step.target, step.attempts) for step in run.journal.steps()] == [
        ("stop", "i-0", 1),
        ("again", "i-0", 0),
        ("stop", "i-1", 1),
        ("again", "i-1", 0),
    ]


def test_a_step_whose_predecessor_failed_is_left_out() -> None:
    run = boxes(1, plan=twice, stop_after_failures=2)
    goes_wrong(run, "StopInstances", "deny")
    assert run.go() is P.HALTED
    assert run.states() == [S.FAILED, S.SKIPPED]
    assert run.row(1).detail == "the step before it was not done"


def test_the_waits_of_a_throttled_call_double_and_spread_by_half_a_second_at_most() -> None:
    first, last = sending.back_off("0000" + "f" * 60), sending.back_off("ffff" + "0" * 60)
    assert [next(first) for _ in range(4)] == [0.75, 1.5, 3, 6]
    assert [next(last) for _ in range(4)] == [1.25, 2.5, 5, 10]
