"""Findings, claims, disputes and digests as rows: the questions that flows ask of them."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from spend.claim import ClaimState
from spend.dispute import DisputeState
from spend.finding import LIVE, FindingState, Kind
from storage import tables
from storage.snapshots import counted


def findings(
    session: Session,
    *,
    team: str | None = None,
    states: Collection[FindingState] = LIVE,
    kinds: Collection[Kind] = (),
) -> list[tables.Finding]:
    """Findings in these states, the costliest kinds of work first by age."""
    table: Any = tables.Finding
    query = select(table).where(table.state.in_([str(state) for state in states]))
    if team is not None:
        query = query.where(table.team == team)
    if kinds:
        query = query.where(table.kind.in_([str(kind) for kind in kinds]))
    return list(session.execute(query.order_by(table.since, table.id)).scalars())


def live_finding(session: Session, fingerprint: str) -> tables.Finding | None:
    """The open finding of this fingerprint, if there is one."""
    table: Any = tables.Finding
    states = [str(state) for state in LIVE]
    query = select(table).where(table.fingerprint == fingerprint, table.state.in_(states))
    return session.execute(query).scalar()


def last_finding(session: Session, fingerprint: str) -> tables.Finding | None:
    """The newest finding of this fingerprint, in whatever state."""
    table: Any = tables.Finding
    query = select(table).where(table.fingerprint == fingerprint).order_by(table.found_at.desc()).limit(1)
    return session.execute(query).scalar()


def claims(session: Session) -> list[tables.Ownership]:
    """The claims that hold, oldest first: the first that matches decides."""
    table: Any = tables.Ownership
    query = select(table).where(table.state == str(ClaimState.ACTIVE))
    return list(session.execute(query.order_by(table.claimed_at, table.id)).scalars())


def disputes(session: Session, *, states: Collection[DisputeState]) -> list[tables.Dispute]:
    """Disputes in these states, oldest first."""
    table: Any = tables.Dispute
    query = select(table).where(table.state.in_([str(state) for state in states]))
    return list(session.execute(query.order_by(table.opened_at, table.id)).scalars())


def digest(session: Session, team: str, week: date) -> tables.Digest | None:
    """The digest that was published to a team for the week that starts on this day."""
    table: Any = tables.Digest
    return session.execute(select(table).where(table.team == team, table.week == week)).scalar()


def current_snapshots(session: Session, *, allocated: bool | None = None) -> list[tables.Snapshot]:
    """The current snapshot of each billing period, oldest period first."""
    table: Any = tables.Snapshot
    query = select(table).where(table.state == "current")
    if allocated is not None:
        query = query.where(table.allocated == allocated)
    return list(session.execute(query.order_by(table.billing_period, table.source, table.id)).scalars())


def counted_snapshots(session: Session, said: Mapping[str, bool]) -> list[tables.Snapshot]:
    """The current snapshots whose money counts (`storage.snapshots.counted`)."""
    return counted(current_snapshots(session), said)


def snapshots(session: Session, keys: Collection[str]) -> list[tables.Snapshot]:
    """These snapshots, whatever became of them; in no order."""
    table: Any = tables.Snapshot
    return list(session.execute(select(table).where(table.id.in_(list(keys)))).scalars())


def snapshots_of_bill(session: Session, snapshot: tables.Snapshot) -> list[str]:
    """The ids of all snapshots of the same bill: source, billing account and billing period."""
    table: Any = tables.Snapshot
    query = select(table.id).where(
        table.source == snapshot.source,
        table.billing_account == snapshot.billing_account,
        table.billing_period == snapshot.billing_period,
    )
    return list(session.execute(query).scalars())


def ownerships(session: Session) -> list[tables.Ownership]:
    """All claims, released ones too: they rule over the days they held for. Oldest first."""
    table: Any = tables.Ownership
    return list(session.execute(select(table).order_by(table.claimed_at, table.id)).scalars())
