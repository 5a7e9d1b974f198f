"""A team's weekly digest: built from the ledger and the lake, kept as it was sent, posted once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from actions.plan import Plan, PlanState
from flows import allocating, cards
from flows.desk import Desk
from flows.org import Team
from spend import money
from spend.budget import Budget, Standing, stand
from spend.charge import USAGE, Basis
from spend.digest import Digest, Figure, FindingBrief, Move, PlanBrief, Reached, Restated, Spent, Unowned
from spend.errors import NotFound
from spend.finding import Kind, fingerprint
from spend.forecast import Forecast, forecast
from spend.ledger import Entry
from spend.movers import Movers, movers
from spend.period import DAY, Period, month_of
from spend.restatement import Restatement, Told, compare
from storage import asof, ids, ledger, plans, records, tables, told
from storage.costs import complete_through_by_source
from storage.unit import Unit

#: How far back the forecast looks, in days, and how many days the chart shows.
HISTORY, CHART = 62, 14
#: How many unowned charges a digest keeps; the message shows the first few.
MOST_UNOWNED, MOST_MOVES = 12, 3
WHAT = ("service_name", "resource_id", "resource_name", "sku_meter")
USAGE_ONLY = {"charge_category": USAGE}
#: What no line item explains: rulings, and shares that were corrected.
CORRECTED = Move("rulings and corrections", money.ZERO, money.ZERO, money.ZERO)

#: Stands for all teams, and for what has none.
EVERYBODY = Team(name="", title="Everything billed", channel="", owners=frozenset())

Named = Mapping[Move, Decimal]


def build(desk: Desk, team: str | None, week: Period | None, now: datetime) -> Digest:
    """The digest of a team for a week, as the bills and the ledger stand now.

    Args:
        team: the team, or None for everything that was billed, whoever owns it.
        week: the week, or None for the last one that the bills cover whole.

    Raises:
        NotFound: there is no such team, or no bill was imported yet.
    """
    who = EVERYBODY if team is None else desk.org.team(team)
    with desk.store.reading() as session:
        snapshots = records.counted_snapshots(session, desk.org.counts)
        reached = complete_through_by_source(snapshots)
        through = min(reached.values(), default=None)
        if through is None:
            raise NotFound("There is no bill yet; run `bursar import PATH` first.")
        week = week or last_week(through + DAY)
        since = min(week.before().start, month_of(through).start, through - HISTORY * DAY)
        entries = ledger.standing(session, team=team, period=Period(since, max(through, week.end) + DAY))
        earlier = records.digest(session, who.name, week.before().start)
        last = told.last_told(session, earlier) if earlier else None
        findings = records.findings(session, team=team)
        waiting = [plans.load(row) for row in plans.find(session, states=(PlanState.PENDING,))]
    now_by, before_by = (_by_what(desk, team, snapshots, entries, span) for span in (week, week.before()))
    currencies = sorted(
        {entry.currency for entry in entries if entry.day in week or entry.day in week.before()}
    )
    return Digest(
        team=who.name,
        title=who.title,
        week=week,
        basis=Basis.EFFECTIVE,
        complete_through=through,
        sources=tuple(Reached(*one) for one in sorted(reached.items())),
        figures=tuple(
            _figure(
                who,
                through,
                currency,
                sorted(_by_day(entry for entry in entries if entry.currency == currency).items()),
                movers(now_by[currency], before_by[currency], limit=MOST_MOVES),
            )
            for currency in currencies
        ),
        unowned=_unowned(desk, snapshots, week) if desk.org.teams else (),
        findings=tuple(
            FindingBrief(row.id, row.kind, row.title, row.since, money.cents(row.amount), row.currency)
            for row in findings
        ),
        waiting=tuple(
            _brief(plan) for plan in waiting if now < plan.approve_by and _touches(desk, plan, team)
        ),
        corrections=_restated(earlier, last, entries),
        daily=_daily(entries, Period(week.end - CHART * DAY, week.end)),
        snapshots=tuple(row.id for row in snapshots),
    )


def _brief(plan: Plan) -> PlanBrief:
    currency, saving = next(iter(plan.saving.items()), (plan.targets[0].currency, money.ZERO))
    return PlanBrief(plan.id, plan.runbook, plan.title, len(plan.targets), money.cents(saving), currency)


def _touches(desk: Desk, plan: Plan, team: str | None) -> bool:
    return team is None or any(desk.org.team_tagged(target.tags) == team for target in plan.targets)


def publish(desk: Desk, team: str, week: Period, now: datetime) -> tables.Digest | None:
    """Post the digest in the team's channel, once per team and week; None where it was posted before."""
    with desk.store.reading() as session:
        if records.digest(session, team, week.start):
            return None
        unfinished = records.current_snapshots(session, allocated=False)
    if unfinished:
        allocating.reallocate(desk, now)  # an import was interrupted: its bill is not in the ledger yet
    digest = build(desk, team, week, now)
    with desk.store.writing(now) as unit:
        ledger.alone(unit)
        now_stands = told.stands(unit.session, team, week, desk.org.counts, now)
        built = Told.by_digest(digest, now_stands.at)
        if built.snapshots == now_stands.snapshots and not compare(built, now_stands):
            return _post(desk, unit, digest, now_stands.at)
    return publish(desk, team, week, now)  # the bill or the ledger changed while it was built


