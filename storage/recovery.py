"""Knows an old copy of the database from the one that was at work, by what others kept of its log."""

import json
import os
from collections.abc import Container
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, make_url, select
from sqlalchemy.orm import Session

import actions.standing
from actions.crash import crashpoint
from spend import canonical
from storage import checkpoints, tables
from storage.audit import GENESIS
from storage.outbox import SEEN_TWICE
from storage.store import Store
from storage.work import JobState, MessageState, RecoveryState

FILE = "last-seen.json"
#: The kind of the job that looks at what was under way in the copy.
RECONCILE = "recovery.reconcile"


@dataclass(frozen=True, slots=True)
class Head:
    """Where the audit log ends.

    Attributes:
        epoch: the highest epoch of any seat: what a restored copy would give out a second time.
    """

    seq: int
    hash: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Seen:
    """The last head that is known outside the database, and since when.

    Attributes:
        witness: who knows it, in words that the row's number follows.
        unproven: the hash of a checkpoint that no known key signed: it says nothing of the log.
    """

    head: Head
    at: datetime
    witness: str = "this machine saw"
    unproven: str | None = None


@dataclass(frozen=True, slots=True)
class Fork:
    """The log that is there does not go on from the one that was seen."""

    seen: Seen
    found: Head

    @property
    def reason(self) -> str:
        """What is wrong, in words."""
        row, witness = self.seen.head.seq, self.seen.witness
        if self.seen.unproven:
            return f"{witness} row {row}, but no key that is known here signed it"
        if self.found.seq < row:
            return f"its audit log ends at row {self.found.seq}, and {witness} row {row}"
        return f"row {row} of its audit log is not the one that {witness}"


def head(session: Session) -> Head:
    """Where the log ends now."""
    table: Any = tables.Audit
    last = session.execute(select(table.seq, table.hash).order_by(table.seq.desc()).limit(1)).first()
    worker: Any = tables.Worker
    epoch = session.execute(select(func.coalesce(func.max(worker.epoch), 0))).scalar_one()
    return Head(last.seq if last else 0, last.hash if last else GENESIS, int(epoch))


def fork(session: Session, seen: Seen) -> Fork | None:
    """How the log differs from what was seen, or None where it goes on from there.

    A checkpoint that no known key signed may be a forged one that agrees: it is no evidence either way.
    """
    if not seen.unproven and _goes_on(session, seen.head):
        return None
    return None if _is_known(session, seen) else Fork(seen, head(session))


def _goes_on(session: Session, seen: Head) -> bool:
    table: Any = tables.Audit
    found = session.execute(select(table.hash).where(table.seq == seen.seq)).scalar()
    return seen.seq == 0 or found == seen.hash


def _is_known(session: Session, seen: Seen) -> bool:
    """Whether two people resumed after this was seen; what is unproven, they have to have resumed by name."""
    if seen.unproven:
        return any(seen.unproven in row.fork.get("unproven", ()) for row in _resumed(session))
    return any(row.at >= seen.at for row in _resumed(session))


def _resumed(session: Session) -> list[tables.Recovery]:
    table: Any = tables.Recovery
    query = select(table).where(table.state == str(RecoveryState.RESUMED)).order_by(table.resumed_at)
    return list(session.execute(query).scalars())


def branch(session: Session) -> str:
    """What the log's checkpoints are kept under since the last resume; empty if there was none."""
    resumed = _resumed(session)
    return resumed[-1].id if resumed else ""


def last_seen(home: Path) -> Seen | None:
    """What this machine last saw, or None on its first start."""
    try:
        data = json.loads((home / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Seen(Head(**data["head"]), datetime.fromisoformat(data["at"]))


def counted(session: Session, kept: checkpoints.Line, place: str, keys: Container[str]) -> Seen:
    """What the newest checkpoint in another place says of the log; it knows of no worker's epoch.

    Args:
        keys: the public keys that are known here.
    """
    end = Head(kept["size"], kept["head"], head(session).epoch)
    at, witness = datetime.fromisoformat(kept["at"]), f"the newest checkpoint in {place} counts"
    proven = kept["key"] in keys and checkpoints.sealed(kept)
    return Seen(end, at, witness, None if proven else canonical.digest(dict(kept)))


def remember(session: Session, home: Path, now: datetime) -> None:
    """Keep where the log ends, all at once and for good: a crash leaves the former file."""
    home.mkdir(parents=True, exist_ok=True)
    fresh = home / f"{FILE}.{os.getpid()}"
    with fresh.open("w", encoding="utf-8") as out:
        json.dump({"head": asdict(head(session)), "at": now.isoformat()}, out)
        out.flush()
        os.fsync(out.fileno())
    crashpoint("seen.written")
    fresh.replace(home / FILE)
    crashpoint("seen.kept")


def waiting(session: Session) -> tables.Recovery | None:
    """The recovery that two people have not resumed yet, if there is one."""
    table: Any = tables.Recovery
    return session.execute(select(table).where(table.state == str(RecoveryState.WAITING)).limit(1)).scalar()


def open_posts(session: Session) -> list[tables.Message]:
    """Messages of the copy that people would see twice: they may stand in Slack since."""
    table: Any = tables.Message
    query = select(table).where(table.state == str(MessageState.PENDING), table.kind.in_(SEEN_TWICE))
    return list(session.execute(query.order_by(table.number)).scalars())


def held_jobs(session: Session) -> list[tables.Job]:
    """Jobs that somebody held in the copy."""
    table: Any = tables.Job
    return list(session.execute(select(table).where(table.state == str(JobState.RUNNING))).scalars())


def open_standings(session: Session) -> list[tables.Standing]:
    """Standing approvals that the copy shows as open."""
    table: Any = tables.Standing
    states = [str(state) for state in actions.standing.OPEN]
    return list(session.execute(select(table).where(table.state.in_(states))).scalars())


def raise_epochs(session: Session, to: int) -> None:
    """Put every seat's epoch behind it: a worker of the lost time must not hold what the next one holds."""
    worker: Any = tables.Worker
    for row in session.execute(select(worker)).scalars():
        row.epoch = max(row.epoch, to)
        session.add(row)


def is_gone(store: Store, home: Path) -> str | None:
    """What to do about an embedded database that is missing although this machine saw one, or None."""
    file = make_url(store.url).database if store.sqlite else None
    if not file or Path(file).exists() or not (home / FILE).exists():
        return None
    return (
        f"The database {file} is gone, but Bursar has worked here before. Put its copy back and start again; "
        f"to begin anew without its history, remove {home / FILE}."
    )
