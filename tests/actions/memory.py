"""A journal in memory that obeys the same contract as the one in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from actions.errors import TakenOver
from actions.step import MOVES, Step, StepState
from spend.errors import Conflict
from spend.moves import check

S = StepState


class MemoryJournal:
    """Rows in a dictionary, and the entries that an audit log would get."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.rows = {step.id: step for step in steps}
        self.entries: list[tuple[str, int]] = []
        self.on = False
        self.taken = False

    def killed(self) -> bool:
        return self.on

    def steps(self) -> Sequence[Step]:
        return sorted(self.rows.values(), key=lambda step: step.number)

    def intend(self, step: Step, before: Mapping[str, Any], *, now: datetime, send_by: datetime) -> Step:
        return self._move(step, S.INTENT, "step.intent", before=dict(before))

    def done(self, step: Step, after: Mapping[str, Any], *, now: datetime, reconciled: bool = False) -> Step:
        return self._move(step, S.DONE, "step.reconcile" if reconciled else "step.done", after=dict(after))

    def failed(self, step: Step, code: str, detail: str, *, now: datetime) -> Step:
        return self._move(step, S.FAILED, "step.fail", code=code, detail=detail)

    def skipped(self, step: Step, reason: str, *, now: datetime) -> Step:
        return self._move(step, S.SKIPPED, "step.skip", detail=reason)

    def unknown(self, step: Step, detail: str, *, now: datetime) -> Step:
        return self._move(step, S.UNKNOWN, "step.unknown", detail=detail)

    def needs_human(self, step: Step, detail: str, *, now: datetime) -> Step:
        return self._move(step, S.NEEDS_HUMAN, "step.needs_human", detail=detail)

    def _move(self, step: Step, to: StepState, event: str, **what: Any) -> Step:
        if self.taken:
            raise TakenOver("another worker holds this run")
        held = self.rows[step.id]
        if held.version != step.version:
            raise Conflict("This step was moved by somebody else; look again.")
        check(MOVES, "step", held.state, to)
        self.rows[step.id] = replace(held, state=to, version=held.version + 1, **what)
        self.entries.append((event, step.number))
        return self.rows[step.id]
