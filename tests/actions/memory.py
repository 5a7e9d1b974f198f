"""A journal in memory that obeys the same contract as the one in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from actions.errors import TakenOver
from actions.step import MOVES, NOT_OURS, Step, StepState
from spend.errors import Conflict
from spend.moves import check

S = StepState


class MemoryJournal:
    """Rows in a dictionary, and the entries that an audit log would get."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.rows = {step.id: step for step in steps}
        self.entries: list[tuple[str, int]] = []
        self.times: list[datetime] = []
        self.on = False
        self.taken = False

    def killed(self) -> bool:
        return self.on

    def still_mine(self) -> None:
        if self.taken:
            raise TakenOver("another worker holds this run")

    def steps(self) -> Sequence[Step]:
        return sorted(self.rows.values(), key=lambda step: step.number)

    def intend(self, step: Step, before: Mapping[str, Any], *, now: datetime, send_by: datetime) -> Step:
        sent = {"before": dict(before), "send_by": send_by, "attempts": step.attempts + 1}
        return self._move(step, S.INTENT, "step.intent", now, **sent)

    def done(
        self, step: Step, after: Mapping[str, Any], *, now: datetime, reconciled: str = "", ours: bool = True
    ) -> Step:
        told = {"detail": reconciled, "code": None if ours else NOT_OURS} if reconciled else {}
        event = "step.reconcile" if reconciled else "step.done"
        return self._move(step, S.DONE, event, now, after=dict(after), ended_at=now, **told)

    def failed(self, step: Step, code: str, detail: str, *, now: datetime) -> Step:
        return self._move(step, S.FAILED, "step.fail", now, code=code, detail=detail, ended_at=now)

    def skipped(self, step: Step, reason: str, *, now: datetime) -> Step:
        return self._move(step, S.SKIPPED, "step.skip", now, detail=reason, ended_at=now)

    def unknown(self, step: Step, detail: str, *, now: datetime) -> Step:
        return self._move(step, S.UNKNOWN, "step.unknown", now, detail=detail)

    def needs_human(self, step: Step, detail: str, *, now: datetime) -> Step:
        return self._move(step, S.NEEDS_HUMAN, "step.needs_human", now, detail=detail, ended_at=now)

    def _move(self, step: Step, to: StepState, event: str, now: datetime, **what: Any) -> Step:
        self.still_mine()
        held = self.rows[step.id]
        if held.version != step.version:
            raise Conflict("This step was moved by somebody else; look again.")
        check(MOVES, "step", held.state, to)
        self.rows[step.id] = replace(held, state=to, version=held.version + 1, **what)
        self.entries.append((event, step.number))
        self.times.append(now.astimezone(UTC))
        return self.rows[step.id]
