"""The record of one run: each call is one transaction with its audit entry and its card update."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from actions.errors import TakenOver
from actions.step import NOT_OURS, Step, StepState
from spend.errors import Conflict
from storage import plans, switches, tables
from storage.store import Store


class RunJournal:
    """`actions.Journal` over the rows of one plan; every write checks that this worker still holds it."""

    def __init__(self, store: Store, plan: str, *, card: str) -> None:
        self._store = store
        self._plan = plan
        self._card = card

    def killed(self) -> bool:
        """Whether the kill switch is on."""
        with self._store.reading() as session:
            return switches.is_on(session, switches.KILL)

    def still_mine(self) -> None:
        """Raise `TakenOver` if another worker holds the run; the last question before a call."""
        with self._store.reading() as session:
            self._held(session)

    def steps(self) -> Sequence[Step]:
        """The steps of this run as they are now."""
        with self._store.reading() as session:
            return plans.steps(session, self._plan)

    def intend(self, step: Step, before: Mapping[str, Any], *, now: datetime, send_by: datetime) -> Step:
        """Write the intent, with the state before, ahead of the call."""
        return self._write(
            step,
            StepState.INTENT,
            "step.intent",
            now,
            before=dict(before),
            send_by=send_by,
            attempts=step.attempts + 1,
        )

    def done(
        self, step: Step, after: Mapping[str, Any], *, now: datetime, reconciled: str = "", ours: bool = True
    ) -> Step:
        """Write that the goal was reached."""
        told = {"detail": reconciled, "code": None if ours else NOT_OURS} if reconciled else {}
        event = "step.reconcile" if reconciled else "step.done"
        return self._write(step, StepState.DONE, event, now, after=dict(after), ended_at=now, **told)

    def failed(self, step: Step, code: str, detail: str, *, now: datetime) -> Step:
        """Write that the cloud refused and nothing changed."""
        return self._write(step, StepState.FAILED, "step.fail", now, code=code, detail=detail, ended_at=now)

    def skipped(self, step: Step, reason: str, *, now: datetime) -> Step:
        """Write that the target was left alone, and why."""
        return self._write(step, StepState.SKIPPED, "step.skip", now, detail=reason, ended_at=now)

    def unknown(self, step: Step, detail: str, *, now: datetime) -> Step:
        """Write that the outcome cannot be told yet."""
        return self._write(step, StepState.UNKNOWN, "step.unknown", now, detail=detail)

    def needs_human(self, step: Step, detail: str, *, now: datetime) -> Step:
        """Write that a person must look."""
        return self._write(step, StepState.NEEDS_HUMAN, "step.needs_human", now, detail=detail, ended_at=now)

    def _write(self, step: Step, to: StepState, event: str, now: datetime, **values: Any) -> Step:
        with self._store.writing(now) as unit:
            self._held(unit.session, lock=True)
            row = unit.get(tables.Step, step.id)
            if row.version != step.version:
                raise Conflict("This step was moved by somebody else; look again.")
            unit.move(row, to, **values)
            told = {key: value for key, value in values.items() if key not in {"ended_at", "before"}}
            unit.record(
                event,
                actor=unit.hold.worker if unit.hold else "bursar",
                subject=self._plan,
                before=values.get("before"),
                after={"step": step.id, "target": step.target, "action": step.action, **told},
            )
            unit.send("update", "plan", self._plan, surface=self._card)
            return plans.step_of(row)

    def _held(self, session: Session, *, lock: bool = False) -> None:
        # Only these two columns: a plan of 500 targets is not to be read for each of its steps. Locked,
        # nobody can take the run over before this transaction ends; SQLite has one writer anyway.
        table: Any = tables.Plan
        query = select(table.worker, table.epoch).where(table.id == self._plan)
        hold = self._store.hold
        found = session.execute(query.with_for_update() if lock else query).one()
        if hold is None or tuple(found) != (hold.worker, hold.epoch):
            raise TakenOver(f"plan {self._plan} is not this worker's any more")
