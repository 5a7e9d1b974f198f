"""What the cloud answers, or does not: unknown outcomes, throttling, slow changes and crashes."""

import copy
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from actions import sending
from actions.errors import TakenOver
from actions.plan import PlanState
from actions.rollout import steps_of
from actions.step import Step, StepState
from tests.actions.journal_contract import row
from tests.actions.memory import MemoryJournal
from tests.actions.proxy import Proxy
from tests.actions.running import Run, boxes, frozen, stops
from tests.actions.world import NOW, World, backend

S, P = StepState, PlanState


@pytest.mark.parametrize("fault", ["lose", "garble"])
def test_a_lost_answer_is_looked_at_and_never_sent_again(world: World, proxy: Proxy, fault: str) -> None:
    targets = boxes(world, 3)
    run = Run(world, frozen(targets))
    proxy.fault = lambda name, body: fault if name == "StopInstances" and targets[1].id in body else None
    assert run.go() is P.SUCCEEDED
    assert stops(proxy) == [target.id for target in targets]
    assert ("step.unknown", 1) in run.journal.entries
    assert ("step.reconcile", 1) in run.journal.entries
    assert world.state(targets[1].id) == "stopped"


@pytest.mark.parametrize("fault", ["drop", "html"])
def test_an_outcome_that_no_look_can_tell_halts_for_a_person(world: World, proxy: Proxy, fault: str) -> None:
    targets = boxes(world, 3)
    run = Run(world, frozen(targets))
    proxy.fault = lambda name, body: fault if name == "StopInstances" and targets[0].id in body else None
    assert run.go() is P.HALTED
    assert run.states() == [S.NEEDS_HUMAN, S.NEW, S.NEW]
    assert "it was running after 20 s. Look at it before anything is repeated." in str(run.row(0).detail)
    assert stops(proxy) == [targets[0].id]


def test_what_is_unknown_is_looked_at_before_the_next_call_of_its_wave(world: World, proxy: Proxy) -> None:
    targets = boxes(world, 3)
    run = Run(world, frozen(targets))
    proxy.fault = lambda name, body: "drop" if name == "StopInstances" and targets[1].id in body else None
    assert run.go() is P.HALTED
    assert run.states() == [S.DONE, S.NEEDS_HUMAN, S.NEW]
    assert stops(proxy) == [targets[0].id, targets[1].id]


def test_a_change_that_takes_a_while_is_waited_for(world: World) -> None:
    targets = boxes(world, 3)
    run = Run(world, frozen(targets))
    slow = [backend("ec2").get_instance(target.id) for target in targets]

    def settle() -> None:
        for instance in slow:
            instance._state.name = "stopped" if len(run.clock.waits) > 2 else "stopping"

    run.clock.meanwhile = settle
    for instance in slow:
        instance.stop = lambda instance=instance: stopping(instance)
    assert run.go() is P.SUCCEEDED
    assert run.clock.waits[:3] == [5, 7.5, 11.25]


def stopping(instance: Any) -> Any:
    """As EC2 does it, where moto is done at once."""
    before = copy.copy(instance._state)
    instance._state.name = "stopping"
    return before


def test_a_change_that_never_shows_halts_for_a_person(world: World, proxy: Proxy) -> None:
    targets = boxes(world, 2)
    instance = backend("ec2").get_instance(targets[0].id)
    instance.stop = lambda: stopping(instance)
    run = Run(world, frozen(targets))
    assert run.go() is P.HALTED
    assert run.states() == [S.NEEDS_HUMAN, S.NEW]
    assert "the cloud accepted the call, but it was stopping after 20 s" in str(run.row(0).detail)
    assert len(stops(proxy)) == 1


