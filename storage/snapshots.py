"""Snapshots: dividing a delivery by account and period, telling what is new, moving the pointer."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.orm import Session
from sqlmodel import col, select

from actions.crash import crashpoint
from spend import canonical
from spend.errors import Conflict, InputRefused
from spend.money import plain
from storage.sources.columns import KNOWN
from storage.sources.expressions import name, quoted
from storage.sources.files import sync
from storage.sources.focus import ROW_GROUP, Reading
from storage.sources.problems import BillRefused, Grade, Problem
from storage.store import Store
from storage.tables import Snapshot
from storage.unit import Unit
from storage.work import SnapshotState


class Folders(Protocol):
    """What publishing needs of the lake."""

    def folder(self, source: str, period: date, snapshot: str) -> Path:
        """Where the files of one snapshot stand."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one delivery says about one billing account and period, staged and summed.

    Attributes:
        delivered: the id that the provider's manifest gives the delivery, where there is one.
    """

    source: str
    billing_account: str
    billing_period: date
    content: str
    parts: tuple[Path, ...]
    rows: int
    first_day: date
    last_day: date
    totals: list[dict[str, str]]
    warnings: dict[str, int]
    delivered: str | None = None

    @property
    def key(self) -> tuple[str, str, date]:
        """Whose bill of which period this is."""
        return self.source, self.billing_account, self.billing_period


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one (source, billing account, billing period) of a delivery."""

    id: str | None
    source: str | None
    billing_account: str | None
    billing_period: date | None
    state: str
    rows: int
    rejected: int = 0
    warnings: dict[str, int] = field(default_factory=dict)
    totals: list[dict[str, str]] = field(default_factory=list)

    def to_data(self) -> dict[str, Any]:
        """Plain data, as the command line prints it."""
        return {
            "id": self.id,
            "source": self.source,
            "billing_account": self.billing_account,
            "billing_period": self.billing_period.isoformat() if self.billing_period else None,
            "state": self.state,
            "rows": self.rows,
            "rejected": self.rejected,
            "warnings": self.warnings,
            "totals": self.totals,
        }


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or why it did nothing."""

    snapshots: list[Outcome]
    problems: list[Problem]

    @property
    def changed(self) -> bool:
        """Whether anything became current that was not."""
        return any(outcome.state == SnapshotState.CURRENT for outcome in self.snapshots)

    def to_data(self) -> dict[str, Any]:
        """Plain data in the shape that scripts read."""
        return {
            "snapshots": [outcome.to_data() for outcome in self.snapshots],
            "problems": [problem.to_data() for problem in self.problems],
        }


class DeliveryRefused(InputRefused):
    """A delivery that was refused whole; `report` has every problem with its place."""

    def __init__(self, report: ImportReport, cause: BillRefused) -> None:
        self.report = report
        super().__init__(cause.reason, file=cause.file, line=cause.line, column=cause.column)


def refused(source: str | None, cause: BillRefused) -> DeliveryRefused:
    """The refusal of a whole delivery."""
    outcome = Outcome(None, source, None, None, "refused", cause.rows, rejected=cause.rejected)
    return DeliveryRefused(ImportReport([outcome], cause.problems), cause)


def _refuse_older(session: Session, delivery: Delivery, now: Snapshot | None) -> None:
    """A delivery that a later one took the place of does not come back.

    Raises:
        DeliveryRefused: it was replaced before, or tells fewer days than what is known.
    """
    if delivery.delivered is None or now is None or _delivered(now) in (None, delivery.delivered):
        return
    order = col(Snapshot.published_at).desc()
    former = session.scalars(_of(delivery).where(Snapshot.state == SnapshotState.SUPERSEDED).order_by(order))
    if any(_delivered(row) == delivery.delivered for row in former):
        reason = f"a later one, {_delivered(now)}, has taken its place"
    elif delivery.last_day < now.last_day:
        reason = f"it ends on {delivery.last_day}, and what is known of this bill on {now.last_day}"
    else:
        return
    said = f"the delivery {delivery.delivered} is older than the current one: {reason}"
    problem = Problem(delivery.delivered, None, None, "older", said, Grade.BLOCK)
    outcome = replace(_outcome(delivery, None, "refused"), rejected=delivery.rows)
    raise DeliveryRefused(ImportReport([outcome], [problem]), BillRefused([problem], rows=delivery.rows))


def _delivered(snapshot: Snapshot) -> str | None:
    found: str | None = snapshot.files[0].get("delivery") if snapshot.files else None
    return found


def divide(connection: Any, readings: Sequence[Reading], source: str, staging: Path) -> list[Delivery]:
    """Split what was read into one delivery for each billing account and period, rows in their order."""
    groups: dict[tuple[str, date], list[Path]] = {}
    delivered: dict[tuple[str, date], str | None] = {}
    for number, reading in enumerate(readings):
        scan = f"read_parquet({quoted(str(reading.staged))})"
        keys = connection.execute(
            f"SELECT DISTINCT billing_account_id, CAST(billing_period_start AS DATE) FROM {scan} ORDER BY ALL"
        ).fetchall()
        for at, (account, period) in enumerate(keys):
            part = reading.staged
            if len(keys) > 1:
                part = staging / f"part-{number}-{at}.parquet"
                _copy_group(connection, scan, account, period, part)
            groups.setdefault((account, period), []).append(part)
            delivered[account, period] = reading.layout.file.delivery
    return [
        replace(_sum_up(connection, source, account, period, parts), delivered=delivered[account, period])
        for (account, period), parts in sorted(groups.items())
    ]


def _copy_group(connection: Any, scan: str, account: str, period: date, part: Path) -> None:
    connection.execute(
        f"COPY (SELECT * FROM {scan} WHERE billing_account_id = {quoted(account)} "
        f"AND CAST(billing_period_start AS DATE) = DATE {quoted(period.isoformat())}) "
        f"TO {quoted(str(part))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
    )


def _sum_up(connection: Any, source: str, account: str, period: date, parts: list[Path]) -> Delivery:
    listed = ", ".join(quoted(str(part)) for part in parts)
    scan = f"read_parquet([{listed}], union_by_name = true)"
    connection.execute("SET threads = 2")  # sums know no order
    rows, first, last = connection.execute(
        f"SELECT count(*), min(charge_day), max(charge_day) FROM {scan}"
    ).fetchone()
    totals = connection.execute(
        f"SELECT billing_currency, sum(billed_cost), sum(effective_cost) FROM {scan} GROUP BY 1 ORDER BY 1"
    ).fetchall()
    warnings = connection.execute(
        f"SELECT code, count(*) FROM (SELECT unnest(string_split(import_notes, ',')) AS code FROM {scan} "
        "WHERE import_notes IS NOT NULL) GROUP BY 1 ORDER BY 1"
    ).fetchall()
    content = _content(connection, scan)
    connection.execute("SET threads = 1")  # the next copy must keep its rows in order
    return Delivery(
        source=source,
        billing_account=account,
        billing_period=period,
        content=content,
        parts=tuple(parts),
        rows=rows,
        first_day=first,
        last_day=last,
        totals=[_total(*row) for row in totals],
        warnings=dict(warnings),
    )


def _total(currency: str, billed: Decimal, effective: Decimal) -> dict[str, str]:
    return {"currency": currency, "billed_cost": plain(billed), "effective_cost": plain(effective)}


def _content(connection: Any, scan: str) -> str:
    """The hash of what the rows say: the same for the same rows in any order, file split or format.

    Each row is spelled as `column=value` of what is not null and hashed; the hashes are added up as
    a multiset (128 bits and a count), and that, with the names of the columns, is hashed again.
    """
    present = sorted(row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall())
    kept = [column for column in present if column in KNOWN or column.startswith(("x_", "tag_"))]
    spelled = ", ".join(f"{quoted(column + '=')} || CAST({name(column)} AS VARCHAR)" for column in kept)
    sums = connection.execute(
        "SELECT count(*), sum(CAST(md5_number_lower(t) AS HUGEINT)), "
        "sum(CAST(md5_number_upper(t) AS HUGEINT)) "
        f"FROM (SELECT concat_ws(chr(31), {spelled}) AS t FROM {scan})"
    ).fetchone()
    tags = [column for column in kept if column.startswith("tag_")]
    return hashlib.sha256(repr((*map(str, sums), tags)).encode()).hexdigest()


def current(session: Session) -> list[Snapshot]:
    """The current snapshots, in a fixed order."""
    order = (col(Snapshot.source), col(Snapshot.billing_account), col(Snapshot.billing_period))
    return list(
        session.scalars(select(Snapshot).where(Snapshot.state == SnapshotState.CURRENT).order_by(*order))
    )


def delivered(store: Store) -> frozenset[str]:
    """The deliveries, by the ids of their manifests, that are current."""
    with store.reading() as session:
        return frozenset(found for row in current(session) if (found := _delivered(row)))


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


def publish(
    lake: Folders, store: Store, deliveries: Sequence[Delivery], *, actor: str, now: datetime
) -> list[Outcome]:
    """Put the files in their place for good, then move every pointer in one transaction.

    Raises:
        Conflict: another import of the same bill finished between our look and our write.
        DeliveryRefused: a later delivery of the same bill is there already.
    """
    with store.reading() as session:
        rows = {delivery.key: _current_of(session, delivery) for delivery in deliveries}
        for delivery in deliveries:
            _refuse_older(session, delivery, rows[delivery.key])
        former = {key: (row.id, row.content) if row else (None, None) for key, row in rows.items()}
    outcomes, fresh = [], []
    for delivery in deliveries:
        after, content = former[delivery.key]
        if after is not None and content == delivery.content:
            outcomes.append(_outcome(delivery, after, "unchanged"))
            continue
        # The former id is part of the name: a delivery that returns to an older content is a new one.
        snapshot = canonical.digest([*delivery.key, delivery.content, after])
        files = _settle(delivery, lake.folder(delivery.source, delivery.billing_period, snapshot))
        fresh.append((snapshot, delivery, after, files))
        outcomes.append(_outcome(delivery, snapshot, SnapshotState.CURRENT))
    if fresh:
        with store.writing(now) as unit:
            for fact in fresh:
                _point(unit, *fact, actor=actor)
    return outcomes


def _outcome(delivery: Delivery, snapshot: str | None, state: str) -> Outcome:
    return Outcome(
        id=snapshot,
        source=delivery.source,
        billing_account=delivery.billing_account,
        billing_period=delivery.billing_period,
        state=str(state),
        rows=delivery.rows,
        warnings=delivery.warnings,
        totals=delivery.totals,
    )


def _settle(delivery: Delivery, target: Path) -> list[dict[str, Any]]:
    """Move the staged parts under the snapshot's id: synced first, appearing all at once."""
    if not target.exists():  # it does after a crash between this move and the commit; it is whole then
        ready = delivery.parts[0].parent / target.name
        ready.mkdir()
        for number, part in enumerate(delivery.parts):
            final = ready / f"part-{number}.parquet"
            part.rename(final)
            sync(final)
        sync(ready)
        crashpoint("snapshot.staged")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            ready.rename(target)
        except OSError:
            if not target.exists():
                raise
        for folder in (target.parent, target.parent.parent):
            sync(folder)
        crashpoint("snapshot.settled")
    named = {"delivery": delivery.delivered} if delivery.delivered else {}
    return [{"name": part.name, "bytes": part.stat().st_size, **named} for part in sorted(target.iterdir())]


def _point(
    unit: Unit,
    snapshot: str,
    delivery: Delivery,
    after: str | None,
    files: list[dict[str, Any]],
    *,
    actor: str,
) -> None:
    before = _current_of(unit.session, delivery)
    if (before.id if before else None) != after:
        raise Conflict("Another import of this bill finished first; import it again.")
    if before is not None:
        unit.move(before, SnapshotState.SUPERSEDED)
    unit.add(
        Snapshot(
            id=snapshot,
            state=str(SnapshotState.CURRENT),
            source=delivery.source,
            billing_account=delivery.billing_account,
            billing_period=delivery.billing_period,
            content=delivery.content,
            rows=delivery.rows,
            rejected=0,
            warnings=delivery.warnings,
            totals=delivery.totals,
            files=files,
            first_day=delivery.first_day,
            last_day=delivery.last_day,
            published_at=unit.now,
        )
    )
    unit.record(
        "snapshot.publish",
        actor=actor,
        subject=snapshot,
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
