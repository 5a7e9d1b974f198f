"""The audit log: append-only rows, each holding the hash of the one before."""

import hashlib
import importlib.metadata
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from json.encoder import encode_basestring
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from spend import canonical
from storage import people

GENESIS = "0" * 64
#: Whose events are about a person; what other events are about may merely look like one.
PERSONAL = frozenset({"person", "stepup"})
#: The advisory lock that makes appends take turns on PostgreSQL.
CHAIN_LOCK = 0x6275727361
BATCH = 5_000
_QUOTE = encode_basestring  # JSON without escapes for what is not ASCII, which is what RFC 8785 asks for
_DECODE = json.JSONDecoder().raw_decode


@dataclass(frozen=True, slots=True)
class Event:
    """What is to be written, before it has its place in the chain."""

    event: str
    actor: str
    subject: str
    before: Any
    after: Any
    reason: str | None
    plan_hash: str | None
    runbook_hash: str | None


class Stored(NamedTuple):
    """A row as it is hashed: documents and the time are text. The fields are in canonical order."""

    actor: str
    after: str | None
    app_version: str
    at: str
    before: str | None
    event: str
    hash: str
    plan_hash: str | None
    prev_hash: str
    reason: str | None
    runbook_hash: str | None
    seq: int
    subject: str

    def spelled(self, *, sealed: bool = True) -> str:
        """The row as canonical JSON; what is hashed is everything but the hash."""
        actor, after, version, at, before, event, own, plan, previous, reason, runbook, seq, subject = self
        quote = _QUOTE
        seal = f'"hash":{quote(own)},' if sealed else ""
        return (
            f'{{"actor":{quote(actor)},"after":{"null" if after is None else after},'
            f'"app_version":{quote(version)},"at":{quote(at)},'
            f'"before":{"null" if before is None else before},"event":{quote(event)},{seal}'
            f'"plan_hash":{"null" if plan is None else quote(plan)},"prev_hash":{quote(previous)},'
            f'"reason":{"null" if reason is None else quote(reason)},'
            f'"runbook_hash":{"null" if runbook is None else quote(runbook)},'
            f'"seq":{seq},"subject":{quote(subject)}}}'
        )

    def digest(self) -> str:
        """What its hash has to be: SHA-256 over the canonical JSON of all columns but the hash itself."""
        return hashlib.sha256(self.spelled(sealed=False).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the chain: how many rows, and the hash of the last."""

    size: int = 0
    head: str = GENESIS


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the chain found.

    Attributes:
        rows: how many rows hold, from the first on.
        head: the hash of the last row that holds.
        broken: the first row that does not, or None.
        reason: what is wrong with it, in words.
    """

    rows: int
    head: str
    broken: int | None = None
    reason: str | None = None


@cache
def version() -> str:
    """The version of the program that writes."""
    return importlib.metadata.version("bursar")


def append(session: Session, events: Sequence[Event], now: datetime) -> None:
    """Chain the events to the head and insert them. Call it last in a transaction."""
    if not events:
        return
    rows = _hidden(session, events, now)
    dialect = session.get_bind().dialect.name
    if dialect == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": CHAIN_LOCK})
    mark = head(session)
    previous, chained = mark.head, []
    for seq, row in enumerate(rows, mark.size + 1):
        placed = row._replace(seq=seq, prev_hash=previous)
        previous = placed.digest()
        chained.append(placed._asdict() | {"hash": previous, "at": row.at if dialect == "sqlite" else now})
    session.execute(INSERT, chained)


def _hidden(session: Session, events: Sequence[Event], now: datetime) -> list[Stored]:
    """The events as rows without a place, in which people stand under their pseudonyms."""
    documents = [
        {
            "actor": event.actor,
            "after": event.after,
            "before": event.before,
            "reason": event.reason,
            _about(event): event.subject,
        }
        for event in events
    ]
    who = people.pseudonyms(session, documents, now)
    at = canonical.data(now)
    return [
        Stored(
            actor=told["actor"],
            after=_document(told["after"]),
            app_version=version(),
            at=at,
            before=_document(told["before"]),
            event=event.event,
            hash="",
            plan_hash=event.plan_hash,
            prev_hash="",
            reason=told["reason"],
            runbook_hash=event.runbook_hash,
            seq=0,
            subject=told[_about(event)],
        )
        for event, told in zip(events, people.hidden(documents, who), strict=True)
    ]


def _about(event: Event) -> str:
    return "person" if event.event.partition(".")[0] in PERSONAL else "subject"


def head(session: Session) -> Mark:
    """The end of the chain."""
    last = session.execute(text("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")).first()
    return Mark(last.seq, last.hash) if last else Mark()


def stored(
    session: Session, *, after: int = 0, upto: int | None = None, subjects: Sequence[str] = ()
) -> Iterator[Stored]:
    """The rows in order as they are hashed, read in batches: memory stays flat, however many there are."""
    query = _SELECT[session.get_bind().dialect.name]
    if subjects:
        query += " AND subject IN (:subject, :alias)"
    if upto is not None:
        query += " AND seq <= :upto"
    asked = text(f"{query} ORDER BY seq LIMIT {BATCH}")
    given: dict[str, Any] = {"upto": upto} if upto is not None else {}
    if subjects:
        given |= {"subject": subjects[0], "alias": subjects[-1]}
    while True:
        with session.connection().execute(asked, {**given, "after": after}) as found:
            batch = [Stored._make(row) for row in found.cursor.fetchall()]
        yield from batch
        if len(batch) < BATCH:
            return
        after = batch[-1].seq


def rows(session: Session, *, subject: str | None = None) -> Iterator[dict[str, Any]]:
    """The entries in order, as data that names people; with a subject, only those about it."""
    subjects = [] if subject is None else [subject, people.pseudonym_of(session, subject) or subject]
    who = people.names(session)
    for row in stored(session, subjects=subjects):
        entry = json.loads(people.shown(row.spelled(), who))
        yield {**entry, "at": datetime.fromisoformat(row.at)}


def verify(session: Session, start: Mark | None = None, signed: Mapping[int, str] | None = None) -> Verdict:
    """Walk the chain and stop at the first row that does not hold.

    Args:
        start: a place that was verified before; the first row if it is left out.
        signed: heads that checkpoints signed, by the number of rows that they counted.
    """
    marks = signed or {}
    count, previous = (start.size, start.head) if start else (0, GENESIS)
    for row in stored(session, after=count):
        if reason := _wrong(row, count + 1, previous, marks.get(row.seq)):
            return Verdict(count, previous, min(row.seq, count + 1), reason)
        count, previous = count + 1, row.hash
    if cut := max((size for size in marks if size > count), default=0):
        missing = f"rows {count + 1} to {cut} are" if cut > count + 1 else f"row {cut} is"
        return Verdict(count, previous, count + 1, f"{missing} missing at the end")
    return Verdict(count, previous)


def _wrong(row: Stored, seq: int, previous: str, signed: str | None) -> str | None:
    if row.seq != seq:
        return f"row {seq} is missing"
    if row.prev_hash != previous:
        return f"row {seq} does not continue row {seq - 1}"
    if not _holds(row):
        return f"row {seq} ({row.event}) was changed after it was written"
    if signed is not None and signed != row.hash:
        return f"row {seq} or one before it was written anew: a checkpoint signed another hash of it"
    return None


def _holds(row: Stored) -> bool:
    """Whether its hash is right, and each document is one JSON value: else two rows could look alike."""
    try:
        return row.digest() == row.hash and _is_document(row.before) and _is_document(row.after)
    except (TypeError, ValueError):  # something that was never written there: bytes, half a document
        return False


def _is_document(text: str | None) -> bool:
    if text is None:
        return True
    value, end = _DECODE(text)
    return end == len(text) and value is not None


def _document(data: Any) -> str | None:
    return None if data is None else canonical.text(data)


INSERT = text(
    f"INSERT INTO audit ({', '.join(Stored._fields)}) "
    f"VALUES ({', '.join(f':{name}' for name in Stored._fields)})"
)
_AT = {
    "sqlite": "at",
    "postgresql": "to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24\\:MI\\:SS.US\"Z\"') AS at",
}
_SELECT = {
    dialect: f"SELECT {', '.join(Stored._fields).replace(' at,', f' {at},')} FROM audit WHERE seq > :after"
    for dialect, at in _AT.items()
}
