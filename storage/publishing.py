"""Publishing a delivery: its parts are kept under ids of their own, then every pointer moves at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session
from sqlmodel import col, select

from actions.crash import crashpoint
from spend.errors import Conflict
from storage import ids
from storage.parts import Place, folder_of, part_of
from storage.snapshots import (
    DIVIDES,
    Delivery,
    DeliveryRefused,
    ImportReport,
    Outcome,
    delivery_of,
)
from storage.sources.problems import BillRefused, Grade, Problem
from storage.store import Store
from storage.tables import Snapshot
from storage.unit import Unit
from storage.work import SnapshotState

#: What was the current snapshot of a bill once; after a collection it still tells which delivery it was.
FORMER = (SnapshotState.SUPERSEDED, SnapshotState.COLLECTED)


@dataclass(frozen=True, slots=True)
class Staged:
    """A delivery on its way: the id that its parts are kept under, and the snapshot it is to replace."""

    snapshot: str
    delivery: Delivery
    after: str | None


def publish(
    place: Place,
    store: Store,
    deliveries: Sequence[Delivery],
    *,
    actor: str,
    now: datetime,
    told: Callable[[Unit, list[Outcome]], object] = lambda _unit, _outcomes: None,
    forced: bool = False,
) -> list[Outcome]:
    """Keep the parts for good, then move every pointer in one transaction.

    Each attempt has ids of its own, and a row for each before its first part is kept: whatever becomes of
    this process, a row says whose the files are, and what a collection takes can never become current.

    Args:
        told: called in the transaction that moves the pointers, where any is moved.
        forced: a person says that it counts, even where it looks older than what is current.

    Raises:
        Conflict: another import of the same bill finished between our look and our write, or this one
            took so long that it was given up.
        DeliveryRefused: a later delivery of the same bill is there already.
    """
    with store.reading() as session:
        current = {delivery.key: _current_of(session, delivery) for delivery in deliveries}
        for delivery in () if forced else deliveries:
            _refuse_older(session, delivery, current[delivery.key])
    same = {one.key for one in deliveries if (row := current[one.key]) and row.content == one.content}
    held = place.held() if same else {}
    outcomes, staged, again = [], [], []
    for delivery in deliveries:
        before = current[delivery.key]
        # A bill whose files were lost is brought back by importing it again.
        there = before is not None and before.id in held and held[before.id].whole(before.files)
        if before is not None and delivery.key in same and there:
            outcomes.append(outcome_of(delivery, before.id, "unchanged"))
            again += [(before.id, delivery)] * (delivery.delivered not in (None, delivery_of(before)))
            continue
        one = Staged(ids.new("snapshot"), delivery, before.id if before else None)
        staged.append(one)
        outcomes.append(outcome_of(delivery, one.snapshot, SnapshotState.CURRENT))
    if again:
        with store.writing(now) as unit:
            for key, delivery in again:
                _confirm(unit, key, delivery, actor=actor)
    if staged:
        _keep(place, store, staged, actor=actor, now=now, told=lambda unit: told(unit, outcomes))
    return outcomes


def _confirm(unit: Unit, snapshot: str, delivery: Delivery, *, actor: str) -> None:
    """The same bill was delivered once more: that delivery is known from now on."""
    row = unit.get(Snapshot, snapshot)
    before, after = {"delivery": delivery_of(row)}, {"delivery": delivery.delivered}
    unit.change(row, files=[{**part, **after} for part in row.files])
    unit.record("snapshot.confirm", actor=actor, subject=snapshot, before=before, after=after)


def outcome_of(delivery: Delivery, snapshot: str | None, state: str) -> Outcome:
    """What became of a delivery."""
    return Outcome(
        id=snapshot,
        source=delivery.source,
        billing_account=delivery.billing_account,
        billing_period=delivery.billing_period,
        state=str(state),
        rows=delivery.rows,
        warnings=delivery.warnings,
        totals=delivery.totals,
        last_day=delivery.last_day,
    )


def _of(delivery: Delivery) -> Any:
    source, account, period = delivery.key
    return select(Snapshot).where(
        Snapshot.source == source, Snapshot.billing_account == account, Snapshot.billing_period == period
    )


def _current_of(session: Session, delivery: Delivery) -> Snapshot | None:
    found: Snapshot | None = session.scalars(
        _of(delivery).where(Snapshot.state == SnapshotState.CURRENT)
    ).one_or_none()
    return found


def _refuse_older(session: Session, delivery: Delivery, now: Snapshot | None) -> None:
    """A delivery that a later one took the place of does not come back by itself.

    Raises:
        DeliveryRefused: it was replaced before, or lacks days that are known, at its end or, of what is
            measured and not billed, at its beginning.
    """
    if now is None or now.content == delivery.content or _same(delivery.delivered, now):
        return
    rows = session.scalars(_of(delivery).where(col(Snapshot.state).in_(FORMER)))
    former = [row for row in rows if row.files]  # one that was given up before it was current has none
    name = delivery_of(now) or f"that of {now.published_at:%Y-%m-%d %H:%M} UTC"
    if any(_same(delivery.delivered, row) or row.content == delivery.content for row in former):
        reason = f"a later one, {name}, has taken its place"
    elif delivery.last_day < now.last_day:
        reason = f"it ends on {delivery.last_day}, and what is known of this bill on {now.last_day}"
    elif delivery.divides and delivery.first_day > now.first_day:
        # Meters forget: Prometheus keeps 15 days by default, and a month would shrink day by day.
        reason = f"it begins on {delivery.first_day}, and what is known of this bill on {now.first_day}"
    else:
        return
    called = delivery.delivered or f"of {delivery.billing_account}, {delivery.billing_period:%B %Y},"
    said = f"the delivery {called} is older than the current one: {reason}; --replace imports it all the same"
    problem = Problem(delivery.delivered or delivery.source, None, None, "older", said, Grade.BLOCK)
    outcome = replace(outcome_of(delivery, None, "refused"), rejected=delivery.rows)
    raise DeliveryRefused(ImportReport([outcome], [problem]), BillRefused([problem], rows=delivery.rows))


def _same(delivered: str | None, row: Snapshot) -> bool:
    """Whether a row is of the delivery that a provider's manifest calls so."""
    return delivered is not None and delivery_of(row) == delivered


