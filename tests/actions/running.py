"""Runs for the tests: a clock that only waits move, a run over the journal in memory, idle boxes."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from actions import planning
from actions.approval import BURSAR
from actions.base import Clouds, Target
from actions.plan import Plan, PlanState, Rollout
from actions.registry import ACTIONS, action
from actions.rollout import steps_of
from actions.runner import Outcome, Runner
from actions.step import Step, StepState
from tests.actions.examples import runbook
from tests.actions.memory import MemoryJournal
from tests.actions.proxy import Proxy
from tests.actions.world import ACCOUNT, NOW, REGION, World

S, P = StepState, PlanState


class Clock:
    """Time that passes only when somebody waits, and what happens meanwhile."""

    def __init__(self) -> None:
        self.at = NOW
        self.waits: list[float] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        return self.at

    def wait(self, seconds: float) -> None:
        if seconds:  # without, a run only asks whether it is to go on
            self.waits.append(seconds)
            self.at += timedelta(seconds=seconds)
            self.meanwhile()


class Place(Protocol):
    """A world, as far as a run needs one."""

    @property
    def clouds(self) -> Clouds: ...


class Run:
    """One run in a world."""

    def __init__(self, world: Place, plan: Plan, journal: MemoryJournal | None = None) -> None:
        self.world, self.plan, self.clock = world, plan, Clock()
        self.journal = journal or MemoryJournal(steps_of(plan))

    def go(self, **given: Any) -> PlanState:
        """Take it to its end; the time of its pauses passes at once."""
        while (found := self.pass_over(**given)).until:
            self.clock.wait((found.until - self.clock.at).total_seconds())
        return found.state

    def pass_over(self, **given: Any) -> Outcome:
        """One pass over its rows, as a worker does it."""
        was_held = bool(given.pop("was_held", False))
        told = {"now": self.clock.now, "wait": self.clock.wait, "verify_within": 20, "poll_every": 5, **given}
        runner = Runner(self.world.clouds, self.journal, told.pop("registry", ACTIONS), **told)
        return runner.run(self.plan, self.journal.steps(), was_held=was_held)

    def states(self) -> list[StepState]:
        return [step.state for step in self.journal.steps()]

    def row(self, number: int) -> Step:
        return self.journal.steps()[number]


def frozen(targets: Sequence[Target], name: str = "stop-idle-dev", **rollout: int) -> Plan:
    return planning.freeze(
        runbook(name),
        targets,
        plan_id="plan-1",
        approvers={"U_ANN", "U_BOB"},
        requested_by=BURSAR,
        reason="a test",
        now=NOW,
        rollout=Rollout(**rollout),
    )


def boxes(world: World, count: int) -> list[Target]:
    """Instances, read as a plan freezes them; the order is that of their making."""
    names = [world.instance(f"box-{n}") for n in range(count)]
    stop = action("aws.stop_instances")
    asked = [Target(name, ACCOUNT, REGION, "instance", name, identity="", state="running") for name in names]
    return [found for one in asked if (found := stop.read(world.clouds, one))]


def stops(proxy: Proxy) -> list[str]:
    """The ids for which a stop arrived, in order."""
    return [body.split("InstanceId.1=")[1].split("&")[0] for body in proxy.of("StopInstances")]
