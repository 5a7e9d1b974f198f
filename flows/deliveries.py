"""A report for each delivery of bills, kept whatever became of it; and what was refused, tried again."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from actions.approval import BURSAR
from flows import cards
from flows import invoices as tie
from flows.desk import Desk
from spend.errors import NotFound
from storage import deliveries, invoices, quarantine, records, tables
from storage.costs import complete_through_by_source
from storage.deliveries import IMPORTED, REFUSED, UNCHANGED
from storage.quarantine import UNKNOWN, Kept
from storage.snapshots import ImportReport
from storage.sources.problems import MOST, Grade
from storage.unit import Unit

TOLD = "A delivery of {} was refused: {}. What was known before stays. `bursar deliveries show {}` has all."
#: How many deliveries are listed.
LISTED = 50


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of a delivery before it is read: its id, where it lies, and who imports it."""

    key: str
    places: Sequence[str]
    actor: str

    def keep(self, unit: Unit, report: ImportReport) -> None:
        """Keep the report of a delivery that was imported, and what the invoices in it say."""
        outcome = IMPORTED if report.changed else UNCHANGED
        unit.add(self._row(report, outcome, unit.now))
        said = report.said
        invoices.keep(unit, report.source or "", said, told_by=self.actor, delivery=self.key)

    def refuse(self, unit: Unit, report: ImportReport, channel: str) -> None:
        """Keep the report of a delivery that was refused; where nobody sat at it, a channel hears of it.

        It hears of the first one: the next ones of this source are refused for the same reason, mostly.
        """
        before = deliveries.find(unit.session, source=report.source, limit=1)
        row = unit.add(self._row(report, REFUSED, unit.now))
        reason = next(one.message for one in report.problems if one.grade is Grade.BLOCK)
        if self.actor == BURSAR and not any(one.outcome == REFUSED for one in before):
            cards.tell(unit, channel, TOLD.format(row.source, reason, row.id))
        unit.record(
            "delivery.refuse",
            actor=self.actor,
            subject=row.id,
            after={"source": row.source, "place": row.place, "rejected": row.rejected},
            reason=reason,
        )

    def _row(self, report: ImportReport, outcome: str, at: datetime) -> tables.Delivery:
        days = [one.last_day for one in report.snapshots if one.last_day is not None]
        return tables.Delivery(
            id=self.key,
            source=report.source or next((one.source for one in report.snapshots if one.source), UNKNOWN),
            dialect=report.dialect,
            place=", ".join(self.places),
            actor=self.actor,
            outcome=outcome,
            at=at,
            rows=sum(one.rows for one in report.snapshots),
            rejected=sum(one.rejected for one in report.snapshots),
            day=max(days, default=None),
            snapshots=[one.to_data() for one in report.snapshots],
            problems=told(report),
            invoices=[],
            quarantined=report.quarantined,
        )


def told(report: ImportReport) -> dict[str, Any]:
    """The problems of a delivery: at most fifty places of each kind, and how many there are in all."""
    kinds: Counter[tuple[str, str]] = Counter()
    places = []
    for problem in report.problems:
        kind = (str(problem.grade), problem.code)
        kinds[kind] += 1
        if kinds[kind] <= MOST:
            places.append(problem.to_data())
    whole = _whole(report)
    counts = [
        {"grade": grade, "code": code, "count": max(count, whole.get(code, 0))}
        for (grade, code), count in sorted(kinds.items())
    ]
    return {"counts": counts, "places": places}


def _whole(report: ImportReport) -> Counter[str]:
    """How many rows have each kind of problem; of what blocks, the places stop before the count does."""
    whole: Counter[str] = Counter()
    for one in report.snapshots:
        whole.update(one.warnings)
    blocks = {one.code for one in report.problems if one.grade is Grade.BLOCK and one.line is not None}
    if len(blocks) == 1:
        whole[blocks.pop()] = sum(one.rejected for one in report.snapshots)
    return whole


