"""A database restored from an old copy: nothing acts, what is open is void, and two people resume it."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
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
from spend import canonical
from spend.errors import NotFound, Refused
from storage import audit, blast, checkpoints, ids, journal, plans, recovery, standing, tables
from storage.sources import anchors
from storage.unit import Unit
from storage.work import JobState, MessageState, RecoveryState

LOG = logging.getLogger(__name__)
#: The entries by which people let the bot go on.
SAID = ("recovery.agree", "recovery.resume")
#: Plans that somebody might still think are approved, or might approve.
OPEN = (PlanState.PENDING, PlanState.APPROVED)
VOID = "the database was restored from an old copy, so that nobody can tell what was decided since"


@dataclass(frozen=True, slots=True)
class View:
    """What people have to know of a restored database before they say that it may go on.

    Attributes:
        void: the titles of the approvals, asked for or given, that do not hold any more.
        under_way: how many runs have still to be looked at.
        looks: what a person must look at: the target, and what was seen.
        said: who said that it may go on, and why.
    """

    row: tables.Recovery
    void: Sequence[str]
    under_way: int
    looks: Sequence[tuple[str, str]]
    said: Sequence[tuple[str, str]]


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
            waits = _begin(desk, unit, forks)
    return waits


def _kept(desk: Desk) -> list[tuple[str, checkpoints.Line]]:
    """The newest checkpoints of each place outside, as far as one answers.

    Only the worker asks: the talker has no way to a cloud, and does nothing that the worker could not void.
    """
    found: list[tuple[str, checkpoints.Line]] = []
    for name in desk.org.anchors if desk.clouds else ():
        try:
            newest = anchors.place(name).newest()
        except NotFound as refusal:
            LOG.warning("%s Whether this database is an old copy was not asked there.", refusal)
            continue
        found += [(name, line) for line in newest]
        with desk.store.reading() as session:
            given = checkpoints.given(session, name)
        if given > max((line["number"] for line in newest), default=0):
            LOG.warning("%s does not hold checkpoint %s any more: look into who removed it.", name, given)
    return found


def _forks(desk: Desk, session: Any, kept: Iterable[tuple[str, checkpoints.Line]]) -> list[recovery.Fork]:
    keys = checkpoints.keys(session) | ({desk.signer.public} if desk.signer else set())
    seen = [recovery.counted(session, line, place, keys) for place, line in kept]
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


def _begin(desk: Desk, unit: Unit, forks: Sequence[recovery.Fork]) -> tables.Recovery:
    fork = max(forks, key=lambda one: (not one.seen.unproven, one.seen.head.seq))
    session = unit.session
    void = [_void(unit, plan) for plan in plans.find(session, states=OPEN, limit=None)]
    void += [_revoke(unit, one) for one in recovery.open_standings(session)]
    dropped = [_drop(unit, message) for message in recovery.open_posts(session)]
    for job in recovery.held_jobs(session):
        unit.move(job, JobState.PENDING, worker=None, epoch=None)
    row = unit.add(
        tables.Recovery(
            id=ids.new("recovery"),
            state=RecoveryState.WAITING,
            reason=fork.reason,
            fork=_facts(forks, fork) | {"void": void},
            at=unit.now,
        )
    )
    unit.record(
        "recovery.begin",
        actor=BURSAR,
        subject=row.id,
        after={**row.fork, "dropped": dropped},
        reason=row.reason,
    )
    unit.enqueue(recovery.RECONCILE, row.id)
    for channel in _told(desk.org):
        unit.send("post", "recovery", row.id, channel=channel, surface=cards.recovery(row.id, channel))
    return row


def _facts(forks: Iterable[recovery.Fork], fork: recovery.Fork) -> dict[str, Any]:
    """What was seen and found; and the hashes of what is not proven: a resume counts for these alone."""
    seen, unproven = fork.seen, [one.seen.unproven for one in forks if one.seen.unproven]
    return {
        "seen": None if seen.unproven else asdict(seen.head),
        "at": canonical.data(seen.at),
        "found": asdict(fork.found),
        "unproven": unproven,
    }


def _void(unit: Unit, row: tables.Plan) -> str:
    unit.move(row, PlanState.STALE, ended_at=unit.now, outcome=VOID, waits_for=None)
    unit.record("plan.stale", actor=BURSAR, subject=row.id, reason=VOID, plan_hash=row.hash)
    blast.release(unit, row.id)
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
        f"{found(row)}. Bursar changes nothing until two people have looked and said so: "
        f'`bursar recovery resume --reason "…"`, each from their own account.'
    )


def found(row: tables.Recovery) -> str:
    """What is wrong with the database, as far as anybody can tell."""
    if row.fork["seen"] is None:
        return f"Nobody can tell whether this database is an old copy: {row.reason}"
    return f"This database looks restored from an old copy: {row.reason}"


def view(desk: Desk, key: str) -> View:
    """A restored database as its card shows it.

    Raises:
        NotFound: there is no such recovery.
    """
    with desk.store.reading() as session:
        if (row := session.get(tables.Recovery, key)) is None:
            raise NotFound(f"There is no recovery {key}.")
        entries = list(audit.rows(session, subject=key))
        halted = plans.find(session, states=(PlanState.HALTED,), limit=None)
        return View(
            row,
            void=[_title(session, one) for one in row.fork.get("void", ())],
            under_way=len(plans.find(session, states=(PlanState.RUNNING,), limit=None)),
            looks=[look for plan in halted if _ended_by(row, plan) for look in _looks(session, plan)],
            said=[(one["actor"], one["reason"]) for one in entries if one["event"] in SAID],
        )


def _title(session: Any, key: str) -> str:
    if (plan := session.get(tables.Plan, key)) is not None:
        return plans.load(plan).title
    return f"{standing.load(session.get(tables.Standing, key)).title}, without asking"


def _ended_by(row: tables.Recovery, plan: tables.Plan) -> bool:
    return plan.outcome == VOID and plan.ended_at is not None and plan.ended_at >= row.at


def _looks(session: Any, row: tables.Plan) -> list[tuple[str, str]]:
    names = {target.id: target.name or target.id for target in plans.load(row).targets}
    steps = plans.steps(session, row.id)
    return [(names[step.target], str(step.detail)) for step in steps if step.state is StepState.NEEDS_HUMAN]


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
    with desk.store.writing(now) as unit:
        if (waits := recovery.waiting(unit.session)) is not None:
            _redraw(unit, desk.org, waits)


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
        blast.settle(unit, plan, book.steps(), desk.org.caps)
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


def resume(desk: Desk, *, actor: str, reason: str, now: datetime, key: str | None = None) -> tables.Recovery:
    """Count one person's word that the copy may be worked on; the second one lets the bot act again.

    Args:
        key: the recovery whose card was pressed; None means the one that waits.

    Raises:
        NotFound: nothing waits, or not that one.
        Refused: there is no reason, the person approves nothing here, or it is the same person twice.
    """
    if not reason.strip():
        raise Refused("Say what you looked at and why it may go on: the reason is kept in the audit log.")
    if actor not in entitled(desk.org):
        raise Refused("Only an approver or somebody of finance can resume a restored database.")
    with desk.store.writing(now) as unit:
        unit.alone("recovery")
        row = recovery.waiting(unit.session)
        if row is None or key not in {None, row.id}:
            raise NotFound("This recovery waits no more; nothing has to be resumed.")
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
        cards.tell(unit, channel, said, thread=cards.recovery(row.id, channel))
    _redraw(unit, org, row)


def _redraw(unit: Unit, org: Org, row: tables.Recovery) -> None:
    for channel in _told(org):
        unit.send("update", "recovery", row.id, surface=cards.recovery(row.id, channel))


def entitled(org: Org) -> frozenset[str]:
    """Who may resume: everybody who approves anything, and finance."""
    groups: Iterable[frozenset[str]] = org.groups.values()
    return org.finance.union(*groups) - {BURSAR}
