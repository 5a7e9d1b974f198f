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
from storage import audit, journal, plans, tables, unit
from storage import blast as ledger
from tests.faults.planting import Seeded, answering, part

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


PLANS: Mapping[str, Seeded] = {
    "one approval is enough where two are needed": Seeded(
        part(approvals, "complete", one_is_enough), "propose approve"
    ),
    "who asked for a plan approves it": Seeded(
        part(approvals, "admit", without("You asked for this plan"))
        + part(approval, "able", lambda _right: lambda plan: plan.approvers),
        "propose approve",
    ),
    "approve-by is not looked at": Seeded(
        part(approvals, "admit", without("This plan has expired")), "propose press_too_late turn"
    ),
    "the hash of the card is not looked at": Seeded(
        part(approvals, "admit", without("The card you clicked")), "propose press_another_card"
    ),
    "two presses of one person count twice": Seeded(
        part(approvals, "admit", without("Your approval is already counted"))
        + part(approvals, "complete", counted_by_votes)
        + part(plans, "vote", kept_once),
        "propose press_twice turn",
    ),
    "somebody who is no approver any more approves": Seeded(
        part(approvals, "entitle", answering(None)), "propose press_after_leaving"
    ),
    "votes are not counted again at dispatch": Seeded(
        part(quorum, "judge", answering(None)), "propose agree dispatch_after"
    ),
    "a changed runbook is not seen at dispatch": Seeded(
        part(dispatch, "CHECKS", not_asked("runbook")), "propose agree dispatch_after"
    ),
}


def timeless(right: Right) -> Right:
    """It never has its last day."""
    return lambda self, runbook_hash, _now: right(self, runbook_hash, self.created_at)


STANDING: Mapping[str, Seeded] = {
    "a standing approval is in force past its date": Seeded(
        part(standing.Standing, "over", timeless), "propose propose_too_late"
    ),
    "its bounds of a day are not looked at": Seeded(
        part(standing.Bounds, "hold", answering(True)), "propose"
    ),
    "what was revoked lets a plan run": Seeded(
        part(automatic, "hold", answering((None, None))), "propose revoke dispatch"
    ),
    "who asked for it agrees to it": Seeded(
        part(consent, "admit", without("You asked for this standing approval"))
        + part(consent, "complete", counted_by_votes),
        "ask agree",
    ),
    "who left since still counts for it": Seeded(
        part(automatic, "_agreed", answering(None)), "propose change_the_group"
    ),
}


def alone_in_its_day(right: Right) -> Right:
    """Each plan is judged as if it were the only one of its day."""
    return lambda self, wanted, _used, fleets: right(self, wanted, blast.Load(), fleets)


LEDGER: Mapping[str, Seeded] = {
    "no room is taken": Seeded(part(ledger, "reserve", answering(None)), "approve"),
    "room is not given back": Seeded(part(ledger, "release", answering(None)), "approve cancel"),
    "room of what was not touched is not given back": Seeded(
        part(ledger, "settle", answering(None)), "approve run"
    ),
    "caps are compared per plan": Seeded(part(blast.Caps, "against", alone_in_its_day), "approve"),
    "the share of a fleet is not looked at": Seeded(
        part(blast.Caps, "_over_share", answering(())), "approve"
    ),
    "room stays on the day of the approval": Seeded(
        part(ledger, "carry_over", answering(None)), "approve run later"
    ),
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


AUDIT: Mapping[str, Seeded] = {
    "an entry is dropped": Seeded(part(audit, "append", last_one_lost), "write"),
    "a row does not hold the hash of the one before": Seeded(part(audit, "head", beside_the_chain), "write"),
    "a changed row is not seen": Seeded(part(audit, "_holds", answering(True)), "write edit"),
    "a missing row is not seen": Seeded(part(audit, "_wrong", without_what_came_before), "write remove"),
    "a checkpoint is signed over another head": Seeded(part(audit, "verify", another_head), "write sign"),
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
        worker = session.get(tables.Plan, self._plan).worker
        if self._store.hold.worker != worker:
            raise TakenOver("another one's")

    return held


def but_intents(right: Right) -> Right:
    """An intent is not told to the audit log."""

    def record(self: Any, event: str, **told: Any) -> None:
        if event != "step.intent":
            right(self, event, **told)

    return record


STEPS: Mapping[str, Seeded] = {
    "the call goes out before its intent": Seeded(
        part(runner._Run, "_intend_and_send", call_first), "approve go_on"
    ),
    "what was intended is repeated blindly": Seeded(
        part(runner._Run, "_look_at_what_was_sent", repeat_first), "approve go_on"
    ),
    "a call is repeated while the first may be under way": Seeded(
        part(sending, "over", answering(True)), "approve go_on"
    ),
    "the kill switch is not asked": Seeded(
        part(journal.RunJournal, "killed", answering(False)), "approve go_on"
    ),
    "the epoch is not compared": Seeded(part(journal.RunJournal, "_held", not_by_the_name), "approve go_on"),
    "a call is sent after its last moment": Seeded(part(runner._Run, "_leave", whenever), "approve go_on"),
    "what changed since the plan is not compared": Seeded(
        part(runner._Run, "_against", answering(None)), "approve meddle_first go_on"
    ),
    "failures do not stop a run": Seeded(
        part(runner._Run, "_too_many_failed", answering(False)), "approve go_on"
    ),
    "an intent is not told to the audit log": Seeded(part(unit.Unit, "record", but_intents), "approve go_on"),
}
