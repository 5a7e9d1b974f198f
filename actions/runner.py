"""Runs an approved plan: canary, waves, one intent before each call, and a look instead of a repeat."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from actions import environments
from actions.base import Action, Clouds, Params, Target
from actions.clouds import THROTTLED
from actions.errors import ActionFailed, OutcomeUnknown, Unreadable
from actions.journal import Journal
from actions.plan import Plan, PlanState
from actions.step import Step, StepState

#: How long after its intent a call may still be sent.
SEND_WITHIN = timedelta(seconds=30)
S = StepState


class Runner:
    """Does what a plan says, once. Everything it knows is in the journal, so any worker can go on.

    Args:
        now: the clock.
        wait: sleeps for some seconds; it may raise to leave the run, which then waits in its rows.
        never: protecting tag patterns of the settings and the runbook, asked again before each call.
        verify_within: seconds in which a change must show; EC2 takes a minute to stop an instance.
        poll_every: seconds between two looks.
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
        verify_within: float = 300,
        poll_every: float = 2,
    ) -> None:
        self.clouds, self.journal, self.registry = clouds, journal, registry
        self.now, self.wait, self.never = now, wait, tuple(never)
        self.verify_within, self.poll_every = timedelta(seconds=verify_within), poll_every

    def run(self, plan: Plan, steps: Sequence[Step]) -> PlanState:
        """Run the steps that have not ended, and say how the run ended.

        Rows left in INTENT by a worker that died are looked at first and never sent again. Call
        it for such a run only once the dead worker cannot send any more (after `send_by`).

        Returns:
            SUCCEEDED: everything is as planned. PARTIAL: something was skipped, or failed within
            what the plan allows. FAILED: failures stopped it. HALTED: the kill switch, too many
            skipped, or a person must look.

        Raises:
            TakenOver: another worker holds this run now.
        """
        return _Run(self, plan, steps).through()


