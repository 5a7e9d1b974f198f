"""A state machine of steps: the real runner on real rows, while cloud, process and people misbehave."""

from collections import Counter, deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from actions import crash
from actions.base import RUN_TAG, Target
from actions.blast import ALL, Caps
from actions.errors import TakenOver
from actions.plan import Plan, PlanState, Rollout
from actions.registry import ACTIONS
from actions.rollout import steps_of
from actions.runner import Runner
from actions.sending import SEND_WITHIN, UNDER_WAY
from actions.step import ENDED, MOST_ATTEMPTS, Step, StepState
from flows import cards
from storage import audit, plans, switches, tables
from storage.journal import RunJournal
from storage.locks import Hold
from storage.store import Store
from tests import machines
from tests.actions.pocket import CHANGING, READING, Pocket
from tests.actions.running import Clock
from tests.history import Effect, check
from tests.storage.rows import plan
from tests.watching import head

P, S = PlanState, StepState
#: What may happen at any moment of a pass, beside a cloud that misbehaves.
MEDDLING = ("stops one", "tags one", "ends one")
HAPPENINGS = ("dies", "is paused", "is taken over", "switch", "keeps one", *MEDDLING)
IN_A_TRANSACTION = ("dies",)
#: Between the last question and the wire nobody is paused: that is the pause which stays (`Runner`).
ON_THE_WIRE = ("dies", "switch", *MEDDLING)
#: What the audit log calls the way into each state.
EVENTS = {
    "step.intent": S.INTENT,
    "step.done": S.DONE,
    "step.reconcile": S.DONE,
    "step.fail": S.FAILED,
    "step.skip": S.SKIPPED,
    "step.unknown": S.UNKNOWN,
    "step.needs_human": S.NEEDS_HUMAN,
}


class Died(BaseException):
    """The process is gone: nothing after this line is done."""


@dataclass(frozen=True)
class Happening:
    """Something that happens some moments after the one before it, or at a named point after that."""

    what: str
    after: int
    box: int
    point: str | None


#: An operation, what goes wrong with one of its calls, and how many go right before; most at the change.
WRONG = st.tuples(
    st.just("StopInstances") | st.sampled_from(("DryRun", "CreateTags")),
    st.sampled_from(CHANGING),
    st.integers(0, 2),
) | st.tuples(st.just("DescribeInstances"), st.sampled_from(READING), st.integers(0, 4))
happenings = st.lists(
    st.builds(
        Happening,
        st.sampled_from(HAPPENINGS),
        st.integers(1, 12),
        st.integers(0, 4),
        st.sampled_from([None, None, "step.intended", "target.marked"]),
    ),
    max_size=3,
)