def _post(desk: Desk, unit: Unit, digest: Digest, at: datetime) -> tables.Digest | None:
    key = ids.new("digest")
    row: dict[str, Any] = {
        "id": key,
        "team": digest.team,
        "week": digest.week.start,
        "figures": digest.to_data(),
        "published_at": at,
    }
    if not unit.add_once(tables.Digest, row):
        return None
    unit.record("digest.publish", actor="bursar", subject=key, after=digest.to_data())
    channel = desk.org.team(digest.team).channel
    unit.send("post", "digest", key, channel=channel, surface=cards.digest(key))
    unit.send("post", "digest_detail", key, channel=channel, thread=cards.digest(key))
    return tables.Digest(**row)


@dataclass(frozen=True, slots=True)
class Sent:
    """A digest as it was sent, and what its thread was told of it last."""

    id: str
    at: datetime
    digest: Digest
    reply: Restatement | None

    def to_data(self) -> dict[str, Any]:
        """Plain data: the digest's, with where it stands."""
        reply = self.reply.to_data() if self.reply else None
        return {**self.digest.to_data(), "id": self.id, "published_at": self.at, "restated": reply}


def sent(desk: Desk, asked: str, *, team: str | None, week: Period | None) -> Sent:
    """The digest with this id, or the last one that a team had been sent by a moment.

    Raises:
        NotFound: there is no such digest.
    """
    with desk.store.reading() as session:
        row = asof.sent(session, asked, team=team, week=week.start if week else None)
        reply = told.replied(session, row.id)
    return Sent(row.id, row.published_at, Digest.from_data(row.figures), reply)


def last_week(today: date) -> Period:
    """The last week, Monday to Monday, that has ended."""
    monday = today - DAY * today.weekday()
    return Period(monday - 7 * DAY, monday)


def _figure(
    team: Team, through: date, currency: str, series: list[tuple[date, Decimal]], moved: Movers[Move]
) -> Figure:
    ahead = forecast(series, month_of(through), through)
    return Figure(
        currency=currency,
        total=moved.total,
        before=moved.before,
        change=moved.change,
        moves=tuple(
            Move(
                m.key.name, m.now, m.before, m.change, m.key.service, m.key.resource, m.key.meter, m.key.pool
            )
            for m in moved.top
        ),
        other=moved.other,
        budget=_standing(team, currency, ahead),
        forecast=ahead,
    )


def _standing(team: Team, currency: str, ahead: Forecast) -> Standing | None:
    if team.budget is None or team.currency != currency:
        return None
    return stand(Budget(team.budget, currency), ahead.spent, ahead.expected)