class _Run:
    """One pass over the rows of one plan."""

    def __init__(self, runner: Runner, plan: Plan, steps: Sequence[Step]) -> None:
        self.by, self.journal, self.plan = runner, runner.journal, plan
        self.rows = {step.number: step for step in steps}
        self.targets = {target.id: target for target in plan.targets}
        self.params = {step.id: self._params(step.action, step.params) for step in plan.steps}
        self.killed = False

    def through(self) -> PlanState:
        self._look_at_what_was_sent()
        for wave in sorted({row.wave for row in self._in(S.NEW)}):
            if self._is_stopped():
                break
            self._wave(wave)
        return self._outcome()

    def _look_at_what_was_sent(self) -> None:
        """Before anything else: what a worker that died left open."""
        for row in self._in(S.INTENT):
            detail = "the worker stopped between the intent and the answer"
            self._keep(self.journal.unknown(row, detail, now=self.by.now()))
        self._verify()

    def _wave(self, wave: int) -> None:
        rows = [row for row in self.rows.values() if row.wave == wave]
        if wave and self.plan.rollout.pause and all(row.state is S.NEW for row in rows):
            self.by.wait(self.plan.rollout.pause)
        for step in self.plan.steps:
            self._part([row.number for row in rows if row.step == step.id])

    def _part(self, numbers: Sequence[int]) -> None:
        """One runbook step on a wave's targets: all are sent, then all are looked at."""
        for number in numbers:
            if self.rows[number].state is not S.NEW:
                continue
            if self._is_stopped():
                break
            self._begin(self.rows[number])
            if self.rows[number].state is S.UNKNOWN:
                self._verify()  # what is unknown is looked at before the next call
        self._verify()

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
            self._intend_and_send(row, action, params, fresh)

    def _expected(self, row: Step) -> Target | None:
        """The target as the step before it left it, or as the plan froze it."""
        before = [one for one in self.rows.values() if one.target == row.target and one.number < row.number]
        if not before:
            return self.targets[row.target]
        last = max(before, key=lambda one: one.number)
        return Target.from_data(last.after) if last.state is S.DONE and last.after else None

    @staticmethod
    def _same(fresh: Target | None, expected: Target) -> bool:
        return fresh is not None and fresh.identity == expected.identity

    def _against(self, action: Action, expected: Target, fresh: Target) -> str | None:
        if drift := expected.drift(fresh):
            return drift
        if tag := environments.protection(fresh.tags, self.by.never):
            return f"its tag {tag} protects it"
        return action.unfit(fresh)

    def _intend_and_send(self, row: Step, action: Action, params: Params, target: Target) -> None:
        now = self.by.now()
        send_by = now + SEND_WITHIN
        row = self._keep(self.journal.intend(row, target.to_data(), now=now, send_by=send_by))
        self._keep(self._send(row, action, params, target, send_by))

    def _send(self, row: Step, action: Action, params: Params, target: Target, send_by: datetime) -> Step:
        """Send the change. Only a throttled call, which was not applied, is sent again, within the time."""
        pause = 1.0
        while True:
            if self._is_killed():
                return self._unsent(
                    row, "KillSwitch", "the kill switch went on before the call; nothing was sent"
                )
            if self.by.now() >= send_by:
                return self._unsent(row, "NotSent", "the call was due earlier than this worker came to it")
            try:
                action.apply(self.by.clouds, target, params, run=self.plan.id, key=row.key)
            except ActionFailed as error:
                if error.code not in THROTTLED:
                    return self._unsent(row, error.code, error.detail)
                self.by.wait(pause)
                pause *= 2
            except Unreadable as error:
                return self._unsent(row, "Unreadable", str(error))
            except OutcomeUnknown as error:
                return self.journal.unknown(row, error.detail, now=self.by.now())
            else:
                return row

    def _unsent(self, row: Step, code: str, detail: str) -> Step:
        return self.journal.failed(row, code, detail, now=self.by.now())

    def _verify(self) -> None:
        """Look at everything that was sent until it shows, or the time for it is over."""
        deadline = self.by.now() + self.by.verify_within
        while True:
            for row in self._in(S.INTENT, S.UNKNOWN):
                self._look(row)
            if not (waiting := self._in(S.INTENT, S.UNKNOWN)):
                return
            if self.by.now() >= deadline:
                break
            self.by.wait(self.by.poll_every)
        for row in waiting:
            self._give_up(row)

    def _look(self, row: Step) -> None:
        action, target = self.by.registry[row.action], Target.from_data(row.before or {})
        try:
            after = action.reached(self.by.clouds, target, self.params[row.step], key=row.key)
        except Unreadable:
            return  # a failed look is no evidence; the next one may tell
        except ActionFailed as error:
            self._keep(self.journal.failed(row, error.code, error.detail, now=self.by.now()))
            return
        if after is not None:
            found_out = row.state is S.UNKNOWN
            self._keep(self.journal.done(row, after.to_data(), now=self.by.now(), reconciled=found_out))

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
        return (
            self._too_many_failed()
            or bool(self._in(S.NEEDS_HUMAN))
            or self._too_many_skipped()
            or self._is_killed()
        )

    def _too_many_failed(self) -> bool:
        return len(self._in(S.FAILED)) >= self.plan.rollout.stop_after_failures

    def _too_many_skipped(self) -> bool:
        """More than half of the targets: then the plan describes a world that is no more.

        An undo goes on: each thing that can be put back is.
        """
        if self.plan.undo_of is not None:
            return False
        return 2 * len({row.target for row in self._in(S.SKIPPED)}) > len(self.targets)

    def _outcome(self) -> PlanState:
        if self.killed or self._in(S.NEEDS_HUMAN):
            return PlanState.HALTED
        if self._too_many_failed():
            return PlanState.FAILED
        if self._too_many_skipped():
            return PlanState.HALTED
        return PlanState.PARTIAL if self._in(S.FAILED, S.SKIPPED) else PlanState.SUCCEEDED

    def _in(self, *states: StepState) -> list[Step]:
        return [row for row in self.rows.values() if row.state in states]

    def _skip(self, row: Step, reason: str) -> None:
        self._keep(self.journal.skipped(row, reason, now=self.by.now()))

    def _keep(self, row: Step) -> Step:
        self.rows[row.number] = row
        return row

    def _params(self, action: str, given: Mapping[str, object]) -> Params:
        return self.by.registry[action].Params.model_validate(dict(given))
