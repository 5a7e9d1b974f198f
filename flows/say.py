"""The owner's say: the warning before a stop or a delete, its answers, and the Keeps that come of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

from actions import planning
from actions import say as rules
from actions.plan import Plan
from actions.say import KeepState, WarningState
from flows import cards
from flows.approvals import entitle, roster
from flows.desk import Desk
from flows.org import Org
from spend.errors import NotFound, Refused
from storage import ids, plans, say, tables
from storage.say import UNOWNED
from storage.unit import Unit

#: The choice of everything that a warning names.
ALL = "all"
W = WarningState


@dataclass(frozen=True, slots=True)
class Asked:
    """A warning under its lock, with the plan that it tells of."""

    unit: Unit
    row: tables.Warned
    at: tables.Plan
    plan: Plan
    actor: str

    def names(self, targets: Sequence[str]) -> str:
        """What people call these targets."""
        called = {target.id: target.name or target.id for target in self.plan.targets}
        return ", ".join(called[target] for target in targets)

    def answer(self, to: WarningState, event: str) -> None:
        """Keep what this person said, and draw the card and the warnings anew."""
        self.unit.move(self.row, to, answered_by=self.actor, answered_at=self.unit.now)
        self.unit.record(event, actor=self.actor, subject=self.plan.id, after={"team": self.row.team or None})
        cards.refresh(self.unit, self.at)


def warn(org: Org, unit: Unit, plan: Plan) -> None:
    """Tell the owners what a new plan would stop or delete; from now on they have a say in it."""
    if not planning.interrupts(plan):
        return
    by_team: dict[str, list[str]] = {}
    for target in plan.targets:
        by_team.setdefault(org.team_tagged(target.tags) or UNOWNED, []).append(target.id)
    for team, targets in sorted(by_team.items()):
        _ask(org, unit, plan, team, targets)


def _ask(org: Org, unit: Unit, plan: Plan, team: str, targets: Sequence[str]) -> None:
    row = unit.add(
        tables.Warned(
            id=ids.new("warned"),
            state=W.OPEN,
            plan=plan.id,
            team=team,
            targets=targets,
            at=unit.now,
            ends_at=plan.not_before or plan.approve_by,
        )
    )
    unit.record(
        "warning.send", actor="bursar", subject=plan.id, after={"team": team or None, "targets": targets}
    )
    channel = cards.channel_of(org, team)
    unit.send("post", "warned", row.id, channel=channel, surface=cards.warned(row.id))


@contextmanager
def _asked(desk: Desk, key: str, actor: str, now: datetime) -> Iterator[Asked]:
    """The warning, once this person may answer it; plan first, so that no two answers cross."""
    with desk.store.writing(now) as unit:
        at = unit.get(tables.Plan, unit.get(tables.Warned, key).plan, lock=True)
        row = unit.get(tables.Warned, key, lock=True)
        _entitled(desk.org, row.team, actor)
        if at.state not in plans.LIVE:
            raise Refused(f"This plan is already {at.state}; your answer changed nothing.")
        yield Asked(unit, row, at, plans.load(at), actor)


def _entitled(org: Org, team: str | None, actor: str) -> None:
    if actor not in org.answerable(team):
        raise Refused("Only the owners of these things have a say in this; nothing was changed.")


def fine(desk: Desk, key: str, *, actor: str, now: datetime) -> None:
    """Let it happen. Once every team that was warned says so, nobody is waited for.

    Raises:
        Refused: the person does not own it, or the plan is over.
    """
    with _asked(desk, key, actor, now) as asked:
        asked.answer(W.FINE, "warning.fine")
        left = [row for row in say.warnings(asked.unit.session, asked.plan.id) if row.state != W.NOT_MINE]
        waits = asked.at.not_before is not None and now < asked.at.not_before
        if waits and all(row.state == W.FINE for row in left):
            asked.unit.change(asked.at, not_before=now)


def not_mine(desk: Desk, key: str, *, actor: str, now: datetime) -> None:
    """Say that it is somebody else's: finance is asked in the team's place.

    Raises:
        Refused: the person does not own it, finance is asked already, or the plan is over.
    """
    with _asked(desk, key, actor, now) as asked:
        unit, row = asked.unit, asked.row
        if row.team == UNOWNED:
            raise Refused("Nobody owns this, which is why finance is asked: say Fine, or keep it.")
        asked.answer(W.NOT_MINE, "warning.not_mine")
        text = f"<@{actor}> says that this is not theirs: {asked.names(row.targets)}. Whose is it?"
        cards.tell(unit, desk.org.finance_channel, text)
        others = [one for one in say.warnings(unit.session, asked.plan.id) if one.team == UNOWNED]
        if not others:
            _ask(desk.org, unit, asked.plan, UNOWNED, row.targets)
        for one in others:
            unit.change(one, targets=[*one.targets, *row.targets])
            if one.state == W.FINE:  # that was said of less
                unit.move(one, W.OPEN)


def about(desk: Desk, key: str, *, actor: str, now: datetime) -> list[tuple[str, str]]:
    """What a warning names, for the choice of what to keep: the id and the name of each target.

    Raises:
        Refused: the person does not own it, or the plan is over.
    """
    with _asked(desk, key, actor, now) as asked:
        return [(target, asked.names([target])) for target in asked.row.targets]


def keep(desk: Desk, key: str, *, which: str, until: str, reason: str, actor: str, now: datetime) -> None:
    """Keep one of the things that a warning names, or all of them, through a day.

    Args:
        which: the place of the thing in the warning, or `ALL`.
        until: the last day, as `2026-12-01`.

    Raises:
        Refused: the person does not own it, the plan is over, the day is too far, or no reason is given.
    """
    with _asked(desk, key, actor, now) as asked:
        row = asked.row
        ends = rules.end_of(_day(until), now, desk.org.zone)
        if not reason.strip():
            raise Refused("Say what you need it for: whoever wants to stop it reads that.")
        targets = list(row.targets) if which == ALL else [_chosen(row.targets, which)]
        for target in targets:
            _hold(asked, target, ends, reason.strip())
        if row.state != W.KEPT:
            asked.answer(W.KEPT, "warning.keep")
        cards.refresh(asked.unit, asked.at)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused("Choose the day until which you need it.") from None


def _chosen(targets: Sequence[str], which: str) -> str:
    if not (which.isascii() and which.isdecimal() and int(which) < len(targets)):
        raise Refused("Choose which of these things you need.")
    return targets[int(which)]


def _hold(asked: Asked, target: str, until: datetime, reason: str) -> None:
    """Hold one target; a longer or shorter Keep takes the place of the one before."""
    unit = asked.unit
    for earlier in say.keeps_of(unit.session, target):
        if earlier.state == KeepState.HELD:
            unit.move(earlier, KeepState.ENDED)
    keep = unit.add(
        tables.Keep(
            id=ids.new("keep"),
            state=KeepState.HELD,
            target=target,
            name=asked.names([target]),
            team=asked.row.team or None,
            until=until,
            said_by=asked.actor,
            reason=reason,
            at=unit.now,
            plan=asked.plan.id,
        )
    )
    after = {"keep": keep.id, "target": target, "until": until}
    unit.record("keep.hold", actor=asked.actor, subject=asked.plan.id, after=after, reason=reason)


def release(desk: Desk, key: str, *, actor: str, now: datetime) -> None:
    """Give a thing free before its day.

    Raises:
        Refused: somebody else keeps it, for another team, or it is kept no more.
    """
    with desk.store.writing(now) as unit:
        row = unit.get(tables.Keep, key, lock=True)
        if actor != row.said_by:
            _entitled(desk.org, row.team, actor)
        _end(unit, row, "keep.release", actor)
        unit.send("home", "home", actor, person=actor, surface=f"home:{actor}")


def _end(unit: Unit, row: tables.Keep, event: str, actor: str) -> None:
    unit.move(row, KeepState.ENDED)
    unit.record(event, actor=actor, subject=row.plan or row.id, after={"keep": row.id, "target": row.target})
    _redraw(unit, row)


def _redraw(unit: Unit, row: tables.Keep) -> None:
    """The card of the plan from whose warning a Keep came, while that plan can still run."""
    if row.plan and (at := unit.get(tables.Plan, row.plan)).state in plans.LIVE:
        cards.refresh(unit, at)


def in_the_way(desk: Desk, plan: str, *, actor: str, now: datetime) -> list[tables.Keep]:
    """The Keeps on the targets of a plan that this person may be able to override.

    Raises:
        Refused: the person is no approver of it, or nothing is kept any more.
        NotFound: there is no such plan.
    """
    with desk.store.reading() as session:
        if (row := session.get(tables.Plan, plan)) is None:
            raise NotFound(f"There is no plan {plan}.")
        frozen = plans.load(row)
        found = say.held(session, frozen, now)
    if actor not in frozen.approvers:
        raise Refused("Only the approvers named on the card may override a Keep; nothing was changed.")
    if not found:
        raise Refused("Nobody keeps anything of this plan any more.")
    return found


def override(desk: Desk, plan: str, keep: str, *, reason: str, actor: str, now: datetime) -> None:
    """End somebody's Keep for the sake of a plan: a second approver, with a reason that the owner reads.

    Raises:
        Refused: this person may not, gave no reason, or it is kept no more.
        NotFound: there is no such plan or Keep.
    """
    with desk.store.reading() as session:
        if (found := session.get(tables.Plan, plan)) is None:
            raise NotFound(f"There is no plan {plan}.")
    people = roster(desk, plans.load(found), now)
    with desk.store.writing(now) as unit:
        at = unit.get(tables.Plan, plan, lock=True)
        row, frozen = unit.get(tables.Keep, keep, lock=True), plans.load(at)
        if row.id not in {one.id for one in say.held(unit.session, frozen, now)}:
            raise Refused("This plan does not need that any more; nothing was changed.")
        voted = plans.approvals(unit.session, plan)
        rules.admit_override(frozen, voted, keeper=row.said_by, actor=actor, reason=reason)
        entitle(people, actor)
        why = reason.strip()
        unit.move(row, KeepState.OVERRIDDEN, overridden_by=actor, override_reason=why, overridden_at=now)
        after = {"keep": keep, "target": row.target, "said_by": row.said_by, "approved_by": voted}
        unit.record("keep.override", actor=actor, subject=plan, after=after, reason=why, plan_hash=at.hash)
        text = f"<@{actor}> overrode the Keep of <@{row.said_by}> on {row.name} for {frozen.title}: {why}"
        cards.tell(unit, cards.channel_of(desk.org, row.team), text)
        cards.refresh(unit, at)


def expire(desk: Desk, now: datetime) -> None:
    """Silence lets a warning's time pass, and a Keep ends with its last day."""
    with desk.store.reading() as session:
        silent, over = say.unanswered(session, now), say.over(session, now)
    for key in silent:
        with desk.store.writing(now) as unit:
            row = unit.get(tables.Warned, key, lock=True)
            if row.state != W.OPEN:
                continue  # somebody answered between the two looks
            unit.move(row, W.PASSED)
            unit.record("warning.pass", actor="bursar", subject=row.plan, after={"team": row.team or None})
            cards.refresh(unit, unit.get(tables.Plan, row.plan))
    for key in over:
        with desk.store.writing(now) as unit:
            keep = unit.get(tables.Keep, key, lock=True)
            if keep.state == KeepState.HELD:
                _end(unit, keep, "keep.end", "bursar")
