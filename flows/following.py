"""Open disputes follow the ledger: the evidence stays as it was frozen, what a ruling moves is today's."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from flows import cards, disputes, evidence
from flows.desk import Desk
from spend.digest import Digest, Move
from spend.dispute import AtStake, DisputeState
from spend.errors import Refused
from spend.money import ZERO, plain
from spend.period import Period
from storage import ledger, records, tables

Charge = tuple[Digest, Move]


def follow(desk: Desk, now: datetime) -> None:
    """Find the charge of each open dispute again where its days were written since.

    The selection keeps what the dispute was opened on; beside it stands what a ruling would move now.
    Finance reads it in the thread if that is another amount.
    """
    with desk.store.reading() as session:
        waiting = records.disputes(session, states=(DisputeState.OPEN,))
        found = [(row, _charge(session, row)) for row in waiting if _touched(session, row)]
    for row, charge in found:
        if charge is not None:
            _again(desk, row, *charge, now)


def _touched(session: Any, row: tables.Dispute) -> bool:
    start, end = row.selection["week"]
    week = Period(datetime.fromisoformat(start).date(), datetime.fromisoformat(end).date())
    written = ledger.last_written(session, team=row.team, period=week).get(row.team, {})
    again = any(at > row.opened_at for at in written.values())
    return again or not AtStake.of(row.selection).entries or not disputes.stands(session, row)


def _charge(session: Any, row: tables.Dispute) -> Charge | None:
    """The line of the digest that the dispute is about."""
    selection = row.selection
    published = records.digest(session, row.team, datetime.fromisoformat(selection["week"][0]).date())
    if published is None:
        return None
    digest = Digest.from_data(published.figures)
    wanted = (selection["name"], selection["service"], selection["resource"])
    moves = (move for figure in digest.figures if figure.currency == row.currency for move in figure.moves)
    return next(
        (
            (digest, move)
            for move in moves
            if (move.name, move.service, move.resource or move.meter) == wanted
        ),
        None,
    )


def _again(desk: Desk, row: tables.Dispute, digest: Digest, move: Move, now: datetime) -> None:
    was = AtStake.of(row.selection)
    now_is = _at_stake(desk, digest, row.currency, move, was)
    if (was.entries, was.effective, was.billed) == (now_is.entries, now_is.effective, now_is.billed):
        return
    with desk.store.writing(now) as unit:
        fresh = unit.get(tables.Dispute, row.id, lock=True)
        if (fresh.state, fresh.version) != (row.state, row.version):
            return  # it was ruled on, or another process has looked: whatever is left, the next look finds
        unit.change(fresh, selection={**row.selection, "now": asdict(now_is)})
        unit.record("dispute.restate", actor="bursar", subject=row.id, before=_said(was), after=_said(now_is))
        if was.number != now_is.number:
            cards.refresh(unit, fresh)
            unit.send(
                "post",
                "dispute_restated",
                row.id,
                channel=desk.org.finance_channel,
                thread=cards.dispute(row.id),
                args={"old": _said(was), "new": _said(now_is)},
            )


def _at_stake(desk: Desk, digest: Digest, currency: str, move: Move, was: AtStake) -> AtStake:
    try:
        found = AtStake.of(evidence.of_move(desk, digest, currency, move))
    except Refused:  # nothing of it is this team's any more, so that a ruling would move nothing
        found = AtStake(ZERO, ZERO, {}, was.snapshots)
    changed = (found.effective, found.billed) != (was.effective, was.billed)
    return AtStake(found.effective, found.billed, found.entries, found.snapshots, was.number + changed)


def _said(stake: AtStake) -> dict[str, Any]:
    return {
        "effective": plain(stake.effective),
        "billed": plain(stake.billed),
        "snapshots": list(stake.snapshots),
    }
