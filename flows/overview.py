"""What one person may see at a glance: their teams' spend, open findings, what waits for their approval."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from actions.plan import Plan, PlanState
from flows import automatic, directory, estimating
from flows.desk import Desk
from flows.org import Team
from spend import money
from spend.dispute import DisputeState
from spend.ledger import Entry
from spend.period import DAY, Period, month_of
from storage import ledger, plans, records, say, tables
from storage.costs import complete_through


@dataclass(frozen=True, slots=True)
class Spend:
    """A team's EffectiveCost in one currency, up to the last complete day."""

    currency: str
    month_to_date: Decimal
    last_week: Decimal
    week_before: Decimal


@dataclass(frozen=True, slots=True)
class TeamLook:
    """One team's figures; none before the first bill.

    Attributes:
        since: the estimate of the days that the bill has not told yet, of all teams.
    """

    team: Team
    spend: tuple[Spend, ...]
    complete_through: date | None
    since: estimating.Told | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it, for one person.

    Attributes:
        asks: whether this person may ask for a standing approval.
    """

    teams: tuple[TeamLook, ...]
    findings: tuple[tables.Finding, ...]
    waiting: tuple[Plan, ...]
    disputes: tuple[tables.Dispute, ...]
    standing: tuple[automatic.View, ...] = ()
    keeps: tuple[tables.Keep, ...] = ()
    asks: bool = False


def look(desk: Desk, *, actor: str, now: datetime) -> Overview:
    """Answer from the database's own rows; the lake is not opened. That somebody looked is recorded."""
    owned = desk.org.teams_of(actor)
    names = {team.name for team in owned}
    since = estimating.since_bill(desk, now) if owned else None
    with desk.store.reading() as session:
        through = complete_through(records.counted_snapshots(session, desk.org.counts))
        teams = tuple(
            TeamLook(team, _spend(ledger.standing(session, team=team.name), through), through, since)
            for team in owned
        )
        found = records.findings(session)
        pending = [plans.load(row) for row in plans.find(session, states=(PlanState.PENDING,))]
        voted = {
            plan.id for plan in pending for vote in plans.votes(session, plan.id) if vote.person == actor
        }
        disputes = records.disputes(session, states=(DisputeState.OPEN,))
        keeps = say.keeps(session, now)
    with desk.store.writing(now) as unit:
        unit.record("report.view", actor=actor, subject=actor, after={"teams": sorted(names)})
    finance = actor in desk.org.finance
    return Overview(
        teams=teams,
        findings=tuple(row for row in found if row.team in names or (finance and row.team is None)),
        waiting=tuple(
            plan
            for plan in pending
            if actor in plan.approvers
            and actor != plan.requested_by
            and plan.id not in voted
            and now < plan.approve_by
        ),
        disputes=tuple(row for row in disputes if finance or row.team in names),
        asks=bool(owned) or directory.anywhere(desk, actor, now).entitled(actor) is True,
        keeps=tuple(row for row in keeps if actor == row.said_by or row.team in names),
        standing=tuple(
            shown
            for shown in automatic.views(desk, now)
            if finance or owned or actor in {shown.one.requested_by, *shown.one.approvers}
        ),
    )


def home(desk: Desk, *, actor: str, now: datetime) -> None:
    """Queue the person's App Home."""
    with desk.store.writing(now) as unit:
        unit.send("home", "home", actor, person=actor, surface=f"home:{actor}")


def _spend(entries: list[Entry], through: date | None) -> tuple[Spend, ...]:
    if through is None:
        return ()
    week = Period(through - 6 * DAY, through + DAY)
    spans = (month_of(through), week, week.before())
    by_currency: dict[str, list[Entry]] = {}
    for entry in entries:
        by_currency.setdefault(entry.currency, []).append(entry)
    return tuple(
        Spend(currency, *(money.total(e.effective for e in mine if e.day in span) for span in spans))
        for currency, mine in sorted(by_currency.items())
    )
