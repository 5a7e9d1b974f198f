"""Standing approvals: asked for, agreed to by two, ended by anybody entitled, and never without an end."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pydantic import ValidationError

from actions import planning, window
from actions.approval import BURSAR
from actions.standing import (
    ANSWER_WITHIN,
    OPEN,
    Bounds,
    Selector,
    Standing,
    StandingState,
    admit,
    complete,
    permissible,
)
from flows import cards, directory
from flows.approvals import entitle
from flows.desk import Desk
from flows.directory import Roster
from runbooks.schema import Amount, Runbook
from spend.errors import NotFound, Refused
from storage import ids, plans, standing, tables
from storage.unit import Unit

#: How many days before its end the on-call channel is reminded, the last reminder last.
REMINDERS = (7, 1)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for, as they wrote it.

    Attributes:
        window: such as `mon-fri 09:00-17:00 Europe/Berlin`.
        targets: how many a day at most.
        amount: how much a month they may cost together, of one day, such as `200 USD`.
        until: the last day, in the zone of the window.
    """

    runbook: str
    window: str
    targets: int
    amount: str
    until: date
    reason: str
    selector: Selector


def request(desk: Desk, wish: Wish, *, actor: str, now: datetime) -> Standing:
    """Ask for a standing approval; its card asks the runbook's approvers.

    Raises:
        Refused: with the sentence the person reads.
        NotFound: there is no such runbook.
    """
    runbook = desk.runbooks.get(wish.runbook)
    if runbook is None:
        known = ", ".join(sorted(desk.runbooks))
        raise NotFound(f"There is no runbook {wish.runbook}; there are {known}.")
    one = _frozen(desk, runbook, wish, actor, now)
    permissible(one, planning.actions_of(runbook), production=runbook.guards.production == "allowed")
    if actor not in one.approvers and not desk.org.teams_of(actor):
        raise Refused("Only an owner of a team or an approver of this runbook can ask for this.")
    with desk.store.writing(now) as unit:
        standing.save(unit, one)
        unit.record(
            "standing.request",
            actor=actor,
            subject=one.id,
            after={**one.content(), "hash": one.hash},
            reason=one.reason,
            runbook_hash=one.runbook_hash,
        )
        unit.send("post", "standing", one.id, channel=desk.org.oncall_channel, surface=cards.standing(one.id))
    return one


def _frozen(desk: Desk, runbook: Runbook, wish: Wish, actor: str, now: datetime) -> Standing:
    if runbook.when.propose != "automatically":
        raise Refused(
            f"{runbook.name} is proposed on request only, so nothing would ever run under this; "
            "press Act on a finding instead."
        )
    hours = window.read(wish.window)
    found = directory.remembered(desk, runbook.approval.groups, wish.selector.team, now)
    with desk.store.reading() as session:
        proven = plans.has_run(session, runbook.name, runbook.hash)
    return Standing(
        id=ids.new("standing"),
        title=runbook.title,
        runbook=runbook.name,
        runbook_hash=runbook.hash,
        selector=_known(desk, wish.selector),
        window=hours,
        bounds=_bounds(desk, wish),
        until=window.end_of(wish.until, hours.zone),
        approvers=tuple(sorted(found.approvers())),
        authors=() if proven else tuple(sorted(desk.org.members_named(runbook.authors))),
        requested_by=actor,
        reason=wish.reason.strip(),
        created_at=now,
        answer_by=now + ANSWER_WITHIN,
    )


def _known(desk: Desk, selector: Selector) -> Selector:
    """The selector, if it names accounts and a team that there are: one misspelt would match nothing."""
    if unknown := sorted(set(selector.accounts) - set(desk.org.accounts)):
        raise Refused(f"The settings know no account {', '.join(unknown)}; correct it or add it there.")
    if selector.team is not None and selector.team not in desk.org.teams:
        raise Refused(f"The settings know no team {selector.team}; correct it or add it there.")
    return selector


def _bounds(desk: Desk, wish: Wish) -> Bounds:
    try:
        much = Amount.model_validate(wish.amount)
    except ValidationError:
        raise Refused(
            "Write the money as an amount with its currency, such as 200 USD: what the things "
            "that one day may touch cost a month."
        ) from None
    if much.currency != desk.org.caps.currency:
        raise Refused(f"Write the money in {desk.org.caps.currency}, in which the day's caps are counted.")
    return Bounds(wish.targets, much.amount, much.currency)


def roster(desk: Desk, one: Standing, now: datetime) -> Roster:
    """Who may decide about it, as the rows have it; nobody, where its runbook is gone."""
    runbook = desk.runbooks.get(one.runbook)
    return directory.remembered(desk, runbook.approval.groups if runbook else (), one.selector.team, now)


def approve(desk: Desk, key: str, *, actor: str, shown: str, reason: str, now: datetime) -> Standing:
    """Count one approval; the one that completes the quorum puts it in force.

    Args:
        shown: the start of the hash on the card that was clicked.

    Raises:
        Refused: with the sentence the person reads.
    """
    with desk.store.writing(now) as unit:
        row = unit.get(tables.Standing, key, lock=True)
        one, voted = standing.load(row), standing.approved_by(unit.session, key)
        admit(one, voted, actor, shown, now)
        found = _current(desk, one, actor, reason, now)
        standing.vote(unit, key, actor, reason.strip(), directory.proof(desk, unit, found, actor))
        if complete(one, [person for person in (*voted, actor) if found.entitled(person) is True]):
            unit.move(row, StandingState.ACTIVE, reminded=_past_reminder(one, now))
        else:
            unit.change(row)
        unit.record(
            "standing.approve",
            actor=actor,
            subject=key,
            after={
                "approvals": sorted([*voted, actor]),
                "needed": one.quorum,
                "state": row.state,
                "hash": row.hash,
            },
            reason=reason.strip(),
            runbook_hash=one.runbook_hash,
        )
        cards.refresh(unit, row)
        return standing.load(row)


