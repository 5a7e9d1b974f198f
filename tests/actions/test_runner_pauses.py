"""Between two waves: the plan's pause, and the health queries that have to hold for their minutes."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from actions.plan import Health, Plan, PlanState
from actions.runner import Outcome
from actions.step import StepState
from tests.actions.memory import MemoryJournal
from tests.actions.small import boxes, cloud
from tests.actions.world import NOW

S, P = StepState, PlanState
MINUTE = timedelta(minutes=1)


def test_a_pause_is_taken_between_two_waves_and_not_after_the_last() -> None:
    run = boxes(3, pause=60)
    first = run.pass_over()
    ended = run.row(0).ended_at
    assert ended is not None
    assert first == Outcome(P.RUNNING, ended + MINUTE)
    run.clock.at = ended + MINUTE - timedelta(seconds=1)
    assert run.pass_over() == first
    assert run.states() == [S.DONE, S.NEW, S.NEW]
    run.clock.at = ended + MINUTE
    assert run.pass_over() == Outcome(P.SUCCEEDED)


class Watch:
    """A monitoring that finds a query ill from a moment on."""

    def __init__(self, ill: datetime | None = None) -> None:
        self.ill = ill
        self.asked: list[tuple[str, datetime, datetime]] = []

    def against(self, name: str, since: datetime, until: datetime) -> str | None:
        self.asked.append((name, since, until))
        return f"{name} is ill" if self.ill and until >= self.ill else None


def watched(plan: Plan) -> Plan:
    return replace(plan, health=Health(("errors", "latency"), 1))


@pytest.mark.case("T27")
def test_health_is_asked_every_half_minute_for_its_minutes_after_each_wave() -> None:
    run, watch = boxes(2, plan=watched), Watch()
    first = run.pass_over(health=watch)
    ended = run.row(0).ended_at
    assert ended is not None
    assert first == Outcome(P.RUNNING, ended + MINUTE / 2)
    assert watch.asked == [("errors", ended, ended), ("latency", ended, ended)]
    run.clock.at = ended + timedelta(seconds=45)
    assert run.pass_over(health=watch) == Outcome(P.RUNNING, ended + MINUTE)
    run.clock.at = ended + MINUTE
    assert run.pass_over(health=watch).until == (run.row(1).ended_at or NOW) + MINUTE / 2
    assert run.states() == [S.DONE, S.DONE]
    assert run.go(health=watch) is P.SUCCEEDED


@pytest.mark.case("T27")
def test_a_query_that_speaks_against_it_ends_the_run_with_its_words() -> None:
    run = boxes(2, plan=watched)
    assert run.pass_over(health=Watch(NOW)) == Outcome(P.FAILED, sick="errors is ill")
    assert run.states() == [S.DONE, S.NEW]


def test_a_query_that_nobody_answers_is_not_taken_for_health() -> None:
    run = boxes(2, plan=watched)
    said = "nobody answers the health query errors; set where it is asked"
    assert run.pass_over() == Outcome(P.FAILED, sick=said)


def test_a_wave_that_changed_nothing_waits_for_nothing() -> None:
    run = boxes(3, plan=watched, pause=60)
    cloud(run).boxes["i-0"].stop(NOW - MINUTE)
    run.journal = MemoryJournal(run.journal.steps())
    found = run.pass_over(health=Watch())
    assert run.states() == [S.DONE, S.DONE, S.DONE]
    assert found.state is P.RUNNING


def test_the_longer_of_health_and_pause_counts() -> None:
    run = boxes(2, plan=watched, pause=90)
    run.pass_over(health=Watch())
    ended = run.row(0).ended_at
    assert ended is not None
    run.clock.at = ended + MINUTE
    assert run.pass_over(health=Watch()) == Outcome(P.RUNNING, ended + timedelta(seconds=90))


class Hold:
    """What holds a run back, answer after answer; then nothing does."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self) -> str | None:
        self.asked += 1
        return self.answers.pop(0) if self.answers else None


@pytest.mark.case("T32")
def test_each_wave_but_the_canary_asks_whether_it_may_begin_and_what_is_held_asks_every_half_minute() -> None:
    run, hold = boxes(4), Hold("an incident is open", "a freeze is on")
    first = run.pass_over(held=hold)
    assert first == Outcome(P.RUNNING, run.clock.at + MINUTE / 2, held="an incident is open")
    assert (run.states(), hold.asked) == ([S.DONE, S.NEW, S.NEW, S.NEW], 1)
    run.clock.at += MINUTE / 2
    assert run.pass_over(held=hold, was_held=True).held == "a freeze is on"
    assert run.pass_over(held=hold, was_held=True) == Outcome(P.SUCCEEDED)
    assert hold.asked == 4  # once for each of the two further waves, when nothing held them


def test_what_is_held_past_its_execute_by_is_over() -> None:
    run = boxes(3)
    run.pass_over(held=Hold("a freeze is on"))
    run.clock.at = run.plan.execute_by - timedelta(seconds=10)
    assert run.pass_over(held=Hold("a freeze is on"), was_held=True).until == run.plan.execute_by
    run.clock.at = run.plan.execute_by
    over = run.pass_over(held=Hold("a freeze is on"), was_held=True)
    assert over == Outcome(P.HALTED, held="a freeze is on")
    assert run.states() == [S.DONE, S.NEW, S.NEW]


def test_a_run_that_nothing_holds_may_go_on_past_its_execute_by() -> None:
    run = boxes(3)
    run.clock.at = run.plan.execute_by
    assert run.go(held=Hold()) is P.SUCCEEDED


def test_a_wave_is_not_blamed_for_what_happened_while_the_next_one_was_held() -> None:
    run, watch = boxes(3, plan=watched, pause=60), Watch()
    run.pass_over(health=watch)
    run.clock.at += MINUTE
    assert run.pass_over(health=watch, held=Hold("an incident is open")).held
    watch.asked.clear()
    run.clock.at += MINUTE
    ill = Watch(run.clock.at)
    assert run.pass_over(health=ill, held=Hold("an incident is open"), was_held=True).held
    assert ill.asked == []
    assert run.pass_over(health=ill, held=Hold(), was_held=True).state is P.FAILED  # its own wave is judged
    assert {since for _, since, _ in ill.asked} == {run.row(2).ended_at}


def test_the_kill_switch_comes_before_what_holds_a_run() -> None:
    run, hold = boxes(3), Hold("an incident is open")
    run.pass_over(held=hold)
    run.journal.on = True
    assert run.pass_over(held=hold, was_held=True) == Outcome(P.HALTED)
    assert hold.asked == 1
