"""The ledger of blast radius on real databases: reserved, carried over, settled, released, not overrun."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from threading import Barrier

import pytest

from actions.base import Target
from actions.blast import Caps, Load, ReservationState
from actions.plan import Plan
from actions.step import Step, StepState
from spend.errors import Refused
from storage import audit, blast, tables
from storage.store import Store
from tests.databases import PostgresServer
from tests.storage.rows import NOON, keep, plan, target

CAPS = Caps(targets_per_day=10, percent_of_fleet=100, amount_per_day=Decimal(1000))
DAY = timedelta(days=1)
FLEET = "instances/123456789012/no environment"
TODAY = NOON.date()


def boxes(name: str, many: int, cost: str = "30.10") -> tuple[Target, ...]:
    return tuple(target(f"i-{name}-{n}", monthly_cost=Decimal(cost)) for n in range(many))


def kept(store: Store, key: str, many: int = 3, **changes: object) -> Plan:
    one = plan(key, targets=boxes(key, many), **changes)
    keep(store, one)
    return one


def reserve(store: Store, one: Plan, caps: Caps = CAPS, after: timedelta = timedelta(0)) -> None:
    with store.writing(NOON + after) as unit:
        blast.reserve(unit, one, caps)


def used(store: Store, days: int = 0) -> Load:
    with store.reading() as session:
        return blast.total(blast.of_day(session, TODAY + days * DAY))


def step(one: Plan, number: int, state: StepState, before: object = None) -> Step:
    key = one.targets[number].id
    return Step(f"s{number}", one.id, number, 0, key, "stop", "aws.stop_instances", state, before)  # type: ignore[arg-type]


def events(store: Store) -> list[str]:
    with store.reading() as session:
        found = [entry["event"] for entry in audit.rows(session)]
    return [event for event in found if event.startswith("reservation.")]


def test_a_plan_takes_its_targets_its_money_and_its_share_of_the_day(store: Store) -> None:
    reserve(store, kept(store, "plan-1", 3))
    assert used(store) == Load(3, Decimal("90.30"), {FLEET: 3})
    assert used(store, 1) == Load()
    assert events(store) == ["reservation.make"]


@pytest.mark.case("T34", "V2.3.2")
def test_the_plan_that_is_over_what_is_left_is_refused_with_what_is_left_and_when_it_frees(
    store: Store,
) -> None:
    reserve(store, kept(store, "plan-1", 8))
    with pytest.raises(
        Refused,
        match=r"^Today has no room for this plan: it has 3 targets, and 2 of the 10 a day are left; "
        r"the next day's room opens at 2026-03-03 00:00 UTC\.$",
    ):
        reserve(store, kept(store, "plan-2", 3))
    assert used(store).targets == 8
    reserve(store, kept(store, "plan-3", 2))
    reserve(store, kept(store, "plan-4", 10), after=timedelta(hours=12))
    assert (used(store).targets, used(store, 1).targets) == (10, 10)


def test_the_undo_of_a_run_takes_nothing(store: Store) -> None:
    keep(store, plan("plan-1"))
    reserve(store, kept(store, "plan-2", 50, undo_of="plan-1"))
    assert used(store) == Load()


def test_the_share_of_a_fleet_is_counted_over_all_plans_of_the_day(store: Store) -> None:
    half = replace(CAPS, percent_of_fleet=50)
    reserve(store, kept(store, "plan-1", 3, fleets={FLEET: 8}), half)
    with pytest.raises(Refused, match=r"it has 2 of the 8 in .*, and 1 of the 4 a day \(50 %\) are left"):
        reserve(store, kept(store, "plan-2", 2, fleets={FLEET: 8}), half)
    with pytest.raises(Refused, match="so its share is unknown"):
        reserve(store, kept(store, "plan-3", 1, fleets={}), half)


def test_a_run_settles_to_what_it_touched_or_may_have_touched(store: Store) -> None:
    one = kept(store, "plan-1", 6)
    reserve(store, one)
    steps = [
        step(one, 0, StepState.DONE, {"id": "i"}),
        step(one, 1, StepState.DONE),  # somebody had done it already: nothing was called
        step(one, 2, StepState.SKIPPED),
        step(one, 3, StepState.FAILED, {"id": "i"}),
        step(one, 4, StepState.NEEDS_HUMAN, {"id": "i"}),
        step(one, 5, StepState.NEW),
    ]
    for _ in range(2):  # a repeat after a crash changes nothing more
        with store.writing(NOON) as unit:
            blast.settle(unit, one, steps, CAPS)
            blast.release(unit, one.id)
    assert used(store) == Load(2, Decimal("60.20"), {FLEET: 2})
    assert events(store) == ["reservation.make", "reservation.settle"]


def test_a_run_whose_currency_lost_its_equivalent_meanwhile_ends_and_gives_nothing_back(store: Store) -> None:
    one = kept(store, "plan-1", 2)
    reserve(store, one)
    with store.writing(NOON) as unit:
        ran = [step(one, 0, StepState.DONE, {"id": "i"}), step(one, 1, StepState.NEW)]
        blast.settle(unit, one, ran, replace(CAPS, currency="EUR"))
    assert used(store) == Load(2, Decimal("60.20"), {FLEET: 2})
    with store.reading() as session:
        *_, last = audit.rows(session)
    assert (last["event"], last["before"]) == ("reservation.settle", last["after"])
    assert last["reason"].startswith(
        "all that was set aside stays taken: box i-plan-1-0 costs USD, which has no"
    )


def test_a_plan_that_never_ran_gives_all_of_its_room_back_once(store: Store) -> None:
    one = kept(store, "plan-1", 10)
    reserve(store, one)
    for _ in range(2):
        with store.writing(NOON) as unit:
            blast.release(unit, one.id)
            blast.release(unit, "plan-unknown")
    assert (used(store), events(store)) == (Load(), ["reservation.make", "reservation.release"])
    reserve(store, kept(store, "plan-2", 10))


def test_what_waited_past_midnight_counts_on_the_day_on_which_it_runs(store: Store) -> None:
    one = kept(store, "plan-1", 6)
    reserve(store, one)
    with store.writing(NOON + timedelta(hours=1)) as unit:
        blast.carry_over(unit, one, CAPS)
    assert used(store).targets == 6
    with store.writing(NOON + DAY) as unit:
        blast.carry_over(unit, one, CAPS)
    assert (used(store).targets, used(store, 1).targets) == (0, 6)
    two = kept(store, "plan-2", 5)
    reserve(store, two, after=-DAY)
    with (
        pytest.raises(Refused, match="it has 5 targets, and 4 of the 10 a day are left"),
        store.writing(NOON + DAY) as unit,
    ):
        blast.carry_over(unit, two, CAPS)
    with store.writing(NOON + 2 * DAY) as unit:
        blast.carry_over(unit, two, CAPS)
    assert used(store, 2).targets == 5


def test_a_plan_without_a_reservation_is_carried_settled_and_released_as_nothing(store: Store) -> None:
    one = kept(store, "plan-1")
    with store.writing(NOON) as unit:
        blast.carry_over(unit, one, CAPS)
        blast.settle(unit, one, (), CAPS)
        blast.release(unit, one.id)
    assert events(store) == []


def test_a_reservation_names_the_standing_approval_it_is_taken_under(store: Store) -> None:
    reserve(store, kept(store, "plan-1", standing="standing-1"))
    with store.reading() as session:
        row = blast.of_plan(session, "plan-1")
        assert row is not None
        assert (row.standing, row.state) == ("standing-1", ReservationState.RESERVED)


def test_the_log_says_what_each_plan_took_and_gave_back(store: Store) -> None:
    ran, never = kept(store, "plan-1", 2), kept(store, "plan-2", 1)
    for one in (ran, never):
        reserve(store, one)
    with store.writing(NOON + DAY) as unit:
        blast.carry_over(unit, ran, CAPS)
        blast.settle(unit, ran, [step(ran, 0, StepState.DONE, {"id": "i"})], CAPS)
        blast.release(unit, never.id)
    with store.reading() as session:
        told = [one for one in audit.rows(session) if one["event"].startswith("reservation.")]
        rows = {one.id: one for one in session.query(tables.Reservation)}
    took = {"plan": "plan-1", "day": "2026-03-02", "targets": 2, "amount": "60.2", "currency": "USD"}
    took["fleets"] = {FLEET: 2}
    moved = {**took, "day": "2026-03-03"}
    did = {**moved, "targets": 1, "amount": "30.1", "fleets": {FLEET: 1}}
    other = {**took, "plan": "plan-2", "targets": 1, "amount": "30.1", "fleets": {FLEET: 1}}
    assert [(one["event"], one["before"], one["after"]) for one in told] == [
        ("reservation.make", None, took),
        ("reservation.make", None, other),
        ("reservation.carry", took, moved),
        ("reservation.settle", moved, did),
        ("reservation.release", other, None),
    ]
    assert {one["actor"] for one in told} == {"bursar"}
    assert [rows[one["subject"]].plan for one in told] == ["plan-1", "plan-2", "plan-1", "plan-1", "plan-2"]
    assert {one.settled_at for one in rows.values()} == {NOON + DAY}
    assert {one.at for one in rows.values()} == {NOON}


@pytest.mark.case("T34", "V2.4.1")
def test_replicas_that_approve_at_the_same_moment_never_overrun_the_day(postgres: PostgresServer) -> None:
    database = postgres.fresh()
    first = database.store()
    wanted = [kept(first, f"plan-{n}", 3) for n in range(8)]
    together = Barrier(8)

    def approve(one: Plan) -> bool:
        store = database.store()
        together.wait()
        try:
            reserve(store, one)
        except Refused:
            return False
        finally:
            store.close()
        return True

    with ThreadPoolExecutor(8) as replicas:
        won = list(replicas.map(approve, wanted))
    assert (sum(won), used(first).targets) == (3, 9)
    with first.reading() as session:
        assert session.query(tables.Reservation).count() == 3
    first.close()
    postgres.drop(database)
