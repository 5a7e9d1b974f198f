"""The one ledger of blast radius: what each plan takes of its day, over all processes of one database."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from actions.blast import Caps, Load, ReservationState
from actions.plan import Plan
from actions.step import Step, StepState
from spend import money
from spend.errors import Refused
from storage import ids, tables
from storage.unit import Unit

#: Whoever takes room waits for this, so that two processes never take the same.
LEDGER = "blast radius"
#: What a run may have touched, though nobody could tell in the end.
_MAYBE = frozenset({StepState.INTENT, StepState.UNKNOWN, StepState.NEEDS_HUMAN})


class Taken(NamedTuple):
    """What a plan takes of a day, as its row has it."""

    plan: str
    state: str
    standing: str | None
    targets: int
    amount: Decimal
    currency: str
    fleets: Mapping[str, int]


def of_day(session: Session, day: date) -> list[Taken]:
    """What was taken of a day and not given back, in order."""
    table: Any = tables.Reservation
    query = select(*(getattr(table, name) for name in Taken._fields)).where(
        table.day == day, table.state != str(ReservationState.RELEASED)
    )
    return [Taken(*row) for row in session.execute(query.order_by(table.at, table.plan))]


def of_plan(session: Session, plan: str) -> tables.Reservation | None:
    """What a plan has taken, or None."""
    table: Any = tables.Reservation
    return session.execute(select(table).where(table.plan == plan)).scalar_one_or_none()


def total(rows: Collection[Taken | tables.Reservation]) -> Load:
    """What these rows take together."""
    fleets: Counter[str] = Counter()
    for row in rows:
        fleets.update(row.fleets)
    return Load(sum(row.targets for row in rows), money.total(row.amount for row in rows), fleets)


def reserve(unit: Unit, plan: Plan, caps: Caps) -> None:
    """Take the room that a plan needs of today, in the transaction that approves it.

    The undo of a run takes none: it gives back what a run took from somebody, and no cap may
    stand in its way.

    Raises:
        Refused: there is not that much room left today.
    """
    if plan.undo_of is not None:
        return
    wanted = caps.load(plan.targets)
    _admit(unit, plan, caps, wanted)
    row = unit.add(
        tables.Reservation(
            id=ids.new("room"),
            state=ReservationState.RESERVED,
            plan=plan.id,
            day=caps.day(unit.now),
            standing=plan.standing,
            targets=wanted.targets,
            amount=wanted.amount,
            currency=caps.currency,
            fleets=wanted.fleets,
            at=unit.now,
        )
    )
    unit.record("reservation.make", actor="bursar", subject=row.id, after=_told(row))


def carry_over(unit: Unit, plan: Plan, caps: Caps) -> None:
    """Move the room of a plan that waited past midnight to the day on which it runs.

    Raises:
        Refused: today has not that much room left.
    """
    row = of_plan(unit.session, plan.id)
    today = caps.day(unit.now)
    if row is None or row.day == today:
        return
    _admit(unit, plan, caps, total([row]))
    before = _told(row)
    unit.change(row, day=today)
    unit.record("reservation.carry", actor="bursar", subject=row.id, before=before, after=_told(row))


def _admit(unit: Unit, plan: Plan, caps: Caps, wanted: Load) -> None:
    unit.alone(LEDGER)
    used = total(of_day(unit.session, caps.day(unit.now)))
    if no := caps.against(wanted, used, plan.fleets):
        raise Refused(f"Today has no room for this plan: {no}; {caps.frees(unit.now)}.")


def settle(unit: Unit, plan: Plan, steps: Sequence[Step], caps: Caps) -> None:
    """Give back the room of what a run did not touch; none, where its worth cannot be told any more."""
    row = of_plan(unit.session, plan.id)
    if row is None or row.state != ReservationState.RESERVED:
        return
    touched = {step.target for step in steps if step.changed or step.state in _MAYBE}
    try:
        did, kept = caps.load(target for target in plan.targets if target.id in touched), None
    except Refused as refusal:  # an equivalent was taken out of the settings while the plan ran
        did, kept = total([row]), f"all that was set aside stays taken: {refusal}"
    before = _told(row)
    unit.move(
        row,
        ReservationState.SETTLED,
        targets=did.targets,
        amount=did.amount,
        fleets=did.fleets,
        settled_at=unit.now,
    )
    unit.record(
        "reservation.settle", actor="bursar", subject=row.id, before=before, after=_told(row), reason=kept
    )


def release(unit: Unit, plan: str) -> None:
    """Give back all the room of a plan that never ran; one that has none, or has run, is left alone."""
    row = of_plan(unit.session, plan)
    if row is None or row.state != ReservationState.RESERVED:
        return
    unit.move(row, ReservationState.RELEASED, settled_at=unit.now)
    unit.record("reservation.release", actor="bursar", subject=row.id, before=_told(row))


def _told(row: tables.Reservation) -> dict[str, Any]:
    return {
        "plan": row.plan,
        "day": row.day,
        "targets": row.targets,
        "amount": row.amount,
        "currency": row.currency,
        "fleets": row.fleets,
    }
