"""A state machine of the blast-radius ledger against real storage: whatever people do, no day is overrun."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from actions.base import Target
from actions.blast import Caps, Load
from actions.plan import Plan
from actions.step import Step, StepState
from spend import money
from spend.errors import Refused
from storage import blast
from storage.store import Store
from tests import machines
from tests.storage.rows import NOON, keep, plan, target

CAPS = Caps(
    targets_per_day=9,
    percent_of_fleet=40,
    amount_per_day=Decimal(500),
    equivalents={"EUR": Decimal("1.1")},
    zone="Europe/Berlin",
)
#: Each environment's fleet; of ten, forty percent are four.
SIZES = {f"instances/123456789012/{name}": 10 for name in ("dev", "prod")}


class Ledger(RuleBasedStateMachine):
    """What should be taken of each day, beside what the ledger says."""

    store: Store

    @initialize()
    def begin(self) -> None:
        self.now = NOON
        self.number = 0
        self.held: dict[str, tuple[Plan, Any]] = {}
        self.settled: list[tuple[Any, Load]] = []

    @property
    def today(self) -> Any:
        return CAPS.day(self.now)

    def expected(self, day: Any) -> Load:
        held = [CAPS.load(one.targets) for one, on in self.held.values() if on == day]
        return sum([*held, *(load for on, load in self.settled if on == day)], start=Load())

    def fits(self, wanted: Load) -> bool:
        """The caps once more, written otherwise."""
        after = self.expected(self.today) + wanted
        return (
            after.targets <= 9
            and after.amount <= 500
            and all(after.fleets[fleet] <= 4 for fleet in wanted.fleets)
        )

    @rule(
        many=st.integers(1, 5),
        cost=st.sampled_from(["0", "10.5", "99.99"]),
        currency=st.sampled_from(["USD", "EUR"]),
        environment=st.sampled_from(["dev", "prod"]),
    )
    def approve(self, many: int, cost: str, currency: str, environment: str) -> None:
        self.number += 1
        key = f"plan-{self.number}"
        one = plan(key, targets=_boxes(key, many, cost, currency, environment), fleets=SIZES)
        keep(self.store, one)
        fits = self.fits(CAPS.load(one.targets))
        try:
            with self.store.writing(self.now) as unit:
                blast.reserve(unit, one, CAPS)
        except Refused:
            assert not fits
        else:
            assert fits
            self.held[key] = (one, self.today)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), done=st.integers(0, 5))
    def run(self, data: st.DataObject, done: int) -> None:
        key = data.draw(st.sampled_from(sorted(self.held)))
        one, day = self.held[key]
        if day != self.today:
            return self.carry(one)
        steps = [
            Step(f"{key}-{n}", key, n, 0, box.id, "s", "a", *(_DONE if n < done else _SKIPPED))
            for n, box in enumerate(one.targets)
        ]
        with self.store.writing(self.now) as unit:
            blast.settle(unit, one, steps, CAPS)
        del self.held[key]
        self.settled.append((day, CAPS.load(one.targets[:done])))
        return None

    def carry(self, one: Plan) -> None:
        fits = self.fits(CAPS.load(one.targets))
        try:
            with self.store.writing(self.now) as unit:
                blast.carry_over(unit, one, CAPS)
        except Refused:
            assert not fits
        else:
            assert fits
            self.held[one.id] = (one, self.today)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.held)))
        with self.store.writing(self.now) as unit:
            blast.release(unit, key)
        del self.held[key]

    @rule(hours=st.integers(1, 20))
    def later(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @invariant()
    def the_ledger_says_what_was_done_and_no_day_is_overrun(self) -> None:
        for ago in range(2):
            day = self.today - timedelta(days=ago)
            with self.store.reading() as session:
                found = blast.total(blast.of_day(session, day))
            assert found == self.expected(day)
            assert found.targets <= CAPS.targets_per_day
            assert found.amount <= CAPS.amount_per_day
            assert all(many <= 4 for many in found.fleets.values())


_DONE: tuple[StepState, dict[str, str]] = (StepState.DONE, {"id": "i"})
_SKIPPED = (StepState.SKIPPED, None)


def _boxes(key: str, many: int, cost: str, currency: str, environment: str) -> tuple[Target, ...]:
    tags = {"Environment": environment}
    amount = Decimal(cost) or money.ZERO
    return tuple(target(f"{key}-{n}", tags=tags, monthly_cost=amount, currency=currency) for n in range(many))


@pytest.mark.case("T34", "V2.3.2", "V2.4.1")
@machines.on_both_kinds
def test_whatever_people_do_no_day_is_overrun(
    kind: str, examples: int, request: pytest.FixtureRequest
) -> None:
    machines.run(Ledger, kind, examples, request, steps=25)
