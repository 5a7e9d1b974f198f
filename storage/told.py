"""What people were told of a team's week, by its digest or a reply to it, and what the ledger says now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from spend.digest import Digest
from spend.period import Period, week_of
from spend.restatement import Restatement, Told
from storage import ledger, records, tables
from storage.pins import RESTATED


@dataclass(frozen=True, slots=True)
class Published:
    """Where a digest stands among the others, without its figures."""

    id: str
    team: str
    week: date
    at: datetime

    @property
    def days(self) -> Period:
        """The days that it tells of."""
        return week_of(self.week)


def published(session: Session, since: datetime) -> list[Published]:
    """The digests published since then with the moment of the last word on each, oldest first."""
    table: Any = tables.Digest
    query = select(table.id, table.team, table.week, table.published_at).where(table.published_at > since)
    found = session.execute(query.order_by(table.published_at, table.id)).all()
    audit: Any = tables.Audit
    replies = select(audit.subject, audit.at).where(audit.event == RESTATED).order_by(audit.seq)
    last = {row.subject: row.at for row in session.execute(replies)}
    return [Published(row.id, row.team, row.week, last.get(row.id, row.published_at)) for row in found]


def replied(session: Session, digest: str) -> Restatement | None:
    """The last reply that told new figures of a digest."""
    table: Any = tables.Audit
    query = select(table.after).where(table.subject == digest, table.event == RESTATED)
    data = session.execute(query.order_by(table.seq.desc()).limit(1)).scalar()
    return None if data is None else Restatement.from_data(data)


def last_told(session: Session, row: tables.Digest) -> Told:
    """The last word on the week of a digest: a reply's, else its own."""
    reply = replied(session, row.id)
    return reply.now if reply else Told.by_digest(Digest.from_data(row.figures), row.published_at)


def stands(session: Session, team: str, week: Period, counts: Mapping[str, bool], now: datetime) -> Told:
    """What would be told of a week now, as of the moment at which the ledger says so.

    Args:
        counts: whether a source counts, where the settings say it.
    """
    entries = ledger.standing(session, team=team, period=week)
    written = ledger.last_written(session, team=team, period=week).get(team, {})
    snapshots = tuple(row.id for row in records.counted_snapshots(session, counts))
    return Told.by_ledger(entries, snapshots, max([now, *written.values()]))
