"""What every journal promises, as tests: subclass it and say how to make one."""

from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from actions.errors import TakenOver
from actions.journal import Journal
from actions.step import NOT_OURS, Step, StepState
from spend.errors import Conflict

NOW = datetime(2026, 6, 17, 12, tzinfo=UTC)
SEND_BY = NOW + timedelta(seconds=30)
BEFORE = {"id": "i-1", "state": "running", "tags": {"Name": "box"}}
AFTER = {"id": "i-1", "state": "stopped", "tags": {"Name": "box"}}
S = StepState


def row(number: int, plan: str = "plan-1") -> Step:
    """A step that nothing has happened to."""
    return Step(f"{plan}.{number}", plan, number, 0, f"i-{number}", "stop", "aws.stop_instances")


class JournalContract(ABC):
    """Subclasses are named `Test…` and make a journal that holds these steps."""

    @abstractmethod
    def make(self, steps: list[Step], tmp: Any) -> Journal:
        """A journal of a run with these steps, held by this worker."""

    @abstractmethod
    def take_over(self, journal: Journal) -> None:
        """Let another worker take the run."""

    @abstractmethod
    def kill(self, journal: Journal) -> None:
        """Turn the kill switch on."""

    @pytest.fixture
    def journal(self, tmp_path: Any) -> Journal:
        return self.make([row(0), row(1)], tmp_path)

    def test_the_rows_come_in_order_as_they_are_now(self, journal: Journal) -> None:
        assert [step.number for step in journal.steps()] == [0, 1]
        assert {step.state for step in journal.steps()} == {S.NEW}
        journal.skipped(journal.steps()[1], "it is gone", now=NOW)
        assert [step.state for step in journal.steps()] == [S.NEW, S.SKIPPED]
        assert journal.steps()[1].detail == "it is gone"

    def test_an_intent_holds_the_state_before(self, journal: Journal) -> None:
        step = journal.intend(journal.steps()[0], BEFORE, now=NOW, send_by=SEND_BY)
        assert (step.state, step.before, step.after) == (S.INTENT, BEFORE, None)
        assert journal.steps()[0] == step

    def test_what_is_done_holds_both_states(self, journal: Journal) -> None:
        step = journal.intend(journal.steps()[0], BEFORE, now=NOW, send_by=SEND_BY)
        step = journal.done(step, AFTER, now=NOW)
        assert (step.state, step.before, step.after) == (S.DONE, BEFORE, AFTER)
        assert step.changed
        assert journal.steps()[0] == step

    def test_what_was_done_by_somebody_else_has_no_state_before(self, journal: Journal) -> None:
        step = journal.done(journal.steps()[0], AFTER, now=NOW)
        assert (step.state, step.before, step.after) == (S.DONE, None, AFTER)
        assert not step.changed

    def test_a_failure_holds_code_and_detail(self, journal: Journal) -> None:
        step = journal.intend(journal.steps()[0], BEFORE, now=NOW, send_by=SEND_BY)
        step = journal.failed(step, "OperationNotPermitted", "it may not be stopped", now=NOW)
        assert (step.state, step.code, step.detail) == (
            S.FAILED,
            "OperationNotPermitted",
            "it may not be stopped",
        )

    def test_the_unknown_is_reconciled_or_left_to_a_person(self, journal: Journal) -> None:
        for step in journal.steps():
            journal.intend(step, BEFORE, now=NOW, send_by=SEND_BY)
        first, second = [journal.unknown(step, "time-out", now=NOW) for step in journal.steps()]
        assert (first.state, first.detail) == (S.UNKNOWN, "time-out")
        done = journal.done(first, AFTER, now=NOW, reconciled="it was running before and is stopped")
        assert (done.state, done.detail, done.changed) == (
            S.DONE,
            "it was running before and is stopped",
            True,
        )
        assert journal.needs_human(second, "look at it", now=NOW).state is S.NEEDS_HUMAN

    def test_what_somebody_else_did_meanwhile_is_done_and_not_ours(self, journal: Journal) -> None:
        step = journal.intend(journal.steps()[0], BEFORE, now=NOW, send_by=SEND_BY)
        step = journal.unknown(step, "time-out", now=NOW)
        step = journal.done(step, AFTER, now=NOW, reconciled="without this run's tag", ours=False)
        assert (step.state, step.code, step.changed) == (S.DONE, NOT_OURS, False)
        assert journal.steps()[0] == step

    def test_a_further_attempt_is_counted_and_has_a_last_moment_of_its_own(self, journal: Journal) -> None:
        step = journal.intend(journal.steps()[0], BEFORE, now=NOW, send_by=SEND_BY)
        assert (step.attempts, step.send_by) == (1, SEND_BY)
        step = journal.unknown(step, "time-out", now=NOW)
        again = journal.intend(step, BEFORE, now=SEND_BY, send_by=SEND_BY + timedelta(seconds=30))
        assert (again.state, again.attempts) == (S.INTENT, 2)
        assert again.send_by == SEND_BY + timedelta(seconds=30)
        assert journal.steps()[0] == again

    def test_what_ended_says_when(self, journal: Journal) -> None:
        first, second = journal.steps()
        assert journal.skipped(second, "it is gone", now=NOW).ended_at == NOW
        first = journal.intend(first, BEFORE, now=NOW, send_by=SEND_BY)
        assert first.ended_at is None
        assert journal.failed(first, "Code", "refused", now=SEND_BY).ended_at == SEND_BY

    def test_moves_that_are_not_in_the_table_change_nothing(self, journal: Journal) -> None:
        new, other = journal.steps()
        ended = journal.skipped(other, "it is gone", now=NOW)
        with pytest.raises(Conflict):
            journal.failed(new, "Code", "a failure without an intent", now=NOW)
        with pytest.raises(Conflict):
            journal.intend(ended, BEFORE, now=NOW, send_by=SEND_BY)
        assert [step.state for step in journal.steps()] == [S.NEW, S.SKIPPED]

    def test_an_old_copy_of_a_row_cannot_be_moved(self, journal: Journal) -> None:
        old = journal.steps()[0]
        journal.intend(old, BEFORE, now=NOW, send_by=SEND_BY)
        with pytest.raises(Conflict):
            journal.intend(old, BEFORE, now=NOW, send_by=SEND_BY)
        journal.unknown(journal.steps()[0], "time-out", now=NOW)
        with pytest.raises(Conflict):  # nor where the table would allow a further attempt
            journal.intend(old, BEFORE, now=NOW, send_by=SEND_BY)

    @pytest.mark.case("V2.3.4")
    def test_who_lost_the_run_writes_nothing_more(self, journal: Journal) -> None:
        step = journal.steps()[0]
        journal.still_mine()
        self.take_over(journal)
        with pytest.raises(TakenOver):
            journal.still_mine()
        with pytest.raises(TakenOver):
            journal.intend(step, BEFORE, now=NOW, send_by=SEND_BY)
        with pytest.raises(TakenOver):
            journal.skipped(step, "it is gone", now=NOW)

    def test_the_kill_switch_shows_at_once(self, journal: Journal) -> None:
        assert not journal.killed()
        self.kill(journal)
        assert journal.killed()
