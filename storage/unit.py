"""The unit of work: every change of state, its audit entries and its messages in one transaction."""

import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import CursorResult, func, insert, inspect, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

import actions.blast
import actions.plan
import actions.say
import actions.standing
import actions.step
import spend.claim
import spend.dispute
import spend.finding
from actions.errors import TakenOver
from spend import canonical
from spend.errors import Conflict, NotFound
from spend.moves import check
from storage import audit, ids, tables, work
from storage.locks import Hold

M = TypeVar("M", bound=tables.Moving)
R = TypeVar("R", bound=SQLModel)

#: Which states and moves each table has, and what a person calls the record.
MACHINES: Mapping[type[tables.Moving], tuple[type[StrEnum], Mapping[Any, frozenset[Any]], str]] = {
    tables.Plan: (actions.plan.PlanState, actions.plan.MOVES, "plan"),
    tables.Step: (actions.step.StepState, actions.step.MOVES, "step"),
    tables.Finding: (spend.finding.FindingState, spend.finding.MOVES, "finding"),
    tables.Dispute: (spend.dispute.DisputeState, spend.dispute.MOVES, "dispute"),
    tables.Ownership: (spend.claim.ClaimState, spend.claim.MOVES, "claim"),
    tables.Job: (work.JobState, work.JOB_MOVES, "job"),
    tables.Message: (work.MessageState, work.MESSAGE_MOVES, "message"),
    tables.Standing: (actions.standing.StandingState, actions.standing.MOVES, "standing approval"),
    tables.Reservation: (actions.blast.ReservationState, actions.blast.MOVES, "reservation"),
    tables.Warned: (actions.say.WarningState, actions.say.WARNING_MOVES, "warning"),
    tables.Keep: (actions.say.KeepState, actions.say.KEEP_MOVES, "Keep"),
    tables.Recovery: (work.RecoveryState, work.RECOVERY_MOVES, "recovery"),
    tables.Snapshot: (work.SnapshotState, work.SNAPSHOT_MOVES, "snapshot"),
}
#: The space of advisory locks that `Unit.alone` takes: apart from seats and the audit chain.
ALONE = 0x6275
#: Messages of which only the newest wording matters: one pending row per surface.
COALESCED = frozenset({"update", "view", "home"})

#: Slack takes about one update of a message a second: more are gathered into the next one.
PACE = timedelta(seconds=1)
#: Messages that go to a channel.
ADDRESSED = frozenset({"post", "ephemeral", "upload"})


