"""Runs an approved plan: canary, waves, one intent before each call, and a look instead of a repeat."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from actions import sending
from actions.base import RUN_TAG, Action, Clouds, Params, Target
from actions.crash import crashpoint
from actions.errors import ActionFailed, OutcomeUnknown, Unreadable
from actions.guards import protection
from actions.health import EVERY, Health
from actions.journal import Journal
from actions.plan import Plan, PlanState
from actions.say import KEPT, SPARED
from actions.step import MOST_ATTEMPTS, Step, StepState

S = StepState
#: The longest time between two looks at what was sent; they begin `poll_every` apart and come slower.
SLOWEST_POLL = 15.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one pass over a run came out.

    Attributes:
        state: how the run ended, or RUNNING where it goes on at `until`.
        sick: the health query that speaks against what was done, in words.
        held: what held back its next wave, in words.
    """

    state: PlanState
    until: datetime | None = None
    sick: str | None = None
    held: str | None = None


class Runner:
    """Does what a plan says, once. Everything it knows is in the journal, so any worker can go on.

    What it promises, in words: at most one accepted effect per step, or a row that says a person must
    look. An intent is durable before its call; each call asks the journal, right before it is sent,
    whether this worker still holds the run, and is not sent after `send_by`. So whoever comes next, and
    waits until that call is certainly over, is alone with the target. A worker that was taken over
    writes nothing and sends nothing. What remains is a process that is paused inside the sending itself,
    between the question and the wire.

    Args:
        now: the clock.
        wait: sleeps for some seconds; it may raise to leave the run, which then waits in its rows. Asked
            with 0 before each step, so that a worker that was told to stop begins no other.
        never: protecting tag patterns of the settings and the runbook, asked again before each call.
        spared: why this target is left alone now, in words, or None; asked at its look and before its calls.
        held: why no further wave may begin now, in words, or None; the canary begins with the run.
        health: answers the plan's health queries; without it a plan that names one fails.
        verify_within: seconds in which a change must show; EC2 takes a minute to stop an instance.
        poll_every: seconds between the first two looks.
    """

    def __init__(
        self,
        clouds: Clouds,
        journal: Journal,
        registry: Mapping[str, Action],
        *,
        now: Callable[[], datetime],
        wait: Callable[[float], None],
        never: Sequence[str] = (),
        spared: Callable[[Target], str | None] = lambda _: None,
        held: Callable[[], str | None] = lambda: None,
        health: Health | None = None,
        verify_within: float = 300,
        poll_every: float = 2,
    ) -> None:
        self.clouds, self.journal, self.registry = clouds, journal, registry
        self.now, self.wait, self.never = now, wait, tuple(never)
        self.spared, self.held, self.health = spared, held, health
        self.verify_within, self.poll_every = timedelta(seconds=verify_within), poll_every

    def run(self, plan: Plan, steps: Sequence[Step], *, was_held: bool = False) -> Outcome:
        """Run the steps that have not ended, until the run ends or pauses between two waves.

        Rows left in INTENT by a worker that died are looked at first. Call it for such a run only once
        the dead worker cannot send any more (`sending.over`). The last wave of one that `was_held` was
        judged before that, and is not blamed for what happened since.

        Returns:
            RUNNING: it pauses; call again at `until`. SUCCEEDED: everything is as planned. PARTIAL:
            something was skipped, or failed within what the plan allows. FAILED: failures or a health
            query stopped it. HALTED: the kill switch, too many skipped, held past its execute-by, or
            a person must look.

        Raises:
            TakenOver: another worker holds this run now.
        """
        return _Run(self, plan, steps, was_held=was_held).through()


