"""Snapshots: dividing a delivery by account and period, summing each up, and what became of it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session
from sqlmodel import col, select

from spend.errors import InputRefused
from spend.money import EXACT, plain
from storage.sources.columns import COSTS, KNOWN, PROMOTED
from storage.sources.expressions import name, quoted
from storage.sources.focus import ROW_GROUP, Reading
from storage.sources.invoices import Said
from storage.sources.problems import BillRefused, Problem, refusal
from storage.tables import Snapshot
from storage.work import SnapshotState

#: What no sum may reach: amounts have 18 digits before the point, in the lake and in the database.
BEYOND = Decimal(10**18)
#: Accounts and periods of one delivery: each is written and kept by itself, and more is a wrong column.
MOST_BILLS = 2000
#: Noted of the files of a snapshot whose money stands in another bill.
DIVIDES = "divides"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one delivery says about one billing account and period, staged and summed.

    Attributes:
        delivered: the id that the provider's manifest gives the delivery, where there is one.
        divides: whether its money stands in another bill (`Dialect.divides`).
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
    divides: bool = False

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
    last_day: date | None = None

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
            "last_day": self.last_day.isoformat() if self.last_day else None,
        }


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or why it did nothing.

    Attributes:
        said: what invoices say that lie beside the bill.
        invoices: how they tie out, as plain data.
        quarantined: under which id the files of a refused delivery are kept aside.
        delivery: the id of the delivery's own record.
    """

    snapshots: list[Outcome]
    problems: list[Problem]
    source: str | None = None
    dialect: str | None = None
    said: Sequence[Said] = ()
    invoices: Sequence[dict[str, Any]] = ()
    quarantined: str | None = None
    delivery: str | None = None

    @property
    def changed(self) -> bool:
        """Whether anything became current that was not."""
        return any(outcome.state == SnapshotState.CURRENT for outcome in self.snapshots)

    def to_data(self) -> dict[str, Any]:
        """Plain data in the shape that scripts read."""
        return {
            "delivery": self.delivery,
            "snapshots": [outcome.to_data() for outcome in self.snapshots],
            "problems": [problem.to_data() for problem in self.problems],
            "invoices": list(self.invoices),
        }


class DeliveryRefused(InputRefused):
    """A delivery that was refused whole; `report` has every problem with its place."""

    def __init__(self, report: ImportReport, cause: BillRefused) -> None:
        self.report, self.cause = report, cause
        super().__init__(cause.reason, file=cause.file, line=cause.line, column=cause.column)


def refused(source: str | None, cause: BillRefused) -> DeliveryRefused:
    """The refusal of a whole delivery."""
    outcome = Outcome(None, source, None, None, "refused", cause.rows, rejected=cause.rejected)
    return DeliveryRefused(ImportReport([outcome], cause.problems), cause)


def delivery_of(snapshot: Snapshot) -> str | None:
    """The id that the provider's manifest gave its delivery, where there was one."""
    found: str | None = snapshot.files[0].get("delivery") if snapshot.files else None
    return found


def divide(connection: Any, readings: Sequence[Reading], source: str, staging: Path) -> list[Delivery]:
    """Split what was read into one delivery for each billing account and period."""
    groups: dict[tuple[str, date], list[Path]] = {}
    read: dict[tuple[str, date], Reading] = {}
    for number, reading in enumerate(readings):
        scan = f"read_parquet({quoted(str(reading.staged))})"
        keys = connection.execute(
            f"SELECT DISTINCT billing_account_id, CAST(billing_period_start AS DATE) FROM {scan} ORDER BY ALL"
        ).fetchall()
        if len(keys) > MOST_BILLS:
            reason = (
                f"it has {len(keys)} billing accounts and periods, and {MOST_BILLS} at most are one delivery"
            )
            raise refusal(reading.layout.file.shown, "bills_many", reason)
        for at, (account, period) in enumerate(keys):
            part = reading.staged
            if len(keys) > 1:
                part = staging / f"part-{number}-{at}.parquet"
                _copy_group(connection, scan, account, period, part)
            groups.setdefault((account, period), []).append(part)
            read[account, period] = reading
    return [
        replace(
            _sum_up(connection, source, account, period, parts),
            delivered=read[account, period].layout.file.delivery,
            divides=read[account, period].layout.dialect.divides,
        )
        for (account, period), parts in sorted(groups.items())
    ]