class Unit:
    """One transaction under construction. `storage.store.Store.writing` opens, seals and commits it."""

    def __init__(self, session: Session, now: datetime, *, hold: Hold | None = None) -> None:
        self.session = session
        self.now = now
        self.hold = hold
        self._entries: list[audit.Event] = []

    def get(self, table: type[M], key: str, *, lock: bool = False) -> M:
        """The record with this id; locked, it is read after whoever changes it now (PostgreSQL).

        Raises:
            NotFound: there is none.
        """
        if (row := self.session.get(table, key, with_for_update=lock or None)) is None:
            raise NotFound(f"There is no {MACHINES[table][2]} {key}.")
        return row

    def alone(self, what: str) -> None:
        """Wait until no other process is at work on this; SQLite has one writer anyway.

        For a rule over several rows that no unique key can keep. Held until the transaction ends.
        """
        if self.session.get_bind().dialect.name == "postgresql":
            key = zlib.crc32(what.encode())
            self.session.execute(
                text("SELECT pg_advisory_xact_lock(:space, :key)"), {"space": ALONE, "key": key - 2**31}
            )

    def add(self, row: R) -> R:
        """Add a new row."""
        self.session.add(row)
        self.session.flush()
        return row

    def add_all(self, table: type[SQLModel], rows: list[dict[str, Any]]) -> None:
        """Add many rows at once, without objects."""
        if rows:
            self.session.execute(insert(table), rows)

    def add_once(self, table: type[SQLModel], row: Mapping[str, Any]) -> bool:
        """Add a row unless one with the same unique key stands there; say whether it was added."""
        key = next(iter(inspect(table).primary_key))
        return self.session.execute(self._missing(table).values(**row).returning(key)).first() is not None

    def add_missing(self, table: type[SQLModel], rows: list[dict[str, Any]]) -> None:
        """Add those of many rows that no row with the same unique key stands for."""
        self.session.execute(self._missing(table), rows)

    def _missing(self, table: type[SQLModel]) -> Any:
        dialect = self.session.get_bind().dialect.name
        make: Any = sqlite.insert if dialect == "sqlite" else postgresql.insert
        return make(table).on_conflict_do_nothing()

    def move(self, row: M, to: StrEnum, *, held: bool = False, **values: Any) -> M:
        """Move a record to its next state, if nobody else moved it first.

        Args:
            held: the row belongs to this worker; refuse the write if it was taken over.

        Raises:
            Conflict: the table of moves forbids it, or another process was faster.
            TakenOver: another worker holds the row.
        """
        states, moves, what = MACHINES[type(row)]
        check(moves, what, states(row.state), to)
        return self._change(row, held=held, state=str(to), **values)

    def change(self, row: M, *, held: bool = False, **values: Any) -> M:
        """Change other columns of a record, under the same compare-and-set.

        Raises:
            Conflict: another process was faster.
            TakenOver: another worker holds the row.
        """
        if "state" in values:
            raise ValueError("only move() may change a state")
        return self._change(row, held=held, **values)

    def _change(self, row: M, *, held: bool, **values: Any) -> M:
        table: Any = type(row)
        values["version"] = row.version + 1
        statement = update(table).where(
            table.id == row.id, table.state == row.state, table.version == row.version
        )
        if held:
            hold = self.hold or Hold("", 0)
            statement = statement.where(table.worker == hold.worker, table.epoch == hold.epoch)
        self.session.flush()
        result: CursorResult[Any] = self.session.execute(  # type: ignore[assignment]
            statement.values(**values).execution_options(synchronize_session=False)
        )
        if result.rowcount != 1:
            if held:
                raise TakenOver(f"{MACHINES[type(row)][2]} {row.id} is not this worker's any more")
            raise Conflict(f"Somebody else changed this {MACHINES[type(row)][2]} first; please look again.")
        self.session.refresh(row)
        return row

    def record(
        self,
        event: str,
        *,
        actor: str,
        subject: str,
        before: Any = None,
        after: Any = None,
        reason: str | None = None,
        plan_hash: str | None = None,
        runbook_hash: str | None = None,
    ) -> None:
        """Write an audit entry with this transaction: `subject.verb`, who, on what, from what to what."""
        self._entries.append(
            audit.Event(
                event=event,
                actor=actor,
                subject=subject,
                before=canonical.data(before),
                after=canonical.data(after),
                reason=reason,
                plan_hash=plan_hash,
                runbook_hash=runbook_hash,
            )
        )

    def send(
        self,
        kind: str,
        template: str,
        subject: str,
        *,
        channel: str | None = None,
        surface: str | None = None,
        thread: str | None = None,
        person: str | None = None,
        args: Any = None,
    ) -> None:
        """Put a message in the outbox: post, update, ephemeral, view, home or upload.

        It is rendered from `template` and `subject` when it is delivered. An update of a surface
        that already waits is not queued twice; it only asks for the newest wording. Where the
        settings name no channel there is nobody to tell.
        """
        if kind in ADDRESSED and not channel:
            return
        row = {
            "id": ids.new("msg"),
            "state": str(work.MessageState.PENDING),
            "version": 1,
            "number": self._next_number(),
            "kind": kind,
            "channel": channel,
            "surface": surface,
            "thread": thread,
            "person": person,
            "template": template,
            "subject": subject,
            "args": args,
            "wanted": 1,
            "attempts": 0,
            "due_at": self._due(kind, surface),
            "created_at": self.now,
        }
        while not self._ask_again(row) and not self.add_once(tables.Message, row):
            pass  # another process queued the same update between our two looks: ask that one

    def _ask_again(self, row: Mapping[str, Any]) -> bool:
        if row["kind"] not in COALESCED or row["surface"] is None:
            return False
        table: Any = tables.Message
        statement = (
            update(table)
            .where(table.kind == row["kind"], table.surface == row["surface"], table.state == row["state"])
            .values(wanted=table.wanted + 1, args=row["args"])
            .execution_options(synchronize_session=False)
        )
        result: CursorResult[Any] = self.session.execute(statement)  # type: ignore[assignment]
        return result.rowcount > 0

    def _due(self, kind: str, surface: str | None) -> datetime:
        stands = self.session.get(tables.Surface, surface) if kind == "update" else None
        return max(self.now, stands.updated_at + PACE) if stands and stands.updated_at else self.now

    def _next_number(self) -> int:
        if self.session.get_bind().dialect.name == "postgresql":
            return int(self.session.execute(select(tables.MESSAGE_NUMBER.next_value())).scalar_one())
        return (
            int(self.session.execute(select(func.coalesce(func.max(tables.Message.number), 0))).scalar_one())
            + 1
        )

    def enqueue(self, kind: str, key: str, *, args: Any = None, due_at: datetime | None = None) -> bool:
        """Queue a job unless one with the same key was ever queued; say whether it is new."""
        return self.add_once(
            tables.Job,
            {
                "id": ids.new("job"),
                "state": str(work.JobState.PENDING),
                "version": 1,
                "attempts": 0,
                "kind": kind,
                "key": key,
                "args": args,
                "due_at": due_at or self.now,
                "created_at": self.now,
            },
        )

    def seal(self) -> None:
        """Flush, then append the audit entries: the chain lock is taken last, just before COMMIT."""
        self.session.flush()
        audit.append(self.session, self._entries, self.now)
        self._entries = []