@pytest.mark.case("T24")
@pytest.mark.parametrize("fault", ["limit", "throttle"])
@pytest.mark.parametrize("operation", ["DryRun StopInstances", "CreateTags", "StopInstances"])
def test_a_throttled_call_was_not_applied_and_is_sent_again(
    world: World, proxy: Proxy, operation: str, fault: str
) -> None:
    run = Run(world, frozen(boxes(world, 1)))
    refusals = iter([fault, fault])
    proxy.fault = lambda name, _body: next(refusals, None) if name == operation else None
    assert run.go() is P.SUCCEEDED
    assert [one.accepted for one in proxy.requests if one.action == operation][:2] == [False, False]
    assert sum(one.accepted for one in proxy.requests if one.action == "StopInstances") == 1
    first, second = run.clock.waits
    assert 0.75 <= first <= 1.25
    assert second == 2 * first


def test_two_steps_do_not_come_back_at_the_same_moment() -> None:
    pauses = {next(sending.back_off(row(number).key)) for number in range(20)}
    assert len(pauses) == 20
    assert all(0.75 <= pause <= 1.25 for pause in pauses)


def test_a_call_that_is_throttled_until_its_time_is_over_fails(world: World, proxy: Proxy) -> None:
    run = Run(world, frozen(boxes(world, 1)))
    proxy.fault = lambda name, _body: "limit" if name == "StopInstances" else None
    assert run.go() is P.FAILED
    assert run.row(0).code == "NotSent"
    assert run.clock.at == NOW + timedelta(seconds=30)


def test_an_intent_that_took_too_long_is_not_sent(world: World, proxy: Proxy) -> None:
    run = Run(world, frozen(boxes(world, 1)))

    class Slow(MemoryJournal):
        """Takes half a minute to write an intent."""

        def intend(self, step: Step, before: Mapping[str, Any], *, now: datetime, send_by: datetime) -> Step:
            run.clock.at = send_by
            return super().intend(step, before, now=now, send_by=send_by)

    run.journal = Slow(steps_of(run.plan))
    assert run.go() is P.FAILED
    assert (run.row(0).code, stops(proxy)) == ("NotSent", [])


class Crash(Exception):
    """The worker dies here."""


@pytest.mark.parametrize("last", ["step.intent", "step.done"])
@pytest.mark.parametrize("at", range(4))
def test_after_a_crash_anywhere_the_run_goes_on_without_a_second_call(
    world: World, proxy: Proxy, last: str, at: int
) -> None:
    targets = boxes(world, 4)

    class Dying(MemoryJournal):
        """Dies before it wrote an outcome, or after it wrote an intent."""

        def _move(self, step: Step, to: StepState, event: str, now: datetime, **what: Any) -> Step:
            dies = (event, step.number) == (last, at)
            if dies and last == "step.done":
                raise Crash
            moved = super()._move(step, to, event, now, **what)
            if dies:
                raise Crash
            return moved

    run = Run(world, frozen(targets), Dying(steps_of(frozen(targets))))
    with pytest.raises(Crash):
        run.go()
    again = Run(world, run.plan, MemoryJournal(run.journal.steps()))
    outcome = again.go()
    if last == "step.done":
        assert outcome is P.SUCCEEDED
        assert stops(proxy) == [target.id for target in targets]
    else:  # the call was never sent: nobody can know, so a person looks
        assert outcome is P.HALTED
        assert again.row(at).state is S.NEEDS_HUMAN
        assert targets[at].id not in stops(proxy)
    assert len(stops(proxy)) == len(set(stops(proxy)))


def test_a_finished_run_that_is_run_again_calls_nothing(world: World, proxy: Proxy) -> None:
    run = Run(world, frozen(boxes(world, 3)))
    assert run.go() is P.SUCCEEDED
    proxy.reset()
    assert run.go() is P.SUCCEEDED
    assert proxy.calls == []


def test_a_worker_that_lost_the_run_sends_nothing_more(world: World, proxy: Proxy) -> None:
    run = Run(world, frozen(boxes(world, 3), pause=1))

    def lose() -> None:
        run.journal.taken = True

    run.clock.meanwhile = lose
    with pytest.raises(TakenOver):
        run.go()
    assert len(stops(proxy)) == 1
