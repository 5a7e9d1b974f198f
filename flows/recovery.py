"""A database restored from an old copy: nothing acts, what is open is void, and two people resume it."""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from actions import registry
from actions.approval import BURSAR
from actions.base import Action, Clouds, Target
from actions.errors import ActionFailed, Unreadable
from actions.plan import Plan, PlanState
from actions.standing import StandingState
from actions.step import Step, StepState
from flows import cards
from flows.desk import Desk
from flows.org import Org
from spend.errors import NotFound, Refused
from storage import checkpoints, ids, journal, plans, recovery, tables
from storage.sources import anchors
from storage.unit import Unit
from storage.work import JobState, MessageState, RecoveryState

LOG = logging.getLogger(__name__)
#: Plans that somebody might still think are approved, or might approve.
OPEN = (PlanState.PENDING, PlanState.APPROVED)
VOID = "the database was restored from an old copy, so that nobody can tell what was decided since"


def examine(desk: Desk, now: datetime) -> tables.Recovery | None:
    """Compare the database with what is known of it elsewhere; say which recovery waits, if one does.

    The first process to find an old copy voids what is open and tells on-call and finance.
    """
    with desk.store.reading() as session:
        waits = recovery.waiting(session)
    if waits is not None:
        return waits
    kept = _kept(desk)
    with desk.store.reading() as session:
        if not _forks(desk, session, kept):
            return None
    with desk.store.writing(now) as unit:
        unit.alone("recovery")
        waits = recovery.waiting(unit.session)
        if waits is None and (forks := _forks(desk, unit.session, kept)):
            recovery.raise_epochs(unit.session, max(fork.seen.head.epoch for fork in forks))
            waits = _begin(desk, unit, max(forks, key=lambda fork: fork.seen.head.seq))
    return waits


def _kept(desk: Desk) -> dict[str, checkpoints.Line]:
    """The newest checkpoint of each place outside, as far as one answers.

    Only the worker asks: the talker has no way to a cloud, and does nothing that the worker could not void.
    """
    found = {}
    for name in desk.org.anchors if desk.clouds else ():
        try:
            newest = anchors.place(name).newest()
        except NotFound as refusal:
            LOG.warning("%s Whether this database is an old copy was not asked there.", refusal)
            continue
        if newest is not None:
            found[name] = newest
        elif _was_given(desk, name):
            LOG.warning("%s holds no checkpoint any more: look into who removed them.", name)
    return found


def _was_given(desk: Desk, place: str) -> bool:
    with desk.store.reading() as session:
        return checkpoints.is_anchored(session, place)


def _forks(desk: Desk, session: Any, kept: Mapping[str, checkpoints.Line]) -> list[recovery.Fork]:
    seen = [recovery.counted(session, line, place) for place, line in kept.items()]
    if (last := recovery.last_seen(desk.lake.home)) is not None:
        seen.insert(0, last)
    return [fork for one in seen if (fork := recovery.fork(session, one))]


def remember(desk: Desk, now: datetime) -> None:
    """Keep on this machine where the audit log ends, for the next start to compare."""
    with desk.store.reading() as session:
        recovery.remember(session, desk.lake.home, now)


def why_not(desk: Desk) -> str | None:
    """Why the bot may not act, or None."""
    with desk.store.reading() as session:
        waits = recovery.waiting(session)
    return sentence(waits) if waits else None


def _begin(desk: Desk, unit: Unit, fork: recovery.Fork) -> tables.Recovery:
    row = tables.Recovery(
        id=ids.new("recovery"),
        state=RecoveryState.WAITING,
        reason=fork.reason,
        fork=_facts(fork),
        at=unit.now,
    )
    session = unit.session
    void = [_void(unit, plan) for plan in plans.find(session, states=OPEN, limit=None)]
    void += [_revoke(unit, standing) for standing in recovery.open_standings(session)]
    dropped = [_drop(unit, message) for message in recovery.open_posts(session)]
    for job in recovery.held_jobs(session):
        unit.move(job, JobState.PENDING, worker=None, epoch=None)
    unit.add(row)
    unit.record(
        "recovery.begin",
        actor=BURSAR,
        subject=row.id,
        after={**row.fork, "void": void, "dropped": dropped},
        reason=row.reason,
    )
    unit.enqueue(recovery.RECONCILE, row.id)
    for channel in _told(desk.org):
        cards.tell(unit, channel, sentence(row))
    return row


def _facts(fork: recovery.Fork) -> dict[str, Any]:
    return {
        name: {"seq": head.seq, "hash": head.hash, "epoch": head.epoch}
        for name, head in (("seen", fork.seen.head), ("found", fork.found))
    }


def _void(unit: Unit, row: tables.Plan) -> str:
    unit.move(row, PlanState.STALE, ended_at=unit.now, outcome=VOID, waits_for=None)
    unit.record("plan.stale", actor=BURSAR, subject=row.id, reason=VOID, plan_hash=row.hash)
    cards.refresh(unit, row)
    return row.id


def _revoke(unit: Unit, row: tables.Standing) -> str:
    unit.move(row, StandingState.REVOKED, ended_at=unit.now, ended_by=BURSAR, reason=VOID)
    unit.record("standing.revoke", actor=BURSAR, subject=row.id, reason=VOID)
    return row.id


