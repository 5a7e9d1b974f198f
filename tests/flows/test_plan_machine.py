"""A state machine of plans against real storage: whatever people do, a run begins by a quorum that stands."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from actions.approval import BURSAR
from actions.blast import Caps
from actions.plan import Plan, PlanState
from actions.runner import Outcome
from flows import approvals, renewal, runs
from spend.errors import Refused
from storage.store import Store
from tests import machines
from tests.flows.slackless import AWAY, ToldDirectory
from tests.flows.world import ANN, FIN, OPS, ORG, OUT, OZ, Company, runbook

PEOPLE = st.sampled_from([OPS, OZ, FIN, ANN, OUT])
RUNBOOKS = ("stop-idle-dev", "reclaim-unattached-volumes")
GROUPS = {"stop-idle-dev": {"platform-oncall"}, "reclaim-unattached-volumes": {"platform-oncall", "finance"}}
P = PlanState


@dataclass
class Told:
    """What should be true of one plan."""

    plan: Plan
    yes: set[str] = field(default_factory=set)
    state: PlanState = P.PENDING


class Votes(RuleBasedStateMachine):
    """What people said, beside what the rows say."""

    store: Store

    @initialize()
    def begin(self) -> None:
        self.company = Company(self.store, Path("nowhere"))
        self.company.with_org(owner_warning=0, caps=Caps(percent_of_fleet=100, targets_per_day=10_000))
        self.members = {"platform-oncall": {OPS, OZ}, "finance": {FIN, OPS}}
        self.entitle()
        self.told: dict[str, Told] = {}
        self.number = 0

    def entitle(self) -> None:
        groups = {name: frozenset(people) for name, people in self.members.items()}
        self.company.with_org(groups={**ORG.groups, **groups})

    def entitled(self, plan: Plan) -> set[str]:
        """Who is an approver of this plan now, as anybody could count it."""
        people = set[str]().union(*(self.members[name] for name in GROUPS[plan.runbook]))
        return (people - {plan.requested_by}) & plan.approvers

    @property
    def live(self) -> list[str]:
        return [key for key, told in self.told.items() if told.state in {P.PENDING, P.APPROVED}]

    @property
    def waiting(self) -> list[Told]:
        """Those that somebody can still decide."""
        return [
            told
            for told in self.told.values()
            if told.state is P.PENDING and self.company.now < told.plan.approve_by
        ]

    def some(self, data: st.DataObject) -> Told:
        """One of all plans; those that can still change come up more often."""
        return self.told[data.draw(st.sampled_from([*self.live * 3, *self.told]))]

    @precondition(lambda self: len(self.live) < 4)
    @rule(name=st.sampled_from(RUNBOOKS), by=st.sampled_from([BURSAR, OPS, ANN]))
    def propose(self, name: str, by: str) -> None:
        self.number += 1
        people = set[str]().union(*(self.members[group] for group in GROUPS[name])) - {by}
        needed = 2 if name == RUNBOOKS[1] else 1
        try:
            plan = self.company.plan(name, by=by, ids=(f"x-{self.number}",))
        except Refused:
            assert len(people) < needed
        else:
            assert plan.quorum == needed <= len(people)
            self.told[plan.id] = Told(plan)

    def decides(self, told: Told, who: str) -> bool:
        return (
            told.state is P.PENDING
            and self.company.now < told.plan.approve_by
            and who in self.entitled(told.plan)
        )

    def says(self, act: Callable[..., Plan], told: Told, who: str, **more: str) -> bool:
        """Whether what this person does is taken."""
        try:
            act(self.company.desk, told.plan.id, actor=who, now=self.company.now, **more)
        except Refused:
            return False
        return True

    @precondition(lambda self: self.told)
    @rule(data=st.data(), who=PEOPLE)
    def approve(self, data: st.DataObject, who: str) -> None:
        self.votes(self.some(data), who)

    @precondition(lambda self: any(told.state is P.PENDING for told in self.told.values()))
    @rule(data=st.data())
    def agree(self, data: st.DataObject) -> None:
        """Everybody who may says yes: without this few plans would ever be approved."""
        waiting = [key for key, told in self.told.items() if told.state is P.PENDING]
        told = self.told[data.draw(st.sampled_from(waiting))]
        for who in sorted(self.entitled(told.plan)):
            self.votes(told, who)

    def votes(self, told: Told, who: str) -> None:
        may = self.decides(told, who) and who not in told.yes
        assert self.says(approvals.approve, told, who, shown=told.plan.hash, reason="unused") == may
        if may:
            told.yes.add(who)
            told.state = P.APPROVED if len(told.yes) >= told.plan.quorum else P.PENDING

    @precondition(lambda self: self.told)
    @rule(data=st.data(), shown=st.sampled_from(["", "0" * 16]))
    def press_another_card(self, data: st.DataObject, shown: str) -> None:
        """A card that shows another version decides nothing, whoever presses."""
        told = self.some(data)
        for who in sorted(self.entitled(told.plan)):
            assert not self.says(approvals.approve, told, who, shown=shown, reason="unused")

    @precondition(lambda self: self.waiting)
    @rule()
    def press_too_late(self) -> None:
        """Its clock ran out, and nobody has swept it yet."""
        told = self.waiting[0]
        late = (told.plan.approve_by - self.company.now).total_seconds()
        self.company.clock.turn(seconds=late)
        for who in sorted(self.entitled(told.plan)):
            self.votes(told, who)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def press_after_leaving(self, data: st.DataObject) -> None:
        """The card names somebody who left a moment ago."""
        told = self.waiting[0]
        who = data.draw(st.sampled_from(sorted(told.plan.approvers)))
        with self.gone(who):
            self.votes(told, who)

    @contextmanager
    def gone(self, *people: str) -> Iterator[None]:
        """These are in no group until the block ends."""
        before = self.members
        self.members = {group: members - {*people} for group, members in before.items()}
        self.entitle()
        yield
        self.members = before
        self.entitle()

    @precondition(lambda self: self.waiting)
    @rule(who=PEOPLE)
    def press_twice(self, who: str) -> None:
        for told in self.waiting:
            self.votes(told, who)
            self.votes(told, who)

    @precondition(lambda self: self.told)
    @rule(data=st.data(), who=PEOPLE)
    def deny(self, data: st.DataObject, who: str) -> None:
        told = self.some(data)
        may = self.decides(told, who)
        assert self.says(approvals.deny, told, who, shown=told.plan.hash, reason="in use") == may
        if may:
            told.yes.discard(who)
            told.state = P.DENIED

    @precondition(lambda self: self.told)
    @rule(data=st.data(), who=PEOPLE)
    def cancel(self, data: st.DataObject, who: str) -> None:
        told = self.some(data)
        mine = who == told.plan.requested_by or who in told.plan.approvers
        may = mine and told.state in {P.PENDING, P.APPROVED}
        assert self.says(approvals.cancel, told, who) == may
        told.state = P.CANCELLED if may else told.state

    @rule(hours=st.sampled_from([0.25, 1, 4]))
    def turn(self, hours: float) -> None:
        self.company.clock.turn(hours=hours)

    @rule()
    def expire(self) -> None:
        approvals.expire(self.company.desk, self.company.now)
        for told in self.told.values():
            late = {P.PENDING: told.plan.approve_by, P.APPROVED: told.plan.execute_by}.get(told.state)
            if late is not None and self.company.now >= late:
                told.state = P.EXPIRED

    @rule(group=st.sampled_from(["platform-oncall", "finance"]), who=PEOPLE)
    def join_or_leave(self, group: str, who: str) -> None:
        self.members[group] ^= {who}
        self.entitle()

    @precondition(lambda self: any(told.state is P.APPROVED for told in self.told.values()))
    @rule(what=st.sampled_from(["one leaves", "the runbook changes"]))
    def dispatch_after(self, what: str) -> None:
        """Something changes just before a worker takes it up."""
        told = next(told for told in self.told.values() if told.state is P.APPROVED)
        if what == "one leaves":
            with self.gone(min(told.yes)):
                self.take_up(told, "answers")
        else:
            self.change_the_runbook()
            self.take_up(told, "answers")

    @rule()
    def reword(self) -> None:
        self.change_the_runbook()

    def change_the_runbook(self) -> None:
        was = self.company.desk.runbooks[RUNBOOKS[0]].guards.max_targets
        self.company.with_runbook(runbook(RUNBOOKS[0], guards={"max_targets": 41 - was if was < 25 else 20}))

    @precondition(lambda self: self.told)
    @rule(
        data=st.data(), slack=st.sampled_from(["answers", "is away", "says that one left"]), new=st.booleans()
    )
    def dispatch(self, data: st.DataObject, slack: str, new: bool) -> None:
        """A worker takes one up, a new wording perhaps before it; what is approved comes up more often."""
        if new:
            self.reword()
        ready = [key for key, told in self.told.items() if told.state is P.APPROVED]
        self.take_up(self.told[data.draw(st.sampled_from(ready))] if ready else self.some(data), slack)

    def take_up(self, told: Told, slack: str) -> None:
        away, barred = slack == "is away", set(sorted(told.yes)[:1]) if "left" in slack else set[str]()
        people = dict.fromkeys(told.yes, AWAY) if away else dict.fromkeys(barred, "is deactivated")
        before, desk = told.state, self.company.desk
        self.company.desk = replace(desk, directory=ToldDirectory(people=people))  # type: ignore[arg-type]
        runs._begin(self.company.desk, told.plan.id, self.company.now)
        self.company.desk = desk
        if before is P.APPROVED and self.company.now < told.plan.execute_by:
            told.state = self.dispatched(told, away=away, barred=barred)

    def dispatched(self, told: Told, *, away: bool, barred: set[str]) -> PlanState:
        if self.company.desk.runbooks[told.plan.runbook].hash != told.plan.runbook_hash:
            return P.STALE
        left = told.yes & self.entitled(told.plan)
        if not away:
            left -= barred
        told.yes = left
        if len(left) < told.plan.quorum:
            return P.STALE
        return P.APPROVED if away else P.RUNNING

    @precondition(lambda self: any(one.state is P.RUNNING for one in self.told.values()))
    @rule(how=st.sampled_from([P.SUCCEEDED, P.PARTIAL, P.FAILED, P.HALTED]))
    def finish(self, how: PlanState) -> None:
        told = next(one for one in self.told.values() if one.state is P.RUNNING)
        runs._finish(self.company.desk, told.plan, Outcome(how), self.company.now)
        told.state = how

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        """Without a cloud nothing is found again, and nothing else is ever renewed."""
        told = self.some(data)
        assert renewal.renew(self.company.desk, told.plan.id, self.company.now) is None

    @invariant()
    def the_rows_say_what_people_said(self) -> None:
        for key, told in getattr(self, "told", {}).items():
            assert self.company.state(key) is told.state
            yes = {person for person, said in self.company.votes(key) if said == "approve"}
            assert yes == told.yes
            assert told.plan.requested_by not in yes

    @invariant()
    def nothing_runs_without_its_quorum(self) -> None:
        for key in getattr(self, "told", {}):
            events = self.company.events(key)
            if "run.begin" in events:
                asked = events[: events.index("run.begin")]
                assert asked.count("approval.approve") >= self.told[key].plan.quorum
                assert events.count("run.begin") == 1

    def teardown(self) -> None:
        if hasattr(self, "company"):
            assert self.company.chain_holds()


@pytest.mark.case("T07", "T08", "T10", "T11", "T19", "V2.3.1", "V8.3.2")
@machines.on_both_kinds
def test_whatever_people_do_a_run_begins_by_a_quorum_that_stands(
    kind: str, examples: int, request: pytest.FixtureRequest
) -> None:
    machines.run(Votes, kind, examples, request, steps=50)