def tie_out(desk: Desk, report: ImportReport, now: datetime) -> ImportReport:
    """Hold the invoices of a delivery against their charges; those that do not tie out are warned of."""
    ids = [one.id for one in report.snapshots if one.id is not None]
    lines = tie.of_delivery(desk, report.source or "", ids, report.said)
    if not lines:
        return report
    problems = [*report.problems, *(line.problem() for line in lines if line.open)]
    report = replace(report, problems=problems, invoices=[line.to_data() for line in lines])
    with desk.store.writing(now) as unit:
        row = deliveries.get(unit.session, report.delivery or "")
        row.invoices, row.problems = report.invoices, told(report)
    return report


@dataclass(frozen=True, slots=True)
class Overview:
    """The deliveries that are listed, and how each source stands.

    Attributes:
        through: the last day that is complete in the bills of each source.
        wrong: the sources that are late, silent or shrunk.
    """

    rows: Sequence[tables.Delivery]
    through: Mapping[str, date]
    wrong: Sequence[tables.Watched]

    def to_data(self) -> dict[str, Any]:
        """Plain data in the shape that scripts read."""
        return {
            "deliveries": [summary(row) for row in self.rows],
            "complete_through_by_source": self.through,
            "watched": [
                {
                    "source": one.source,
                    "condition": one.condition,
                    "bill": one.bill or None,
                    "since": one.since,
                    "details": one.details,
                }
                for one in self.wrong
            ],
        }


def listed(desk: Desk, source: str | None = None) -> Overview:
    """The newest deliveries of a source, or of all."""
    with desk.store.reading() as session:
        rows = deliveries.find(session, source=source, limit=LISTED)
        through = complete_through_by_source(records.current_snapshots(session))
        wrong = deliveries.watched(session, source)
    wanted = {name: day for name, day in through.items() if source in {None, name}}
    return Overview(rows, wanted, wrong)


def summary(row: tables.Delivery) -> dict[str, Any]:
    """A delivery without its places."""
    return {
        "id": row.id,
        "source": row.source,
        "format": row.dialect,
        "place": row.place,
        "actor": row.actor,
        "at": row.at,
        "outcome": row.outcome,
        "rows": row.rows,
        "rejected": row.rejected,
        "newest_day": row.day,
        "problems": row.problems["counts"],
    }


def show(desk: Desk, key: str) -> dict[str, Any]:
    """All that is known of one delivery, as plain data.

    Raises:
        NotFound: there is none.
    """
    with desk.store.reading() as session:
        row = deliveries.get(session, key)
    kept = quarantine.kept(desk.lake.home, row.quarantined) if row.quarantined else None
    return {
        **summary(row),
        "snapshots": row.snapshots,
        "places": row.problems["places"],
        "invoices": row.invoices,
        "quarantine": str(kept.folder) if kept else None,
    }


def refused(desk: Desk, key: str) -> tuple[tables.Delivery, Kept]:
    """A refused delivery and its files.

    Raises:
        NotFound: there is no such delivery, or its files are not kept any more.
    """
    with desk.store.reading() as session:
        row = deliveries.get(session, key)
    kept = quarantine.kept(desk.lake.home, row.quarantined) if row.quarantined else None
    if kept is None or not kept.places:
        raise NotFound(f"No files of {key} are kept aside (any more); import them from {row.place} again.")
    return row, kept


def drop(desk: Desk, key: str, *, actor: str, now: datetime) -> None:
    """Let the files of a refused delivery go; its report stays.

    Raises:
        NotFound: there is no such delivery, or its files are not kept any more.
    """
    row, kept = refused(desk, key)
    with desk.store.writing(now) as unit:
        unit.record("delivery.drop", actor=actor, subject=row.id, after={"files": kept.folder.name})
    quarantine.drop(desk.lake.home, kept.folder.name)