class Steps(RuleBasedStateMachine):
    """One run after the other, by two workers of whom one holds it."""

    store: Store

    @initialize()
    def begin(self) -> None:
        self.clock = Clock()
        self.clock.meanwhile = self.moment
        self.cloud = Pocket(self.clock.now)
        self.cloud.arriving, self.cloud.answered = self.arrives, self.answered
        self.stores = [self.store, Store(self.store.url)]
        self.store.hold = Hold("worker-1", 1)
        self.workers: list[Store] = []  # who is at it now; the second is there while the first one sleeps
        self.coming: deque[Happening] = deque()
        self.left = 0
        self.effects: list[Effect] = []
        self.touched: set[str] = set()
        self.kept: set[str] = set()
        self.ended: dict[str, Step] = {}
        self.plan: Plan | None = None
        self.number = 0

    # What people and time do.

    @precondition(lambda self: self.plan is None)
    @rule(many=st.integers(1, 4), stop_after=st.integers(1, 2), pause=st.sampled_from([0, 30]))
    def approve(self, many: int, stop_after: int, pause: int) -> None:
        self.number += 1
        key = f"plan-{self.number}"
        targets = tuple(self.cloud.add(f"i-{self.number}-{n}") for n in range(many))
        self.plan = plan(key, targets=targets, rollout=Rollout(1, pause, stop_after))
        self.throw(on=False)
        with self.store.writing(self.clock.at) as unit:
            row = plans.save(unit, self.plan)
            unit.record("plan.propose", actor="bursar", subject=key, after=self.plan.content())
            unit.move(row, P.APPROVED)
            unit.record("approval.approve", actor="U_OPS", subject=key, after={"state": row.state})
            hold = self.store.hold
            assert hold is not None
            unit.move(row, P.RUNNING, worker=hold.worker, epoch=hold.epoch)
            begun = {"targets": [target.id for target in targets]}
            unit.record("run.begin", actor="bursar", subject=key, after=begun)
            plans.add_steps(unit, steps_of(self.plan))

    @rule(seconds=st.sampled_from([5, 40, 600]), on=st.sampled_from([False, False, True]))
    def later(self, seconds: int, on: bool) -> None:
        self.clock.at += timedelta(seconds=seconds)
        self.throw(on=on)

    def throw(self, *, on: bool) -> None:
        with self.store.reading() as session:
            if switches.is_on(session, switches.KILL) is on:
                return
        with self.store.writing(self.clock.at) as unit:
            switches.throw(unit, switches.KILL, on=on, actor="U_OPS", reason="storm")

    # What the workers do.

    @precondition(lambda self: self.plan is not None)
    @rule(wrong=st.lists(WRONG, max_size=3), coming=happenings)
    def go_on(self, wrong: list[tuple[str, str, int]], coming: list[Happening]) -> None:
        """One pass, with all that goes wrong meanwhile; then what went wrong is over."""
        for operation, word, right in wrong:
            self.cloud.words[operation].extend([None] * right + [word])
        self.coming, self.left = deque(coming), coming[0].after if coming else 0
        with self.watched():
            self.pass_over()
        self.cloud.words.clear()
        self.coming.clear()

    def pass_over(self) -> None:
        """As `flows.runs` takes a run up: not while a call of its former holder may be under way."""
        assert self.plan is not None
        with self.store.reading() as session:
            if plans.may_be_sent(session, self.clock.at - UNDER_WAY):
                self.clock.at += SEND_WITHIN + UNDER_WAY
        self.workers.append(self.store)
        try:
            self.work(self.plan)
        except (TakenOver, Died):
            pass
        finally:
            self.workers.pop()
        self.see_the_end()

    def work(self, plan: Plan) -> None:
        book = RunJournal(self.store, plan.id, card=cards.plan(plan.id))
        now, wait = self.clock.now, self.clock.wait
        runner = Runner(self.cloud, book, ACTIONS, now=now, wait=wait, spared=self.spared)
        outcome = runner.run(plan, book.steps())
        self.clock.at = max(self.clock.at, outcome.until or self.clock.at)
        if outcome.until is None:
            with self.store.writing(self.clock.at) as unit:
                unit.move(unit.get(tables.Plan, plan.id), outcome.state, held=True)

    def spared(self, target: Target) -> str | None:
        return "kept by <@U_ANN>" if target.id in self.kept else None

    def see_the_end(self) -> None:
        """The word for a run is that of its rows."""
        if self.plan is None:
            return
        with self.store.reading() as session:
            state = session.get_one(tables.Plan, self.plan.id).state
            rows = {row.state for row in plans.steps(session, self.plan.id)}
        if state == P.RUNNING:
            return
        assert rows <= {S.NEW, *ENDED}
        assert state != P.SUCCEEDED or rows == {S.DONE}
        assert state != P.PARTIAL or rows <= ENDED - {S.NEEDS_HUMAN}
        assert S.NEEDS_HUMAN not in rows or state == P.HALTED
        self.plan = None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Each named point is a moment."""
        crash.arm(self.pass_by)
        try:
            yield
        finally:
            crash.arm(None)

    @contextmanager
    def outside(self) -> Iterator[None]:
        """What another process does is no moment of this one."""
        crash.arm(None)
        yield
        crash.arm(self.pass_by)

    def pass_by(self, name: str) -> None:
        self.moment(IN_A_TRANSACTION if name.startswith("store.") else HAPPENINGS, name)

    def moment(self, possible: Collection[str] = HAPPENINGS, point: str = "") -> None:
        """Something may happen now: what was to come, as soon as it is possible."""
        if self.plan is None or not self.coming:
            return
        self.left = max(0, self.left - 1)
        coming = self.coming[0]
        if self.left or coming.what not in possible or coming.point not in {None, point}:
            return
        self.coming.popleft()
        self.left = self.coming[0].after if self.coming else 0
        self.happen(coming)

    def happen(self, now: Happening) -> None:
        assert self.plan is not None
        if now.what == "dies":
            raise Died
        if now.what == "is paused":
            self.clock.at += timedelta(seconds=60)
        elif now.what == "switch":
            with self.outside():
                self.throw(on=True)
        elif now.what == "is taken over":
            self.take_over()
        elif now.what == "keeps one":
            self.kept.add(self.plan.targets[now.box % len(self.plan.targets)].id)
        else:
            self.meddle(now.what, self.plan.targets[now.box % len(self.plan.targets)].id)

    @precondition(lambda self: self.plan is not None)
    @rule(what=st.sampled_from(MEDDLING), box=st.integers(0, 4))
    def meddle_first(self, what: str, box: int) -> None:
        assert self.plan is not None
        self.meddle(what, self.plan.targets[box % len(self.plan.targets)].id)

    def meddle(self, what: str, key: str) -> None:
        """Somebody does something to a box that the plan names."""
        box = self.cloud.boxes[key]
        self.touched.add(key)
        if what == "stops one":
            box.stop(self.clock.at)
        elif what == "tags one":
            box.tags["Environment"] = "production"
        else:
            box.gone = True

    def take_over(self) -> None:
        """The other worker takes the run and brings it on, while this one is in the middle of something."""
        if self.plan is None or len(self.workers) > 1:
            return
        hold, other = self.store.hold, self.stores[self.store is self.stores[0]]
        assert hold is not None
        other.hold = Hold("worker-1", hold.epoch + 1)
        self.store = other
        with self.outside(), self.store.writing(self.clock.at) as unit:
            unit.change(unit.get(tables.Plan, self.plan.id), worker="worker-1", epoch=hold.epoch + 1)
        self.pass_over()

    # What must hold, whenever a change reaches the cloud.

    def arrives(self, operation: str, key: str) -> None:
        assert self.plan is not None, "the run has ended"
        sender = self.workers[-1]
        with sender.reading() as session:
            row = session.get_one(tables.Plan, self.plan.id)
            rows = plans.steps(session, self.plan.id)
            assert not switches.is_on(session, switches.KILL)
        assert sender.hold == Hold(str(row.worker), row.epoch or 0), "it was taken over"
        [step] = [one for one in rows if one.target == key]
        assert step.state is S.INTENT
        assert key not in self.kept
        assert step.send_by is not None
        assert self.clock.at < step.send_by
        states = Counter(one.state for one in rows)
        assert states[S.FAILED] < self.plan.rollout.stop_after_failures
        assert not states[S.NEEDS_HUMAN]
        assert all(one.state in ENDED for one in rows if one.wave < step.wave)
        [target] = [one for one in self.plan.targets if one.id == key]
        state, tags = self.cloud.boxes[key].shown
        assert (state, tags["Environment"]) == (target.state, target.tags["Environment"]), (
            "a look showed more"
        )
        if operation == "StopInstances":
            assert self.cloud.boxes[key].tags[RUN_TAG] == self.plan.id
        self.moment(ON_THE_WIRE)

    def answered(self, operation: str, key: str) -> None:
        if operation == "StopInstances":
            self.effects.append(Effect(head(self.workers[-1]), operation, key))
        self.moment()

    # What must hold always.

    def steps(self) -> list[Step]:
        """The rows of all runs."""
        keys = [f"plan-{number}" for number in range(1, self.number + 1)]
        with self.store.reading() as session:
            return [step for key in keys for step in plans.steps(session, key)]

    @invariant()
    def the_rows_say_what_was_done(self) -> None:
        made = Counter(effect.resource for effect in getattr(self, "effects", ()))
        for step in self.steps() if made or hasattr(self, "plan") else ():
            assert made[step.target] <= 1
            assert step.attempts <= MOST_ATTEMPTS
            if step.state in {S.NEW, S.SKIPPED, S.FAILED}:
                assert made[step.target] == 0, step
            if step.state is S.DONE:
                assert step.after is not None
                assert step.after["state"] == "stopped"
                assert made[step.target] == int(step.changed) or step.target in self.touched, step
                assert step.changed or not made[step.target]

    @invariant()
    def what_has_ended_stays(self) -> None:
        for step in self.steps() if hasattr(self, "plan") else ():
            assert self.ended.get(step.id, step) == step
            if step.state in ENDED:
                self.ended[step.id] = step

    def teardown(self) -> None:
        if not hasattr(self, "plan"):
            return
        try:
            self.comes_to_an_end()
            self.judge()
        finally:
            self.stores[1].close()

    def comes_to_an_end(self) -> None:
        """Where nothing goes wrong any more, a run ends."""
        for _ in range(10):
            if self.plan is not None:
                self.pass_over()
        assert self.plan is None

    def judge(self) -> None:
        """The history is right, the chain holds, and each row is where its last entry says."""
        with self.store.reading() as session:
            entries = list(audit.rows(session))
            assert audit.verify(session).broken is None
        assert check(self.effects, entries, Caps(targets_per_day=1_000, percent_of_fleet=ALL)) == []
        for step in self.steps():
            mine = [one for one in entries if one["event"] in EVENTS and one["after"]["step"] == step.id]
            assert sum(one["event"] == "step.intent" for one in mine) == step.attempts
            assert step.state is (EVENTS[mine[-1]["event"]] if mine else S.NEW)


@pytest.mark.case("T16", "T17", "T21", "T22", "T24", "T25")
@machines.on_both_kinds
def test_whatever_goes_wrong_a_step_has_one_effect_at_most_and_its_row_says_so(
    kind: str, examples: int, request: pytest.FixtureRequest
) -> None:
    machines.run(Steps, kind, examples, request, steps=15)