class _Run:
    """One pass over the rows of one plan."""

    def __init__(self, runner: Runner, plan: Plan, steps: Sequence[Step], *, was_held: bool) -> None:
        self.by, self.journal, self.plan = runner, runner.journal, plan
        self.rows = {step.number: step for step in steps}
        self.waves: dict[int, list[int]] = defaultdict(list)
        self.steps_of: dict[str, list[int]] = defaultdict(list)
        self.states: dict[StepState, set[int]] = {state: set() for state in StepState}
        for step in sorted(steps, key=lambda step: step.number):
            self.waves[step.wave].append(step.number)
            self.steps_of[step.target].append(step.number)
            self.states[step.state].add(step.number)
        self.targets = {target.id: target for target in plan.targets}
        self.params = {step.id: self._params(step.action, step.params) for step in plan.steps}
        self.killed, self.was_held = False, was_held
        self.sick: str | None = None
        self.held: str | None = None

    def through(self) -> Outcome:
        self._look_at_what_was_sent()
        for wave in sorted(self.waves):
            if until := self._hold(wave):
                return Outcome(PlanState.RUNNING, until, held=self.held)
            if self._is_stopped():
                break
            for step in self.plan.steps:
                self._part([n for n in self.waves[wave] if self.rows[n].step == step.id])
            if not self.was_held and (until := self._settle(wave)):
                return Outcome(PlanState.RUNNING, until)
        return Outcome(self._state(), sick=self.sick, held=self.held)

    def _look_at_what_was_sent(self) -> None:
        """Before anything else: what a worker that died left open."""
        for row in self._in(S.INTENT):
            detail = "the worker stopped between the intent and the answer"
            self._keep(self.journal.unknown(row, detail, now=self.by.now()))
            crashpoint("step.unknown")
        self._verify()

    def _part(self, numbers: Sequence[int]) -> None:
        """One runbook step on a wave's targets: all are sent, then all are looked at."""
        for number in numbers:
            if self.rows[number].state is not S.NEW:
                continue
            self.by.wait(0)
            if self._is_stopped():
                break
            self._begin(self.rows[number])
            if self.rows[number].state is S.UNKNOWN:
                self._verify()  # what is unknown is looked at before the next call
        self._verify()

    def _hold(self, wave: int) -> datetime | None:
        """Until when the run pauses before this wave; what is held past its execute-by is over."""
        if not wave or self._is_stopped() or all(self.rows[n].state is not S.NEW for n in self.waves[wave]):
            return None
        now, self.held = self.by.now(), self.by.held()
        self.was_held = False  # from here on a wave that ends is judged
        return min(now + EVERY, self.plan.execute_by) if self.held and now < self.plan.execute_by else None

    def _settle(self, wave: int) -> datetime | None:
        """Until when the run pauses after this wave: for its health queries, and for the plan's pause.

        Told from the rows alone, so that whoever takes the run up waits only what is left.
        """
        later = [number for other in self.waves if other > wave for number in self.waves[other]]
        rows = [self.rows[number] for number in self.waves[wave]]
        ended = [row.ended_at for row in rows if row.changed and row.ended_at]
        if not ended or self._is_over() or any(self.rows[n].state is not S.NEW for n in later):
            return None
        now, since = self.by.now(), max(ended)
        self.sick = self._sick(since, now)
        if self.sick:
            return None
        healthy = since + timedelta(minutes=self.plan.health.minutes)
        rested = since + timedelta(seconds=self.plan.rollout.pause if later else 0)
        if now < healthy:
            return min(healthy, now + EVERY)
        return rested if now < rested else None

    def _sick(self, since: datetime, now: datetime) -> str | None:
        for name in self.plan.health.queries:
            if self.by.health is None:
                return f"nobody answers the health query {name}; set where it is asked"
            if reason := self.by.health.against(name, since, now):
                return reason
        return None

    def _begin(self, row: Step) -> None:
        action, params = self.by.registry[row.action], self.params[row.step]
        expected = self._expected(row)
        if expected is None:
            self._skip(row, "the step before it was not done")
            return
        try:
            fresh = action.read(self.by.clouds, expected)
            there = self._same(fresh, expected) and action.reached(
                self.by.clouds, expected, params, key=row.key
            )
        except Unreadable as error:
            self._skip(row, f"it could not be looked at: {error}")
            return
        except ActionFailed as error:
            self._skip(row, f"an earlier attempt failed: {error.detail}")
            return
        if there:
            self._keep(self.journal.done(row, there.to_data(), now=self.by.now()))
        elif fresh is None or (reason := self._against(action, expected, fresh)):
            self._skip(row, "it is gone" if fresh is None else str(reason))
        elif not self._is_killed():
            self._intend_and_send(row, fresh)

    def _expected(self, row: Step) -> Target | None:
        """The target as the step before it left it, or as the plan froze it."""
        before = [number for number in self.steps_of[row.target] if number < row.number]
        if not before:
            return self.targets[row.target]
        last = self.rows[before[-1]]
        return Target.from_data(last.after) if last.state is S.DONE and last.after else None

    @staticmethod
    def _same(fresh: Target | None, expected: Target) -> bool:
        return fresh is not None and fresh.identity == expected.identity

    def _against(self, action: Action, expected: Target, fresh: Target) -> str | None:
        if drift := expected.drift(fresh):
            return drift
        return protection(fresh, self.by.never) or action.unfit(fresh) or self.by.spared(fresh)

    def _intend_and_send(self, row: Step, target: Target) -> None:
        now = self.by.now()
        send_by = now + sending.SEND_WITHIN
        row = self._keep(self.journal.intend(row, target.to_data(), now=now, send_by=send_by))
        crashpoint("step.intended")
        self._keep(self._send(row, target, send_by))

    def _send(self, row: Step, target: Target, send_by: datetime) -> Step:
        """Send the change: its calls ask for leave, and only throttled ones are sent again, in time."""
        action, params = self.by.registry[row.action], self.params[row.step]
        leave, rest = partial(self._leave, target, send_by), partial(self._rest, send_by)
        clouds = sending.Cleared(self.by.clouds, leave, rest, row.key)
        try:
            action.apply(clouds, target, params, run=self.plan.id, key=row.key)
        except ActionFailed as error:
            if error.code == SPARED:
                return self.journal.skipped(row, error.detail, now=self.by.now())
            return self.journal.failed(row, error.code, error.detail, now=self.by.now())
        except Unreadable as error:
            return self.journal.failed(row, "Unreadable", str(error), now=self.by.now())
        except OutcomeUnknown as error:
            return self.journal.unknown(row, error.detail, now=self.by.now())
        crashpoint("step.sent")
        return row

    def _leave(self, target: Target, send_by: datetime) -> None:
        """Raise unless a call may be sent at this moment."""
        self.journal.still_mine()
        if self._is_killed():
            detail = "the kill switch went on before the call; nothing was sent"
            raise ActionFailed(target.id, "KillSwitch", detail)
        if why := self.by.spared(target):
            raise ActionFailed(target.id, SPARED, f"{why}. Kept since it was read; the change was not sent")
        if self.by.now() >= send_by:
            raise ActionFailed(target.id, "NotSent", "the cloud did not take the call within its time")

    def _rest(self, send_by: datetime, seconds: float) -> None:
        left = (send_by - self.by.now()).total_seconds()
        self.by.wait(max(0.0, min(seconds, left)))

    def _verify(self) -> None:
        """Look at everything that was sent until it shows, or the time for it is over."""
        deadline, pause = self.by.now() + self.by.verify_within, self.by.poll_every
        while True:
            repeated = [self._look(row) for row in self._in(S.INTENT, S.UNKNOWN)]
            if any(repeated):
                deadline = self.by.now() + self.by.verify_within  # sent again: it has its time again
            if not (waiting := self._in(S.INTENT, S.UNKNOWN)):
                return
            if self.by.now() >= deadline:
                break
            self.by.wait(pause)
            pause = min(SLOWEST_POLL, 1.5 * pause)
        for row in waiting:
            self._give_up(row)

    def _look(self, row: Step) -> bool:
        """Look whether the goal is reached; say whether the call was sent once more."""
        action, target = self.by.registry[row.action], Target.from_data(row.before or {})
        try:
            after = action.reached(self.by.clouds, target, self.params[row.step], key=row.key)
        except Unreadable:
            return False  # a failed look is no evidence; the next one may tell
        except ActionFailed as error:
            self._keep(self.journal.failed(row, error.code, error.detail, now=self.by.now()))
            return False
        if after is None:
            return row.state is S.UNKNOWN and self._repeat(row, action, target)
        crashpoint("step.reached")
        found, ours = self._attribution(row, action, target, after)
        done = self.journal.done(row, after.to_data(), now=self.by.now(), reconciled=found, ours=ours)
        self._keep(done)
        return False

    def _attribution(self, row: Step, action: Action, before: Target, after: Target) -> tuple[str, bool]:
        """Whose change a look found, in words, where the outcome was unknown."""
        if row.state is not S.UNKNOWN:
            return "", True
        found = f"its answer was lost; it was {before.state} before and is {after.state}"
        if not action.marks:
            return found, True
        if after.tags.get(RUN_TAG) == self.plan.id:
            return f"{found}, with this run's tag", True
        # The tag is set before the change: without it, the change cannot have been sent by this run.
        return f"{found}, without this run's tag: somebody else did it", False

    def _repeat(self, row: Step, action: Action, before: Target) -> bool:
        """Send a call whose outcome is unknown once more, if it may be, was not applied, and is over."""
        if not action.repeatable or row.attempts >= MOST_ATTEMPTS or self._is_stopped():
            return False
        if not sending.over(row.send_by, self.by.now()):
            return False
        try:
            fresh = action.read(self.by.clouds, before)
        except Unreadable:
            return False
        if fresh is None or self._against(action, before, fresh):
            return False
        crashpoint("step.repeating")
        self._intend_and_send(row, fresh)
        return True

    def _give_up(self, row: Step) -> None:
        seconds = int(self.by.verify_within.total_seconds())
        seen = f"{self._seen(row)} after {seconds} s"
        if row.state is S.INTENT:
            accepted = f"the cloud accepted the call, but {seen}"
            row = self._keep(self.journal.unknown(row, accepted, now=self.by.now()))
        detail = f"{row.detail or 'the outcome is unknown'}; {seen}. Look at it before anything is repeated."
        self._keep(self.journal.needs_human(row, detail, now=self.by.now()))

    def _seen(self, row: Step) -> str:
        target = Target.from_data(row.before or {})
        try:
            fresh = self.by.registry[row.action].read(self.by.clouds, target)
        except Unreadable:
            return "it could not be read"
        return "it was gone" if fresh is None else f"it was {fresh.state}"

    def _is_killed(self) -> bool:
        self.killed = self.killed or self.journal.killed()
        return self.killed

    def _is_stopped(self) -> bool:
        return self._is_over() or self._is_killed()

    def _is_over(self) -> bool:
        doubt = bool(self.sick or self.held or self.states[S.NEEDS_HUMAN])
        return doubt or self._too_many_failed() or self._too_many_skipped()

    def _too_many_failed(self) -> bool:
        return len(self.states[S.FAILED]) >= self.plan.rollout.stop_after_failures

    def _too_many_skipped(self) -> bool:
        """More than half of the targets: then the plan describes a world that is no more.

        What its owners keep says nothing of that. An undo goes on: each thing that can be put back is.
        """
        if self.plan.undo_of is not None:
            return False
        skipped = self._in(S.SKIPPED)
        kept = {row.target for row in skipped if (row.detail or "").startswith(KEPT)}
        return 2 * len({row.target for row in skipped} - kept) > len(self.targets)

    def _state(self) -> PlanState:
        if self.killed or self.held or self.states[S.NEEDS_HUMAN]:
            return PlanState.HALTED
        if self.sick or self._too_many_failed():
            return PlanState.FAILED
        if self._too_many_skipped():
            return PlanState.HALTED
        return PlanState.PARTIAL if self._in(S.FAILED, S.SKIPPED) else PlanState.SUCCEEDED

    def _in(self, *states: StepState) -> list[Step]:
        return [self.rows[number] for state in states for number in sorted(self.states[state])]

    def _skip(self, row: Step, reason: str) -> None:
        self._keep(self.journal.skipped(row, reason, now=self.by.now()))

    def _keep(self, row: Step) -> Step:
        self.states[self.rows[row.number].state].discard(row.number)
        self.states[row.state].add(row.number)
        self.rows[row.number] = row
        return row

    def _params(self, action: str, given: Mapping[str, object]) -> Params:
        return self.by.registry[action].Params.model_validate(dict(given))
