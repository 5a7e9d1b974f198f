"""Disputing a charge: evidence in a finance thread, a ruling, and a ledger that follows exactly."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from flows import cards
from flows.desk import Desk
from spend import money
from spend.digest import Digest, Move
from spend.dispute import AtStake, DisputeState, may_rule
from spend.errors import NotFound, Refused
from spend.ledger import Amounts, Portion, Ruling, balanced, divided, rejected, rule_on, upheld
from storage import ledger, records, tables
from storage.unit import Unit

WHOLE = Decimal(100)
LONGEST_REASON = 500
RESTATED_NOW = (
    "These charges were restated a moment ago. They are being looked up again; press once more in a minute."
)


def ask(desk: Desk, digest: str, item: int, *, actor: str, view: str, now: datetime) -> None:
    """Queue the look at the lines of a charge; a worker fills the open view with them.

    Raises:
        Refused: the person does not own the team that is charged.
    """
    row, _, _ = charged(desk, digest, item)
    desk.org.owned(row.team, actor)
    with desk.store.writing(now) as unit:
        args = {"digest": digest, "item": item, "actor": actor, "view": view}
        unit.enqueue("dispute.preview", view, args=args)


def open_one(
    desk: Desk, digest: str, item: int, *, reason: str, proposed_team: str | None, actor: str, now: datetime
) -> None:
    """Queue the opening of a dispute; a worker freezes the lines and opens the finance thread.

    Raises:
        Refused: the person does not own the team, gave no reason, or names the team itself.
    """
    row, _, _ = charged(desk, digest, item)
    team = desk.org.owned(row.team, actor)
    if not reason.strip():
        raise Refused("Say why this charge is not yours; finance rules on that.")
    if proposed_team == team.name:
        raise Refused("The charge is this team's already; name another team, or none.")
    if proposed_team is not None:
        desk.org.team(proposed_team)
    with desk.store.writing(now) as unit:
        args = {
            "digest": digest,
            "item": item,
            "actor": actor,
            "reason": reason.strip()[:LONGEST_REASON],
            "proposed_team": proposed_team,
        }
        unit.enqueue("dispute.open", f"{digest}:{item}:{actor}:{now.isoformat()}", args=args)


def rule(
    desk: Desk, key: str, *, ruling: str, share: Decimal | None, shown: int = 0, actor: str, now: datetime
) -> tables.Dispute:
    """Rule on a dispute: reversal and new entries that balance exactly, and everybody is told.

    Args:
        share: for a split, the percentage (above 0 and below 100) that goes to the proposed team.
        shown: which amount the person has read: how often it had changed by then (`AtStake.number`).

    Raises:
        Refused: the person opened it, is not of finance, has read another amount than is at stake now,
            or the share makes no split.
    """
    if ruling == "split" and not (share is not None and 0 < share < WHOLE):
        raise Refused("A split needs a percentage above 0 and below 100.")
    if ruling != "reject":
        _found_again(desk, key, now)
    with desk.store.writing(now) as unit:
        row = unit.get(tables.Dispute, key, lock=True)
        may_rule(DisputeState(row.state), row.opened_by, actor, desk.org.finance)
        if (stake := AtStake.of(row.selection)).number != shown:
            is_now = f"{money.cents(stake.effective)} {row.currency}"
            raise Refused(f"The bill was restated: this charge is {is_now} now. Look at it again, then rule.")
        decided = _ruling(row, ruling, share)
        said = {"kind": ruling, "share": share, "to": row.proposed_team}
        unit.move(row, decided.state, ruled_by=actor, ruled_at=now, ruling=said)
        if decided.shares:
            _correct(unit, row, stake, decided)
            unit.enqueue("restate", row.id)
        unit.record("dispute.resolve", actor=actor, subject=key, before={"state": "open"}, after=said)
        _tell(desk, unit, row)
        return row


def withdraw(desk: Desk, key: str, *, actor: str, now: datetime) -> tables.Dispute:
    """Take one's own dispute back.

    Raises:
        Refused: somebody else opened it.
    """
    with desk.store.writing(now) as unit:
        row = unit.get(tables.Dispute, key, lock=True)
        if actor != row.opened_by:
            raise Refused("Only who opened a dispute can withdraw it.")
        unit.move(row, DisputeState.WITHDRAWN, ruled_by=actor, ruled_at=now)
        unit.record("dispute.withdraw", actor=actor, subject=key)
        _tell(desk, unit, row)
        return row


def charged(desk: Desk, digest: str, item: int) -> tuple[tables.Digest, str, Move]:
    """The published digest, and the currency and charge that stand at this place in it.

    Raises:
        NotFound: there is no such digest or no such line.
    """
    with desk.store.reading() as session:
        row = session.get(tables.Digest, digest)
    if row is None:
        raise NotFound("This digest is not known any more; look at the newest one.")
    figures = Digest.from_data(row.figures).figures
    moves = [(figure.currency, move) for figure in figures for move in figure.moves]
    if not 0 <= item < len(moves):
        raise NotFound("This digest has no such line; look at the newest one.")
    return row, *moves[item]


def stands(session: Any, row: tables.Dispute) -> bool:
    """Whether all that a ruling would move stands in the ledger as it was found."""
    wanted = AtStake.of(row.selection).entries
    return len(ledger.standing(session, keys=list(wanted))) == len(wanted)


def _found_again(desk: Desk, key: str, now: datetime) -> None:
    """Queue another look at a dispute whose charges were restated a moment ago, and refuse until then."""
    with desk.store.reading() as session:
        row = session.get(tables.Dispute, key)
        lost = row is not None and row.state == DisputeState.OPEN and not stands(session, row)
    if lost:
        with desk.store.writing(now) as unit:
            unit.enqueue("restate", f"{key} {now.isoformat()}")
        raise Refused(RESTATED_NOW)


def _correct(unit: Unit, row: tables.Dispute, stake: AtStake, ruling: Ruling) -> None:
    """Reverse every entry the selection touches, and post what each team bears now."""
    entries = ledger.standing(unit.session, keys=list(stake.entries))
    if len(entries) != len(stake.entries):
        raise Refused(RESTATED_NOW)
    portions = [
        Portion(entry, Amounts(Decimal(part["effective"]), Decimal(part["billed"])))
        for entry in entries
        for part in (stake.entries[entry.id],)
    ]
    written = rule_on(portions, ruling, dispute=row.id)
    if not balanced(written):
        raise AssertionError(f"the ruling on dispute {row.id} does not balance")
    ledger.post(unit, written)
    unit.record(
        "ledger.reverse",
        actor=str(row.ruled_by),
        subject=row.id,
        after={"reversed": len(entries), "posted": len(written) - len(entries), "currency": row.currency},
    )


def _ruling(row: tables.Dispute, ruling: str, share: Decimal | None) -> Ruling:
    if ruling == "uphold":
        return upheld(row.proposed_team)
    if ruling == "split" and share is not None:
        return divided({row.proposed_team: share, row.team: WHOLE - share})
    return rejected()


def _tell(desk: Desk, unit: Unit, row: tables.Dispute) -> None:
    cards.refresh(unit, row)
    thread = cards.dispute(row.id)
    unit.send("post", "dispute_ruled", row.id, channel=desk.org.finance_channel, thread=thread)
    for team in dict.fromkeys((row.team, row.proposed_team)):
        if team in desk.org.teams:
            unit.send("post", "dispute_ruled", row.id, channel=desk.org.teams[str(team)].channel)


def freeze(
    desk: Desk,
    key: str,
    *,
    digest: tables.Digest,
    evidence: Mapping[str, Any],
    opened: Mapping[str, Any],
    now: datetime,
) -> tables.Dispute:
    """Keep a dispute with its frozen selection, and open its thread in the finance channel.

    Args:
        evidence: what `flows.evidence.of_mover` found: lines, ledger entries, totals, rule, snapshots.
        opened: what the person said: actor, reason, proposed_team.

    Raises:
        Refused: the same charge is disputed already, or a ruling moved it.
    """
    row = tables.Dispute(
        id=key,
        state=DisputeState.OPEN,
        team=digest.team,
        opened_by=opened["actor"],
        opened_at=now,
        reason=opened["reason"],
        proposed_team=opened["proposed_team"],
        rule=evidence["rule"],
        selection=evidence,
        currency=evidence["currency"],
        effective=Decimal(evidence["effective"]),
        billed=Decimal(evidence["billed"]),
    )
    with desk.store.writing(now) as unit:
        if (there := unit.session.get(tables.Dispute, key)) is not None:
            return there
        unit.alone("disputes")
        _first(unit, row)
        unit.add(row)
        unit.record("dispute.open", actor=row.opened_by, subject=row.id, after=evidence, reason=row.reason)
        unit.send("post", "dispute", row.id, channel=desk.org.finance_channel, surface=cards.dispute(row.id))
        cards.tell(
            unit,
            cards.channel_of(desk.org, row.team),
            f"<@{row.opened_by}> disputed a charge of {row.team}; finance rules on it in its own channel.",
        )
        return row


def _first(unit: Unit, row: tables.Dispute) -> None:
    """Refuse a charge that waits for a ruling, or that a ruling moved: the bill's lines do not tell that."""
    states = (DisputeState.OPEN, DisputeState.UPHELD, DisputeState.SPLIT)
    for other in records.disputes(unit.session, states=states):
        if other.team == row.team and _mark(other.selection) == _mark(row.selection):
            way_out = "wait for finance" if other.state == DisputeState.OPEN else "its ruling stands"
            raise Refused(f"<@{other.opened_by}> disputed this charge before; {way_out}.")


def _mark(selection: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes two selections the same charge, however its lines were told."""
    thing = selection["resource"] or selection["name"]
    return (tuple(selection["week"]), selection["currency"], selection["service"], thing)