def _drop(unit: Unit, row: tables.Message) -> str:
    """Better never than twice: what it tells of stands in the log."""
    unit.move(row, MessageState.DROPPED, error=VOID)
    return row.id


def _told(org: Org) -> list[str]:
    return sorted({channel for channel in (org.oncall_channel, org.finance_channel) if channel})


def sentence(row: tables.Recovery) -> str:
    """What people read while it waits."""
    return (
        f"This database looks restored from an old copy: {row.reason}. Bursar changes nothing until two "
        f'people have looked and said so: `bursar recovery resume --reason "…"`, each from their own account.'
    )


def reconcile(desk: Desk, now: datetime) -> None:
    """End the runs that the copy shows as under way: each target is looked at, and nothing is called.

    Raises:
        Unreadable: a cloud cannot be asked now; the job comes back.
    """
    if desk.clouds is None:
        raise Unreadable("this process has no access to a cloud")
    with desk.store.reading() as session:
        under_way = plans.find(session, states=(PlanState.RUNNING,), limit=None)
    for row in under_way:
        _take(desk, row.id, now)
        _look_at(desk, desk.clouds, plans.load(row), now)


def _take(desk: Desk, key: str, now: datetime) -> None:
    with desk.store.writing(now) as unit:
        hold = unit.hold
        if hold is None:
            raise Refused("Only a worker can reconcile runs; start `bursar work`.")
        unit.change(unit.get(tables.Plan, key, lock=True), worker=hold.worker, epoch=hold.epoch)


def _look_at(desk: Desk, clouds: Clouds, plan: Plan, now: datetime) -> None:
    book = journal.RunJournal(desk.store, plan.id, card=cards.plan(plan.id))
    params = {
        one.id: registry.ACTIONS[one.action].Params.model_validate(dict(one.params)) for one in plan.steps
    }
    for step in book.steps():
        action = registry.ACTIONS[step.action]
        if step.state is StepState.NEW:
            book.skipped(
                step,
                f"it had not begun in the copy that was restored; {_seen(clouds, action, plan, step)}",
                now=now,
            )
        elif step.state in {StepState.INTENT, StepState.UNKNOWN}:
            _settle(book, step, _after(clouds, action, params[step.step], step), now)
    with desk.store.writing(now) as unit:
        row = unit.get(tables.Plan, plan.id, lock=True)
        unit.move(row, PlanState.HALTED, held=True, ended_at=now, outcome=VOID)
        unit.record(
            "run.finish",
            actor=BURSAR,
            subject=plan.id,
            after={"outcome": row.state},
            reason=VOID,
            plan_hash=row.hash,
        )
        cards.refresh(unit, row)


def _after(clouds: Clouds, action: Action, params: Any, step: Step) -> Target | None:
    """The target as the step wanted it, or None."""
    try:
        return action.reached(clouds, Target.from_data(step.before or {}), params, key=step.key)
    except ActionFailed:
        return None


def _settle(book: journal.RunJournal, step: Step, after: Target | None, now: datetime) -> None:
    if step.state is StepState.INTENT:
        step = book.unknown(step, VOID, now=now)
    if after is None:
        book.needs_human(step, f"{VOID}; it does not look as the step wanted it. Look at it.", now=now)
    else:
        book.done(step, after.to_data(), now=now, reconciled=VOID)


def _seen(clouds: Clouds, action: Action, plan: Plan, step: Step) -> str:
    target = next(one for one in plan.targets if one.id == step.target)
    now = action.read(clouds, target)
    return "it is gone" if now is None else f"it is {now.state} now"


def resume(desk: Desk, *, actor: str, reason: str, now: datetime) -> tables.Recovery:
    """Count one person's word that the copy may be worked on; the second one lets the bot act again.

    Raises:
        NotFound: nothing waits.
        Refused: there is no reason, the person approves nothing here, or it is the same person twice.
    """
    if not reason.strip():
        raise Refused("Say what you looked at and why it may go on: the reason is kept in the audit log.")
    if actor not in entitled(desk.org):
        raise Refused("Only an approver or somebody of finance can resume a restored database.")
    with desk.store.writing(now) as unit:
        unit.alone("recovery")
        row = recovery.waiting(unit.session)
        if row is None:
            raise NotFound("No recovery waits; nothing has to be resumed.")
        if row.first == actor:
            raise Refused("You said so already; a second person has to agree.")
        if row.first is None:
            unit.change(row, first=actor)
            unit.record("recovery.agree", actor=actor, subject=row.id, reason=reason)
        else:
            unit.move(row, RecoveryState.RESUMED, second=actor, resumed_at=now)
            unit.record(
                "recovery.resume", actor=actor, subject=row.id, after={"first": row.first}, reason=reason
            )
        _say(unit, desk.org, row)
        return row


def _say(unit: Unit, org: Org, row: tables.Recovery) -> None:
    said = (
        "The restored database is at work again; two people resumed it."
        if row.state == RecoveryState.RESUMED
        else "One person resumed the restored database; a second one has to agree."
    )
    for channel in _told(org):
        cards.tell(unit, channel, said)


def entitled(org: Org) -> frozenset[str]:
    """Who may resume: everybody who approves anything, and finance."""
    groups: Iterable[frozenset[str]] = org.groups.values()
    return org.finance.union(*groups) - {BURSAR}
