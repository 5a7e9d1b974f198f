"""A state machine of standing approvals against real storage: only consent lets things run."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
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

from actions.plan import PlanState
from actions.standing import Standing
from flows import dispatch
from flows import standing as flow
from spend.errors import Refused
from storage import plans, tables
from storage.store import Store
from tests import machines
from tests.flows import standing as ahead
from tests.flows.world import ANN, BEN, OPS, ORG, OUT, OZ, Company

PEOPLE = st.sampled_from([ANN, BEN, OPS, OZ, OUT])
TARGETS, AMOUNT = 3, Decimal(150)
LAST = date(2026, 6, 21)


@dataclass
class Asked:
    """What should be true of one standing approval."""

    one: Standing
    by: str
    yes: set[str] = field(default_factory=set)
    state: str = "pending"


class Consent(RuleBasedStateMachine):
    """What people said, beside what the rows say."""

    store: Store

    @initialize()
    def begin(self) -> None:
        self.company = Company(self.store, Path("nowhere"))
        self.members = {OPS, OZ, BEN}
        self.entitle(self.members)
        self.asked: dict[str, Asked] = {}
        self.taken: dict[date, dict[str, list[Decimal]]] = {}
        self.number = 0
        one = ahead.active(self.company, targets=TARGETS, amount=f"{AMOUNT} USD", until=LAST)
        self.asked[one.id] = Asked(one, ANN, {OPS, OZ}, "active")

    @property
    def open(self) -> list[str]:
        return list(self.asked)

    def entitle(self, members: set[str]) -> None:
        self.members = members
        self.company.with_org(groups={**ORG.groups, "platform-oncall": frozenset(members)})

    def in_force(self, one: Asked) -> bool:
        return one.state == "active" and self.company.now < one.one.until and len(one.yes & self.members) >= 2

    @precondition(lambda self: len(self.asked) < 3)
    @rule(by=PEOPLE)
    def ask(self, by: str) -> None:
        may = by in self.members | {ANN, BEN} and len(self.members - {by}) >= 2
        try:
            one = ahead.ask(self.company, by=by, targets=TARGETS, amount=f"{AMOUNT} USD", until=LAST)
        except Refused:
            assert not may or self.company.now.date() > LAST
        else:
            assert may
            self.asked[one.id] = Asked(one, by)

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), who=PEOPLE)
    def agree(self, data: st.DataObject, who: str) -> None:
        asked = self.asked[data.draw(st.sampled_from(self.open))]
        may = (
            asked.state == "pending"
            and self.company.now < asked.one.answer_by
            and who in self.members & set(asked.one.approvers)
            and who not in asked.yes | {asked.by}
        )
        try:
            ahead.agree(self.company, asked.one, who)
        except Refused:
            assert not may
        else:
            assert may
            asked.yes.add(who)
            asked.state = "active" if len(asked.yes & self.members) >= 2 else "pending"

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), who=PEOPLE)
    def deny(self, data: st.DataObject, who: str) -> None:
        asked = self.asked[data.draw(st.sampled_from(self.open))]
        may = (
            asked.state == "pending"
            and self.company.now < asked.one.answer_by
            and who in self.members & set(asked.one.approvers)
            and who != asked.by
        )
        try:
            flow.deny(
                self.company.desk, asked.one.id, actor=who, shown=asked.one.hash, reason="no",
                now=self.company.now,
            )  # fmt: skip
        except Refused:
            assert not may
        else:
            assert may
            asked.state = "denied"

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), who=PEOPLE)
    def revoke(self, data: st.DataObject, who: str) -> None:
        asked = self.asked[data.draw(st.sampled_from(self.open))]
        may = asked.state in {"pending", "active"} and who in {asked.by, *asked.one.approvers, *self.members}
        try:
            ahead.revoke(self.company, asked.one, who)
        except Refused:
            assert not may
        else:
            assert may
            asked.state = "revoked"

    @rule(members=st.sampled_from([{OPS, OZ, BEN}, {OPS, BEN}, {OPS, OZ}, {OZ}]))
    def change_the_group(self, members: set[str]) -> None:
        self.entitle(set(members))

    @rule(hours=st.sampled_from([1, 7, 13, 25, 100]))
    def let_time_pass(self, hours: int) -> None:
        self.company.clock.turn(hours=hours)

    @rule()
    def expire(self) -> None:
        flow.expire(self.company.desk, self.company.now)
        for asked in self.asked.values():
            unanswered = asked.state == "pending" and self.company.now >= asked.one.answer_by
            over = asked.state in {"pending", "active"} and self.company.now >= asked.one.until
            asked.state = "expired" if unanswered or over else asked.state

    @precondition(lambda self: self.number > 2 and any(map(self.in_force, self.asked.values())))
    @rule()
    def propose_too_late(self) -> None:
        """Its last day is over, and nobody has swept yet. Rare: nothing can be asked for any more then."""
        asked = next(filter(self.in_force, self.asked.values()))
        self.company.clock.turn(seconds=(asked.one.until - self.company.now).total_seconds())
        self.proposed(asked, ["10"])

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), costs=st.lists(st.sampled_from(["10", "60", "99.99"]), min_size=1, max_size=3))
    def propose(self, data: st.DataObject, costs: list[str]) -> None:
        self.proposed(self.asked[data.draw(st.sampled_from(self.open))], costs)

    def proposed(self, asked: Asked, costs: list[str]) -> None:
        self.number += 1
        boxes = [
            ahead.box(f"i-{self.number}-{n}", monthly_cost=Decimal(cost)) for n, cost in enumerate(costs)
        ]
        today = self.taken.setdefault(self.company.now.date(), {})
        after = [*today.get(asked.one.id, []), *map(Decimal, costs)]
        fits = len(after) <= TARGETS and sum(after) <= AMOUNT
        try:
            plan = ahead.under(self.company, asked.one, boxes=boxes)
        except Refused:
            assert not (fits and self.in_force(asked))
        else:
            assert fits
            assert self.in_force(asked)
            assert self.company.state(plan.id) is PlanState.APPROVED
            assert self.company.events(plan.id)[-1] == "approval.standing"
            today[asked.one.id] = after

    @rule()
    def dispatch(self) -> None:
        """What was approved and would begin now has a consent that stands now."""
        with self.store.reading() as session:
            rows = plans.find(session, states=(PlanState.APPROVED,), limit=None)
        for row in rows:
            with self.store.writing(self.company.now) as unit:
                case = dispatch.Case(
                    self.company.desk, unit, unit.get(tables.Plan, row.id), plans.load(row), {}
                )
                no = dispatch.standing(case)
            asked = self.asked[str(row.standing)]
            if no is None:
                assert asked.state == "active"
                assert self.company.now < asked.one.until
            elif isinstance(no, dispatch.End):
                assert asked.state != "active" or self.company.now >= asked.one.until

    @invariant()
    def the_rows_say_what_people_said(self) -> None:
        for key, asked in getattr(self, "asked", {}).items():
            assert ahead.row_of(self.company, key).state == asked.state

    @invariant()
    def no_day_is_overrun(self) -> None:
        for key, asked in getattr(self, "asked", {}).items():
            targets, amount = ahead.used(self.company, asked.one)
            mine = self.taken.get(self.company.now.date(), {}).get(key, [])
            assert (targets, amount) == (len(mine), sum(mine, start=Decimal(0)))
            assert targets <= TARGETS
            assert amount <= AMOUNT

    def teardown(self) -> None:
        if hasattr(self, "company"):
            assert self.company.chain_holds()


@pytest.mark.case("T08", "T10", "T34", "V2.3.1", "V2.3.5", "V8.3.2")
@machines.on_both_kinds
def test_whatever_people_do_only_consent_lets_things_run(
    kind: str, examples: int, request: pytest.FixtureRequest
) -> None:
    machines.run(Consent, kind, examples, request, steps=25)
