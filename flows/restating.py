"""Telling the thread of a published digest that its figures changed: from what to what, and why."""

from datetime import date, datetime, timedelta
from typing import Any

from flows import cards, following
from flows.desk import Desk
from spend.ledger import Entry
from spend.restatement import Cause, Restatement, Told, Why, because, compare
from storage import ledger, records, tables
from storage import told as words
from storage.pins import RESTATED
from storage.told import Published

CLAIM, SHARED = "claim:", "shared:"
#: So long after it was sent the thread of a digest is told: by then the books of its week are closed.
LATEST = timedelta(days=183)


def look(desk: Desk, now: datetime) -> int:
    """Let open disputes follow the ledger, then tell what changed of digests; say how many were told."""
    following.follow(desk, now)
    return tell(desk, now)


def tell(desk: Desk, now: datetime) -> int:
    """Reply to each digest whose week has changed by more than the threshold; say how many were told.

    It looks at every digest of half a year in whose days something was written since the last word on it,
    whatever wrote it, so that an interrupted look is made up for by the next one. Each state is told
    once: the next reply compares with this one.
    """
    with desk.store.reading() as session:
        written = ledger.last_written(session)
        changed = [
            one
            for one in words.published(session, now - LATEST)
            if one.team in desk.org.teams
            and any(day in one.days and at > one.at for day, at in written.get(one.team, {}).items())
        ]
    return sum(_reply(desk, one, now) for one in changed)


def _reply(desk: Desk, one: Published, now: datetime) -> bool:
    with desk.store.reading() as session:
        found = _news(desk, session, one, now)
    if found is None:
        return False
    with desk.store.writing(found.now.at) as unit:
        ledger.alone(unit)
        # Another process may have told it, or written on, since our look: what is told is what stands.
        if (news := _news(desk, unit.session, one, now)) is None or news.now.at != unit.now:
            return False
        data = news.to_data()
        unit.record(RESTATED, actor="bursar", subject=one.id, after=data)
        channel = desk.org.team(one.team).channel
        unit.send("post", "digest_restated", one.id, channel=channel, thread=cards.digest(one.id), args=data)
    return True


def _news(desk: Desk, session: Any, one: Published, now: datetime) -> Restatement | None:
    """What the thread has to be told, or None where too little changed."""
    row = session.get(tables.Digest, one.id)
    old = words.last_told(session, row)
    new = words.stands(session, one.team, one.days, desk.org.counts, now)
    changes = compare(old, new)
    if not any(desk.org.restatement.exceeded(change) for change in changes):
        return None
    entries = ledger.written_since(session, one.team, one.days, old.at)
    books = _Books(session, old, new)
    causes = [(books.cause(entry), entry) for entry in entries]
    return Restatement(
        team=one.team,
        week=one.days,
        since=old.at,
        changes=tuple(
            because(
                change,
                (
                    (cause, entry.day, entry.effective)
                    for cause, entry in causes
                    if entry.currency == change.currency
                ),
            )
            for change in changes
        ),
        now=new,
    )


class _Books:
    """What changed the ledger since people were told of a week: deliveries, rulings, claims, rules."""

    def __init__(self, session: Any, old: Told, new: Told) -> None:
        self._session = session
        self._since = old.at
        self._former = {_bill(row): row.id for row in records.snapshots(session, old.snapshots)}
        self._current = {_bill(row): row for row in records.snapshots(session, new.snapshots)}
        self._causes: dict[tuple[str | None, str, str], Cause] = {}

    def cause(self, entry: Entry) -> Cause:
        """Why an entry was written: a ruling or a claim of this time, a new delivery, or other rules."""
        key = (entry.dispute, entry.rule, entry.snapshot)
        if key not in self._causes:
            self._causes[key] = self._find(entry)
        return self._causes[key]

    def _find(self, entry: Entry) -> Cause:
        if entry.dispute is not None:
            return self._ruling(entry.dispute)
        if entry.rule.startswith(CLAIM) and (claim := self._claim(entry.rule.removeprefix(CLAIM))):
            return claim
        (written,) = records.snapshots(self._session, [entry.snapshot])
        bill = _bill(written)
        current, former = self._current.get(bill), self._former.get(bill)
        if current is not None and current.id != former:
            return Cause(
                Why.DELIVERY,
                subject=current.id,
                former=former,
                source=current.source,
                account=current.billing_account,
                period=current.billing_period,
                at=current.published_at,
            )
        if entry.rule.startswith(SHARED):
            return Cause(Why.SHARED, subject=entry.rule.removeprefix(SHARED))
        return Cause(Why.RULES)

    def _ruling(self, key: str) -> Cause:
        row = self._session.get(tables.Dispute, key)
        return Cause(Why.RULING, subject=key, what=row.selection["name"], at=row.ruled_at)

    def _claim(self, key: str) -> Cause | None:
        row = self._session.get(tables.Ownership, key)
        if row is None or row.claimed_at <= self._since:
            return None
        what = " · ".join(part for part in (row.service, row.resource) if part)
        return Cause(Why.CLAIM, subject=key, what=what or None, at=row.claimed_at)


def _bill(row: tables.Snapshot) -> tuple[str, str, date]:
    return row.source, row.billing_account, row.billing_period