def deny(desk: Desk, key: str, *, actor: str, shown: str, reason: str, now: datetime) -> Standing:
    """End the question with a no: one entitled person is enough, also one who said yes before.

    Raises:
        Refused: with the sentence the person reads.
    """
    with desk.store.writing(now) as unit:
        row = unit.get(tables.Standing, key, lock=True)
        one = standing.load(row)
        admit(one, (), actor, shown, now)
        _current(desk, one, actor, reason, now)
        _end(unit, row, StandingState.DENIED, actor, reason.strip())
        return standing.load(row)


def _current(desk: Desk, one: Standing, actor: str, reason: str, now: datetime) -> Roster:
    """Who may decide now. Refused unless the question stands as it was put, to this person, with a reason."""
    if one.runbook not in desk.runbooks or desk.runbooks[one.runbook].hash != one.runbook_hash:
        raise Refused("The runbook changed since this was asked for, so it has to be asked for anew.")
    entitle(found := roster(desk, one, now), actor)
    if not reason.strip():
        raise Refused("Say why: the reason is kept in the audit log.")
    return found


def revoke(desk: Desk, key: str, *, actor: str, now: datetime) -> Standing:
    """End it at once: nothing begins under it from here on, and what was approved under it goes stale.

    Raises:
        Refused: neither an approver of it nor who asked for it, or it has ended already.
    """
    with desk.store.writing(now) as unit:
        row = unit.get(tables.Standing, key, lock=True)
        one = standing.load(row)
        known = actor in {one.requested_by, *one.approvers}
        if not known and roster(desk, one, now).entitled(actor) is not True:
            raise Refused("Only who asked for this, or one of its approvers, can revoke it.")
        _end(unit, row, StandingState.REVOKED, actor)
        cards.tell(
            unit,
            desk.org.oncall_channel,
            f"<@{actor}> revoked the standing approval {key} for {one.runbook}: people are asked again. "
            "A run that is under way goes on; the kill switch stops it.",
        )
        return standing.load(row)


def halt(desk: Desk, unit: Unit, row: tables.Standing, why: str) -> None:
    """Revoke one that took more than it allows, and say so in the on-call channel."""
    if row.state == StandingState.ACTIVE:
        _end(unit, row, StandingState.REVOKED, BURSAR, why)
    cards.tell(
        unit,
        desk.org.oncall_channel,
        f"The standing approval {row.id} for {row.runbook} is revoked: {why}. "
        f"`bursar audit show {row.id}` has the account.",
    )


#: What the audit log calls each way to end.
ENDINGS = {
    StandingState.DENIED: "standing.deny",
    StandingState.EXPIRED: "standing.expire",
    StandingState.REVOKED: "standing.revoke",
}


def _end(unit: Unit, row: tables.Standing, to: StandingState, actor: str, reason: str | None = None) -> None:
    before = row.state
    unit.move(row, to, ended_at=unit.now, ended_by=actor, reason=reason)
    unit.record(
        ENDINGS[to],
        actor=actor,
        subject=row.id,
        before={"state": before},
        after={"hash": row.hash},
        reason=reason,
    )
    cards.refresh(unit, row)


def expire(desk: Desk, now: datetime) -> None:
    """End what nobody answered and what has had its last day, and remind of what ends soon."""
    with desk.store.reading() as session:
        due = [row.id for row in standing.find(session) if _ended(row, now) or _reminder(row, now)]
    for key in due:
        with desk.store.writing(now) as unit:
            row = unit.get(tables.Standing, key, lock=True)
            if why := _ended(row, now):
                _end(unit, row, StandingState.EXPIRED, BURSAR, why)
                text = f"The standing approval {key} for {row.runbook} has ended: {why}."
            elif (days := _reminder(row, now)) is not None:
                unit.change(row, reminded=days)
                unit.record("standing.remind", actor=BURSAR, subject=key, after={"days": days})
                text = (
                    f"The standing approval {key} for {row.runbook} ends at {row.until:%Y-%m-%d %H:%M} UTC. "
                    "Ask for a new one with `/bursar standing`."
                )
            else:
                continue  # somebody ended it between the two looks
            cards.tell(unit, desk.org.oncall_channel, text)


def _ended(row: tables.Standing, now: datetime) -> str | None:
    one = standing.load(row)
    if one.state is StandingState.PENDING and now >= one.answer_by:
        return "nobody answered in time"
    return "its last day has passed" if one.state in OPEN and now >= one.until else None


def _reminder(row: tables.Standing, now: datetime) -> int | None:
    """The reminder that is due and was not given."""
    if row.state != StandingState.ACTIVE:
        return None
    due = [days for days in REMINDERS if now >= row.until - timedelta(days=days)]
    return due[-1] if due and (row.reminded is None or due[-1] < row.reminded) else None


def _past_reminder(one: Standing, now: datetime) -> int | None:
    """The reminder that would be due at once: whoever agrees to five days knows that it ends in seven."""
    return next((days for days in reversed(REMINDERS) if now >= one.until - timedelta(days=days)), None)