def _copy_group(connection: Any, scan: str, account: str, period: date, part: Path) -> None:
    connection.execute(
        f"COPY (SELECT * FROM {scan} WHERE billing_account_id = {quoted(account)} "
        f"AND CAST(billing_period_start AS DATE) = DATE {quoted(period.isoformat())}) "
        f"TO {quoted(str(part))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
    )


def _sum_up(connection: Any, source: str, account: str, period: date, parts: list[Path]) -> Delivery:
    scan = f"read_parquet([{_files(parts)}], union_by_name = true)"
    connection.execute("SET threads = 2")  # sums know no order
    rows, first, last = connection.execute(
        f"SELECT count(*), min(charge_day), max(charge_day) FROM {scan}"
    ).fetchone()
    totals = _totals(connection, scan, f"account {account}, {period:%Y-%m}")
    warnings = connection.execute(
        f"SELECT code, count(*) FROM (SELECT unnest(string_split(import_notes, ',')) AS code FROM {scan} "
        "WHERE import_notes IS NOT NULL) GROUP BY 1 ORDER BY 1"
    ).fetchall()
    content = _content(connection, scan, parts)
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
        totals=totals,
        warnings=dict(warnings),
    )


def _totals(connection: Any, scan: str, shown: str) -> list[dict[str, str]]:
    """What is billed and what it costs, by currency.

    Raises:
        BillRefused: the amounts may be more than any sum of them can keep.
    """
    import duckdb

    ends = ", ".join(f"max({cost}), min({cost})" for cost in COSTS)
    asked = f"SELECT count(*), {ends}, billing_currency, sum(billed_cost), sum(effective_cost)"
    found: list[tuple[Any, ...]] = []
    try:
        found = connection.execute(f"{asked} FROM {scan} GROUP BY ALL ORDER BY billing_currency").fetchall()
        # A sum of decimals that is too large may come out small without a word, so the most it can be counts.
        beyond = any(
            EXACT.multiply(rows, max(size.copy_abs() for size in sizes)) >= BEYOND
            for rows, *sizes, _, _, _ in found
        )
    except duckdb.OutOfRangeException:
        beyond = True
    if beyond:
        reason = f"its amounts may add up to more than {BEYOND - 1:,}, which cannot be kept exactly"
        raise refusal(shown, "money_beyond", reason)
    return [
        {"currency": currency, "billed_cost": plain(billed), "effective_cost": plain(effective)}
        for *_, currency, billed, effective in found
    ]


def _content(connection: Any, scan: str, parts: Sequence[Path]) -> str:
    """The hash of what the rows say: the same for the same rows in any order, file split or format.

    The rows' hashes, 64 bits each, are added up as a multiset; that, the exact costs and the names of the
    columns are hashed again. The engine's own hash is used: it tells deliveries apart, and proves nothing.
    """
    kept = _filled(connection, parts)
    costs = ", ".join(f"sum({cost})" for cost in COSTS)
    sums = connection.execute(
        f"SELECT count(*), sum(CAST(h AS HUGEINT)), bit_xor(h), {costs} FROM "
        f"(SELECT *, hash({', '.join(map(name, kept))}) AS h FROM {scan})"
    ).fetchone()
    return hashlib.sha256(repr((*map(str, sums), kept)).encode()).hexdigest()


def _filled(connection: Any, parts: Sequence[Path]) -> list[str]:
    """The columns that hold anything, and those of tags, which may be asked for by name."""
    rows = connection.execute(
        "SELECT path_in_schema, coalesce(sum(num_values - stats_null_count), 1) > 0 "
        f"FROM parquet_metadata([{_files(parts)}]) GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return [
        column
        for column, there in rows
        if column.startswith(PROMOTED) or (there and (column in KNOWN or column.startswith("x_")))
    ]


def _files(parts: Sequence[Path]) -> str:
    return ", ".join(quoted(str(part)) for part in parts)


def current(session: Session) -> list[Snapshot]:
    """The current snapshots, in a fixed order."""
    order = (col(Snapshot.source), col(Snapshot.billing_account), col(Snapshot.billing_period))
    return list(
        session.scalars(select(Snapshot).where(Snapshot.state == SnapshotState.CURRENT).order_by(*order))
    )


def counted(rows: Sequence[Snapshot], said: Mapping[str, bool]) -> list[Snapshot]:
    """Those whose money counts, so that none is counted twice.

    What only divides the money of other bills counts as long as there is no other bill, or where the
    settings say so.

    Args:
        said: whether a source counts, by its name.
    """
    divides = {row.id: any(one.get(DIVIDES) for one in row.files) for row in rows}
    alone = all(divides.values())
    return [row for row in rows if said.get(row.source, alone or not divides[row.id])]
