"""Claiming a charge that nobody owns: two clicks, a dated rule, and finance is told."""

from datetime import datetime

from flows import cards
from flows.desk import Desk
from spend.claim import ClaimState
from spend.digest import Digest, Unowned
from spend.errors import NotFound, Refused
from spend.period import month_of
from storage import ids, records, tables
from storage.unit import Unit


def ask(desk: Desk, digest: str, item: int, *, actor: str, view: str, now: datetime) -> None:
    """Queue the look at what a claim would take; a worker fills the open view with it.

    Raises:
        Refused: the person owns no team, or the digest does not list this charge any more.
    """
    _team_of(desk, digest, actor)
    unowned(desk, digest, item)
    with desk.store.writing(now) as unit:
        args = {"digest": digest, "item": item, "actor": actor, "view": view}
        unit.enqueue("claim.preview", view, args=args)


def claim(desk: Desk, digest: str, item: int, *, wide: bool, actor: str, now: datetime) -> tables.Ownership:
    """Make the charge the team's own from the start of its month, until it is released.

    Args:
        wide: take all that nobody owns of the same service in the same account, not one resource.

    Raises:
        Refused: the person owns no team, the charge names nothing that a claim could, or somebody
            claimed it before.
    """
    team = _team_of(desk, digest, actor)
    week, charge = unowned(desk, digest, item)
    if charge.account is None and charge.service is None and (wide or charge.resource is None):
        raise Refused("This charge names no account and no service, so a claim on it would take everything.")
    row = tables.Ownership(
        id=ids.new("claim"),
        state=ClaimState.ACTIVE,
        team=team,
        account=charge.account,
        service=charge.service,
        resource=None if wide else charge.resource,
        valid_from=month_of(week.week.start).start,
        claimed_by=actor,
        claimed_at=now,
    )
    with desk.store.writing(now) as unit:
        unit.alone("claims")
        _not_claimed(unit, row)
        unit.add(row)
        unit.record(
            "claim.make",
            actor=actor,
            subject=row.id,
            after={
                "team": team,
                "account": row.account,
                "service": row.service,
                "resource": row.resource,
                "valid_from": row.valid_from,
            },
        )
        unit.send("post", "claim", row.id, channel=desk.org.finance_channel, surface=cards.claim(row.id))
        unit.enqueue("allocate", row.id)
        return row


def release(desk: Desk, key: str, *, actor: str, now: datetime) -> None:
    """Give a claim back from today on; what was charged before stays.

    Raises:
        Refused: the person owns neither the team nor finance's say.
    """
    with desk.store.writing(now) as unit:
        row = unit.get(tables.Ownership, key, lock=True)
        if actor not in desk.org.finance:
            desk.org.owned(row.team, actor)
        unit.move(row, ClaimState.RELEASED, valid_to=now.date())
        unit.record("claim.release", actor=actor, subject=key, after={"valid_to": row.valid_to})
        cards.tell(
            unit,
            desk.org.finance_channel,
            f"<@{actor}> released a claim of {row.team}.",
            thread=cards.claim(key),
        )
        unit.enqueue("allocate", f"{key} released")


def unowned(desk: Desk, digest: str, item: int) -> tuple[Digest, Unowned]:
    """The digest, and the charge without an owner that stands at this place in it.

    Raises:
        NotFound: there is no such digest or no such line.
    """
    with desk.store.reading() as session:
        row = session.get(tables.Digest, digest)
    if row is None:
        raise NotFound("This digest is not known any more; look at the newest one.")
    shown = Digest.from_data(row.figures)
    if not 0 <= item < len(shown.unowned):
        raise NotFound("This digest has no such line; look at the newest one.")
    return shown, shown.unowned[item]


def _team_of(desk: Desk, digest: str, actor: str) -> str:
    """The team for which this person claims: the digest's own, else the only one they own."""
    with desk.store.reading() as session:
        row = session.get(tables.Digest, digest)
    owned = {team.name for team in desk.org.teams_of(actor)}
    if row is not None and row.team in owned:
        return row.team
    if len(owned) == 1:
        return owned.pop()
    raise Refused("Only an owner of a team can claim a charge; nothing was changed.")


def _not_claimed(unit: Unit, row: tables.Ownership) -> None:
    for other in records.claims(unit.session):
        same = (other.account, other.service) == (row.account, row.service)
        if same and other.resource in {None, row.resource}:
            raise Refused(f"{other.team} claimed this already; open a dispute if that is wrong.")
