"""The seeded faults, by what somebody could get wrong, each beside the name of the proof that finds it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any

from actions import approval, blast, runner, sending, standing
from actions.base import Target
from actions.errors import TakenOver
from actions.step import Step, StepState
from flows import approvals, automatic, dispatch, quorum
from flows import standing as consent
from spend.errors import Refused
from storage import audit, journal, plans, unit
from storage import blast as ledger
from tests.faults.planting import Fault, answering, part

Right = Callable[..., Any]


def one_is_enough(_right: Right) -> Right:
    """Whoever says yes first decides."""
    return lambda _what, voted, *_teams: bool(voted)


def without(*sentences: str) -> Callable[[Right], Right]:
    """Each refusal but those that begin so."""

    def wrong(right: Right) -> Right:
        @wraps(right)
        def lenient(*args: Any, **names: Any) -> Any:
            try:
                return right(*args, **names)
            except Refused as no:
                if not str(no).startswith(sentences):
                    raise

        return lenient

    return wrong


def counted_by_votes(right: Right) -> Right:
    """Votes are counted, not people."""
    return lambda what, voted, *teams: len(voted) >= what.quorum or right(what, voted, *teams)


def kept_once(right: Right) -> Right:
    """A second word of one person is lost without a word."""

    def vote(unit: Any, plan: str, person: str, decision: str, **more: Any) -> None:
        if person not in plans.approvals(unit.session, plan):
            right(unit, plan, person, decision, **more)

    return vote


def not_asked(name: str) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """The checks of the dispatch but for this one."""
    return lambda checks: tuple(check for check in checks if check.__name__ != name)


PLANS: Mapping[str, Fault] = {
    "one approval is enough where two are needed": part(approvals, "complete", one_is_enough),
    "who asked for a plan approves it": (
        part(approvals, "admit", without("You asked for this plan"))
        + part(approval, "able", lambda _right: lambda plan: plan.approvers)
    ),
    "approve-by is not looked at": part(approvals, "admit", without("This plan has expired")),
    "the hash of the card is not looked at": part(approvals, "admit", without("The card you clicked")),
    "two presses of one person count twice": (
        part(approvals, "admit", without("Your approval is already counted"))
        + part(approvals, "complete", counted_by_votes)
        + part(plans, "vote", kept_once)
    ),
    "somebody who is no approver any more approves": part(approvals, "entitle", answering(None)),
    "votes are not counted again at dispatch": part(quorum, "judge", answering(None)),
    "a changed runbook is not seen at dispatch": part(dispatch, "CHECKS", not_asked("runbook")),
}


def timeless(right: Right) -> Right:
    """It never has its last day."""
    return lambda self, runbook_hash, _now: right(self, runbook_hash, self.created_at)


STANDING: Mapping[str, Fault] = {
    "a standing approval is in force past its date": part(standing.Standing, "over", timeless),
    "its bounds of a day are not looked at": part(standing.Bounds, "hold", answering(True)),
    "what was revoked lets a plan run": part(automatic, "hold", answering((None, None))),
    "who asked for it agrees to it": (
        part(consent, "admit", without("You asked for this standing approval"))
        + part(consent, "complete", counted_by_votes)
    ),
    "who left since still counts for it": part(automatic, "_agreed", answering(None)),
}


def alone_in_its_day(right: Right) -> Right:
    """Each plan is judged as if it were the only one of its day."""
    return lambda self, wanted, _used, fleets: right(self, wanted, blast.Load(), fleets)


LEDGER: Mapping[str, Fault] = {
    "no room is taken": part(ledger, "reserve", answering(None)),
    "room is not given back": part(ledger, "release", answering(None)),
    "room of what was not touched is not given back": part(ledger, "settle", answering(None)),
    "caps are compared per plan": part(blast.Caps, "against", alone_in_its_day),
    "the share of a fleet is not looked at": part(blast.Caps, "_over_share", answering(())),
    "room stays on the day of the approval": part(ledger, "carry_over", answering(None)),
}


def last_one_lost(right: Right) -> Right:
    """Of several entries of a transaction the last is not written."""
    return lambda session, events, now: right(session, events[:1], now)


def beside_the_chain(_right: Right) -> Right:
    """Each row is chained to nothing but its own number."""
    return lambda session: audit.Mark(_length(session), f"{_length(session):064x}")


def _length(session: Any) -> int:
    return sum(1 for _ in audit.stored(session))


def without_what_came_before(_right: Right) -> Right:
    """A row's place in the chain is not looked at."""
    return lambda row, _seq, _previous, _signed: None if audit._holds(row) else f"row {row.seq} was changed"


def another_head(right: Right) -> Right:
    """Who signs a checkpoint counts right, and signs another head."""

    def verify(session: Any, start: Any = None, signed: Any = None) -> Any:
        found = right(session, start, signed)
        return found if start is None else replace(found, head=audit.GENESIS)

    return verify


AUDIT: Mapping[str, Fault] = {
    "an entry is dropped": part(audit, "append", last_one_lost),
    "a row does not hold the hash of the one before": part(audit, "head", beside_the_chain),
    "a changed row is not seen": part(audit, "_holds", answering(True)),
    "a missing row is not seen": part(audit, "_wrong", without_what_came_before),
    "a checkpoint is signed over another head": part(audit, "verify", another_head),
}


def call_first(right: Right) -> Right:
    """The call goes out before its intent is durable."""

    def hasty(self: Any, row: Step, target: Target) -> None:
        action, params = self.by.registry[row.action], self.params[row.step]
        action.apply(self.by.clouds, target, params, run=self.plan.id, key=row.key)
        right(self, row, target)

    return hasty


def repeat_first(right: Right) -> Right:
    """Who takes a run up sends once more what was intended, before any look."""

    def blind(self: Any) -> None:
        for row in self._in(StepState.INTENT):
            action, params = self.by.registry[row.action], self.params[row.step]
            action.apply(self.by.clouds, self.targets[row.target], params, run=self.plan.id, key=row.key)
        right(self)

    return blind


def whenever(right: Right) -> Right:
    """The last moment for a call is not looked at."""
    return lambda self, target, send_by: right(self, target, send_by.replace(year=9999))


def not_by_the_name(_right: Right) -> Right:
    """Who holds the run is asked, but not which taking of the seat."""

    def held(self: Any, session: Any, **_how: Any) -> None:
        worker = session.get(journal.tables.Plan, self._plan).worker
        if self._store.hold.worker != worker:
            raise TakenOver("another one's")

    return held


def but_intents(right: Right) -> Right:
    """An intent is not told to the audit log."""

    def record(self: Any, event: str, **told: Any) -> None:
        if event != "step.intent":
            right(self, event, **told)

    return record


STEPS: Mapping[str, Fault] = {
    "the call goes out before its intent": part(runner._Run, "_intend_and_send", call_first),
    "what was intended is repeated blindly": part(runner._Run, "_look_at_what_was_sent", repeat_first),
    "a call is repeated while the first may be under way": part(sending, "over", answering(True)),
    "the kill switch is not asked": part(journal.RunJournal, "killed", answering(False)),
    "the epoch is not compared": part(journal.RunJournal, "_held", not_by_the_name),
    "a call is sent after its last moment": part(runner._Run, "_leave", whenever),
    "what changed since the plan is not compared": part(runner._Run, "_against", answering(None)),
    "failures do not stop a run": part(runner._Run, "_too_many_failed", answering(False)),
    "an intent is not told to the audit log": part(unit.Unit, "record", but_intents),
}