def _keep(
    place: Place,
    store: Store,
    staged: Sequence[Staged],
    *,
    actor: str,
    now: datetime,
    told: Callable[[Unit], object],
) -> None:
    with store.writing(now) as unit:
        for one in staged:
            unit.add(_row(one, now))
    crashpoint("snapshot.staged")
    files = [_files(one.delivery) for one in staged]
    for one in staged:
        folder = folder_of(one.delivery.source, one.delivery.billing_period, one.snapshot)
        place.keep(folder, one.delivery.parts)
    crashpoint("snapshot.settled")
    with store.writing(now) as unit:
        unit.alone("snapshot")
        for one, kept in zip(staged, files, strict=True):
            _point(unit, one, kept, actor=actor)
        told(unit)


def _row(one: Staged, now: datetime) -> Snapshot:
    delivery = one.delivery
    return Snapshot(
        id=one.snapshot,
        state=str(SnapshotState.STAGED),
        source=delivery.source,
        billing_account=delivery.billing_account,
        billing_period=delivery.billing_period,
        content=delivery.content,
        rows=delivery.rows,
        rejected=0,
        warnings=delivery.warnings,
        totals=delivery.totals,
        files=[],
        first_day=delivery.first_day,
        last_day=delivery.last_day,
        published_at=now,
        since=now,
    )


def _files(delivery: Delivery) -> list[dict[str, Any]]:
    """What the row says of each part."""
    named: dict[str, Any] = {"delivery": delivery.delivered} if delivery.delivered else {}
    named |= {DIVIDES: True} if delivery.divides else {}
    parts = delivery.parts
    return [
        {"name": part_of(number, len(parts)), "bytes": part.stat().st_size, **named}
        for number, part in enumerate(parts)
    ]


def _point(unit: Unit, one: Staged, files: list[dict[str, Any]], *, actor: str) -> None:
    delivery = one.delivery
    before = _current_of(unit.session, delivery)
    if (before.id if before else None) != one.after:
        raise Conflict("Another import of this bill finished first; import it again.")
    row = unit.get(Snapshot, one.snapshot)
    if row.state != SnapshotState.STAGED:
        raise Conflict("This import took longer than a day and was given up meanwhile; import it again.")
    if before is not None:
        unit.move(before, SnapshotState.SUPERSEDED, since=unit.now)
    unit.move(row, SnapshotState.CURRENT, files=files, published_at=unit.now, since=unit.now)
    unit.record(
        "snapshot.publish",
        actor=actor,
        subject=one.snapshot,
        before={"snapshot": before.id, "rows": before.rows, "totals": before.totals} if before else None,
        after={
            "source": delivery.source,
            "billing_account": delivery.billing_account,
            "billing_period": delivery.billing_period,
            "content": delivery.content,
            "rows": delivery.rows,
            "totals": delivery.totals,
        },
    )