def _by_what(
    desk: Desk, team: str | None, snapshots: list[tables.Snapshot], entries: list[Entry], span: Period
) -> defaultdict[str, Named]:
    """What the team bears in a span, by currency and thing; it adds up to the ledger exactly."""
    parts: defaultdict[str, dict[Move, list[Decimal]]] = defaultdict(lambda: defaultdict(list))
    for row in allocating.charges(desk, snapshots, by=WHAT, period=span, team=team):
        parts[row.currency][_named(*row.key)].append(row.effective)
    for entry in entries:
        if team is not None and entry.day in span and entry.method.startswith("pool:"):
            pool = entry.method.removeprefix("pool:")
            name = f"{entry.service or 'shared cost'}, share of {pool}"
            key = Move(name, money.ZERO, money.ZERO, money.ZERO, service=entry.service, pool=pool)
            parts[entry.currency][key].append(entry.effective)
    found: defaultdict[str, Named] = defaultdict(dict)
    for currency in {*parts, *(entry.currency for entry in entries)}:
        sums = {key: money.total(amounts) for key, amounts in parts[currency].items()}
        whole = money.total(e.effective for e in entries if e.currency == currency and e.day in span)
        rest = money.minus(whole, money.total(sums.values()))
        found[currency] = {**sums, CORRECTED: rest} if rest else sums
    return found


def _named(service: str | None, resource: str | None, name: str | None, meter: str | None) -> Move:
    """What a charge is called: its resource where it has one, else its usage type."""
    what = name or resource or meter
    label = f"{service or 'no service'} · {what}" if what else service or "no service"
    return Move(label, money.ZERO, money.ZERO, money.ZERO, service, resource, None if resource else meter)


def _unowned(desk: Desk, snapshots: list[tables.Snapshot], week: Period) -> tuple[Unowned, ...]:
    by = ("sub_account_id", "service_name", "resource_id", "resource_name")
    rows = allocating.charges(
        desk,
        snapshots,
        by=by,
        period=week,
        unowned=True,
        where=USAGE_ONLY,
    )
    costly = sorted(rows, key=lambda row: (-row.effective, str(row.key)))
    found = []
    for row in costly[:MOST_UNOWNED]:
        account, service, resource, name = row.key
        mark = fingerprint(Kind.UNTAGGED, account, service, resource)
        if (amount := money.cents(row.effective)) > 0:
            found.append(Unowned(mark, account, service, resource, amount, row.currency, name))
    return tuple(found)


def _restated(earlier: tables.Digest | None, last: Told | None, entries: list[Entry]) -> tuple[Restated, ...]:
    """What changed in the week before since its digest was sent, and whether its thread was told."""
    if earlier is None or last is None:
        return ()
    sent = Digest.from_data(earlier.figures)
    thread = {one.currency: one.amount for one in last.totals}
    changes = []
    for figure in sent.figures:
        mine = [e.effective for e in entries if e.currency == figure.currency and e.day in sent.week]
        stands = money.cents(money.total(mine))
        if change := money.minus(stands, figure.total):
            known = thread.get(figure.currency) == stands
            reason = "its thread says why" if known else "bills, claims or rulings since its digest"
            changes.append(Restated(figure.currency, change, reason))
    return tuple(changes)


def _daily(entries: list[Entry], span: Period) -> tuple[Spent, ...]:
    currencies = sorted({entry.currency for entry in entries if entry.day in span})
    return tuple(
        Spent(day, currency, money.cents(amounts.get(day, money.ZERO)))
        for currency in currencies
        for amounts in (_by_day(entry for entry in entries if entry.currency == currency),)
        for day in span.days()
    )


def _by_day(entries: Iterable[Entry]) -> dict[date, Decimal]:
    days: dict[date, list[Decimal]] = defaultdict(list)
    for entry in entries:
        days[entry.day].append(entry.effective)
    return {day: money.total(amounts) for day, amounts in days.items()}
