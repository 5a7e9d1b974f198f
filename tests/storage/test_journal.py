"""The record of a run keeps every journal's promises on both databases, with an audit entry for each step."""

from typing import Any

import pytest

from actions.errors import TakenOver
from actions.journal import Journal
from actions.plan import PlanState
from actions.step import Step
from flows import cards
from spend.errors import Conflict
from storage import audit, outbox, plans, switches, tables
from storage.journal import RunJournal
from storage.locks import Hold
from storage.store import Store
from tests.actions.journal_contract import AFTER, BEFORE, NOW, SEND_BY, JournalContract, row
from tests.storage.rows import plan

MINE, THEIRS = Hold("worker-1", 3), Hold("worker-1", 4)


def begin(store: Store, steps: list[Step], held_by: Hold = MINE) -> RunJournal:
    """A run of these steps that this worker holds."""
    store.hold = MINE
    with store.writing(NOW) as unit:
        kept = plans.save(unit, plan())
        unit.move(kept, PlanState.APPROVED)
        unit.move(kept, PlanState.RUNNING, worker=held_by.worker, epoch=held_by.epoch)
        plans.add_steps(unit, steps)
    return RunJournal(store, "plan-1", card=cards.plan("plan-1"))


class TestRunJournal(JournalContract):
    """The contract, kept by rows."""

    @pytest.fixture(autouse=True)
    def _on(self, store: Store) -> None:
        self.store = store

    def make(self, steps: list[Step], tmp: Any) -> Journal:
        return begin(self.store, steps)

    def take_over(self, journal: Journal) -> None:
        with self.store.writing(NOW) as unit:
            unit.change(unit.get(tables.Plan, "plan-1"), worker=THEIRS.worker, epoch=THEIRS.epoch)

    def kill(self, journal: Journal) -> None:
        with self.store.writing(NOW) as unit:
            switches.throw(unit, switches.KILL, on=True, actor="U_OPS", reason="storm")


def entries(store: Store) -> list[dict[str, Any]]:
    with store.reading() as session:
        return [one for one in audit.rows(session, subject="plan-1") if one["event"].startswith("step.")]


def test_each_step_of_a_run_is_told_to_the_audit_log_by_the_worker_that_did_it(store: Store) -> None:
    journal = begin(store, [row(0), row(1), row(2)])
    first, second, third = journal.steps()
    first = journal.intend(first, BEFORE, now=NOW, send_by=SEND_BY)
    journal.done(first, AFTER, now=NOW)
    second = journal.unknown(journal.intend(second, BEFORE, now=NOW, send_by=SEND_BY), "no answer", now=NOW)
    journal.done(second, AFTER, now=NOW, reconciled="it was running before")
    journal.skipped(third, "it is gone", now=NOW)
    told = entries(store)
    assert [(one["event"], one["after"]["step"]) for one in told] == [
        ("step.intent", "plan-1.0"),
        ("step.done", "plan-1.0"),
        ("step.intent", "plan-1.1"),
        ("step.unknown", "plan-1.1"),
        ("step.reconcile", "plan-1.1"),
        ("step.skip", "plan-1.2"),
    ]
    assert {one["actor"] for one in told} == {"worker-1"}
    assert told[0]["before"] == BEFORE
    assert told[0]["after"]["send_by"] == "2026-06-17T12:00:30.000000Z"
    assert told[1]["after"]["after"] == AFTER
    assert told[-1]["after"]["detail"] == "it is gone"


def test_a_refused_write_leaves_no_entry_and_no_card(store: Store) -> None:
    journal = begin(store, [row(0)], held_by=THEIRS)
    with pytest.raises(Exception, match="not this worker's any more"):
        journal.intend(journal.steps()[0], BEFORE, now=NOW, send_by=SEND_BY)
    assert entries(store) == []
    with store.reading() as session:
        assert outbox.pending(session) == 0


def test_the_card_is_asked_for_once_however_many_steps_were_taken(store: Store) -> None:
    journal = begin(store, [row(0), row(1)])
    for step in journal.steps():
        journal.skipped(step, "it is gone", now=NOW)
    with store.reading() as session:
        (update,) = outbox.due(session, NOW)
        assert (update.kind, update.surface, update.wanted) == ("update", "plan:plan-1", 2)


def test_each_entry_of_a_step_holds_what_was_written_and_nothing_twice(store: Store) -> None:
    journal = begin(store, [row(0), row(1)])
    first, second = journal.steps()
    first = journal.intend(first, BEFORE, now=NOW, send_by=SEND_BY)
    journal.failed(first, "Denied", "it may not be stopped", now=NOW)
    second = journal.unknown(journal.intend(second, BEFORE, now=NOW, send_by=SEND_BY), "no answer", now=NOW)
    journal.needs_human(second, "look at it", now=NOW)
    what = {"step": "plan-1.0", "target": "i-0", "action": "aws.stop_instances"}
    other = {**what, "step": "plan-1.1", "target": "i-1"}
    intent = {"attempts": 1, "send_by": "2026-06-17T12:00:30.000000Z"}
    assert [(one["event"], one["before"], one["after"]) for one in entries(store)] == [
        ("step.intent", BEFORE, {**what, **intent}),
        ("step.fail", None, {**what, "code": "Denied", "detail": "it may not be stopped"}),
        ("step.intent", BEFORE, {**other, **intent}),
        ("step.unknown", None, {**other, "detail": "no answer"}),
        ("step.needs_human", None, {**other, "detail": "look at it"}),
    ]
    assert journal.steps()[1].ended_at == NOW


def test_what_is_done_says_when_and_only_what_was_reconciled_says_how(store: Store) -> None:
    journal = begin(store, [row(0)])
    done = journal.done(journal.steps()[0], AFTER, now=NOW)
    assert (done.ended_at, done.detail, done.code) == (NOW, None, None)
    assert set(entries(store)[0]["after"]) == {"step", "target", "action", "after"}


def test_an_old_copy_of_a_step_is_refused_in_words(store: Store) -> None:
    journal = begin(store, [row(0)])
    old = journal.steps()[0]
    journal.intend(old, BEFORE, now=NOW, send_by=SEND_BY)
    with pytest.raises(Conflict, match=r"^This step was moved by somebody else; look again\.$"):
        journal.skipped(old, "it is gone", now=NOW)


def test_a_worker_without_a_hold_writes_nothing(store: Store) -> None:
    journal = begin(store, [row(0)])
    store.hold = None
    with pytest.raises(TakenOver, match=r"^plan plan-1 is not this worker's any more$"):
        journal.still_mine()
