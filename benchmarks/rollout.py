"""A run of 500 targets with a tenth of its calls throttled and three kills: all done, and cost flat."""

import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from actions.plan import Plan, PlanState
from actions.rollout import waves
from actions.step import Step, StepState
from benchmarks import _scene as scene
from bot import main as bursar
from bot.settings import adopt, load
from flows import approvals
from flows.desk import Desk
from runbooks.schema import Runbook
from storage import blast, plans, tables

FEW, HALF, MANY = 50, 250, 500
#: The worker is killed when so many targets are done.
KILLED_AT = (40, 170, 340)
THROTTLED = 10
FLAT = 1.25
SETTINGS = "caps: { targets_per_day: 5000, percent_of_fleet: 100 }\nwave_pause: 1\nowner_warning: 0\n"
GOING = (PlanState.APPROVED, PlanState.RUNNING)
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure what a target costs in a small and in a large run, then kill the worker in a large one."""
    costs = {count: _whole(count) for count in (FEW, HALF, MANY)}
    told = ", ".join(f"{1000 * cost / count:.1f} ms of {count}" for count, cost in costs.items())
    print(f"the worker's CPU per target: {told}")
    first = (costs[HALF] - costs[FEW]) / (HALF - FEW)
    last = (costs[MANY] - costs[HALF]) / (MANY - HALF)
    print(f"a further target: {1000 * first:.1f} ms up to {HALF}, {1000 * last:.1f} ms beyond")
    scene.verdict(f"cost per target, {MANY} / {FEW}", costs[MANY] / MANY / (costs[FEW] / FEW), FLAT, "times")
    _whole(MANY, KILLED_AT)


def _whole(count: int, killed_at: tuple[int, ...] = ()) -> float:
    """One run of so many targets from its approval to its end; the CPU seconds of its workers."""
    with tempfile.TemporaryDirectory() as folder, scene.surroundings(throttled=THROTTLED) as around:
        given = scene.environment(around, Path(folder))
        with (Path(folder) / "bursar.yaml").open("a", encoding="utf-8") as settings:
            settings.write(SETTINGS)
        adopt({key: value for key, value in given.items() if key.startswith("AWS_")})
        desk = _wide(bursar.open_desk(load(given), clouds=True))
        plan = _approved(desk, count)
        began, used = time.monotonic(), 0.0
        for at in killed_at:
            used += _worked(desk, plan, given, until=at, kill=True)
        used += _worked(desk, plan, given, until=count)
        seconds = time.monotonic() - began
        print(f"{count} targets, {THROTTLED} % throttled, {len(killed_at)} kills: {seconds:.0f} s")
        _told(around, desk, plan)
        desk.store.close()
    return used


def _wide(desk: Desk) -> Desk:
    """The desk with a runbook that may touch as many (the shipped one stops at 25) and no Slack to ask."""
    book: Runbook = desk.runbooks["stop-idle-dev"]
    wide = book.model_copy(update={"guards": book.guards.model_copy(update={"max_targets": MANY})})
    return replace(desk, runbooks={book.name: wide}, directory=None)


def _approved(desk: Desk, count: int) -> Plan:
    """A plan on so many machines, as a sweep proposes it, with its approval."""
    assert desk.clouds is not None
    client: Any = desk.clouds.client(scene.ACCOUNT, "ec2", scene.REGION)
    image = client.describe_images()["Images"][0]["ImageId"]
    made = client.run_instances(ImageId=image, MinCount=count, MaxCount=count)["Instances"]
    rows = client.describe_instances(InstanceIds=[row["InstanceId"] for row in made])["Reservations"]
    found = [row for reservation in rows for row in reservation["Instances"]]
    plan = scene.proposed(desk, found)
    return approvals.approve(desk, plan.id, actor=scene.APPROVER, shown=plan.hash, now=datetime.now(UTC))


def _worked(desk: Desk, plan: Plan, given: Mapping[str, str], *, until: int, kill: bool = False) -> float:
    """Let a worker work until so many are done, then end it; its CPU seconds without its start."""
    with _worker(given) as pid:
        start = _cpu(pid)
        if kill:
            scene.until(lambda: _done(desk, plan) >= until, f"{until} targets are done", 900)
        else:
            scene.until(lambda: _row(desk, plan).state not in GOING, "the run has ended", 900)
        used = _cpu(pid) - start
        if kill:
            os.kill(pid, signal.SIGKILL)
    return used


@contextmanager
def _worker(given: Mapping[str, str]) -> Iterator[int]:
    log = Path(given["BURSAR_HOME"]) / f"worker-{time.monotonic_ns()}.log"
    with scene.process(["-m", "benchmarks.rollout", "work"], given, log) as pid:
        scene.until(lambda: log.exists() and "is at work" in log.read_text(), "the worker is at work")
        yield pid


def work() -> None:
    """Be a worker as `bursar work` is one, with the wide runbook."""
    import logging

    from bot import sender
    from bot.jobs import HANDLERS
    from bot.worker import Work, Worker, locks_of
    from flows import overdue, runs

    logging.basicConfig(level=logging.INFO)
    settings = load()
    desk = _wide(bursar.open_desk(settings, clouds=True))
    duties = Work(HANDLERS, runs.ready, runs.execute, overdue.expire)
    slack = sender.client(settings.secrets)
    worker = Worker(desk, duties, locks_of(desk.store, settings.home), bursar.now, slack)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.run()


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _row(desk: Desk, plan: Plan) -> tables.Plan:
    with desk.store.reading() as session:
        row = session.get(tables.Plan, plan.id)
    assert row is not None
    return row


def _steps(desk: Desk, plan: Plan) -> list[Step]:
    with desk.store.reading() as session:
        return plans.steps(session, plan.id)


def _done(desk: Desk, plan: Plan) -> int:
    return sum(step.state is StepState.DONE for step in _steps(desk, plan))


def _told(around: scene.Surroundings, desk: Desk, plan: Plan) -> None:
    """Whether each target was stopped once, in waves of their sizes, one wave after the other."""
    steps, calls = _steps(desk, plan), around.accepted("StopInstances")
    wave = {step.target: step.wave for step in steps}
    sizes = list(Counter(wave.values()).values())
    order = [wave[target] for target in calls]
    print(
        f"  {_row(desk, plan).state}; targets by state {dict(Counter(str(step.state) for step in steps))}, "
        f"by accepted stops {dict(Counter(Counter(calls)[target] for target in wave))}; "
        f"waves {sizes}, {'as' if sizes == waves(len(wave), 1) else 'NOT as'} planned and "
        f"{'one after the other' if order == sorted(order) else 'NOT one after the other'}"
    )
    with desk.store.reading() as session:
        (taken,) = blast.of_day(session, desk.org.caps.day(datetime.now(UTC)))
    print(f"  the day's ledger: {taken.targets} targets for {len(set(calls))} that were stopped")


if __name__ == "__main__":
    work() if sys.argv[1:] == ["work"] else main()
