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
