"""Looking for spend that is not as expected, and telling its owner once."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flows import allocating, cards
from flows.desk import Desk
from spend import canonical, money
from spend.anomaly import Incident, detect
from spend.charge import USAGE
from spend.errors import NotFound
from spend.finding import LIVE, FindingState, Kind, fingerprint
from spend.period import DAY, Period
from spend.rootcause import Explanation, explain
from storage import ids, records, tables
from storage.costs import complete_through
from storage.unit import Unit

#: How far back detection looks, how old an incident may be to be news, and what explains it: in days.
HISTORY, NEWS, USUAL = 120, 6, 28
#: Tax, credits, purchases and corrections are no usage, and no news.
USAGE_ONLY = {"charge_category": USAGE, "charge_class": ""}
WHERE = ("sub_account_id", "service_name")
LEAF = ("resource_id", "resource_name", "sku_meter")

#: team, account, service and currency of a series.
Series = tuple[str | None, str | None, str | None, str]


@dataclass(frozen=True, slots=True)
class News:
    """An incident of one series, fresh enough to be told."""

    series: Series
    incident: Incident


def look(desk: Desk, now: datetime) -> list[tables.Finding]:
    """Hold every series of usage against its past; open a finding for each new incident.

    Raises:
        NotFound: no bill was imported yet.
    """
    with desk.store.reading() as session:
        snapshots = records.counted_snapshots(session, desk.org.counts)
    through = complete_through(snapshots)
    if through is None:
        raise NotFound("There is no bill yet; run `bursar import PATH` first.")
    first = max(min(row.first_day for row in snapshots), through - HISTORY * DAY)
    fresh: list[News] = []
    # Days that are still being filled can only confirm that something costs too much.
    last = max(through, min(max(row.last_day for row in snapshots), now.date()))
    for series, amounts in _series(desk, snapshots, Period(first, last + DAY)).items():
        found = detect(sorted(amounts.items()), complete_through=through, known_from=first)
        fresh += [News(series, incident) for incident in found[-1:] if _is_news(incident, through)]
    opened = (_open(desk, snapshots, main, also, now) for main, also in together(fresh))
    return [row for row in opened if row is not None]


def _is_news(incident: Incident, through: date) -> bool:
    """Too much money, and lately; a series that vanished is a matter of the bill's completeness."""
    return incident.excess > 0 and through - incident.last <= NEWS * DAY


def together(fresh: Iterable[News]) -> list[tuple[News, list[News]]]:
    """One incident often shows in several services at once: the largest tells of the others.

    They belong together when they hit the same team, account and currency within a day.
    """
    groups: list[tuple[News, list[News]]] = []
    for news in sorted(fresh, key=lambda one: (-one.incident.excess, str(one.series))):
        for main, also in groups:
            (team, account, _, currency), start = main.series, main.incident.start
            same = (team, account, currency) == (news.series[0], news.series[1], news.series[3])
            if same and abs(news.incident.start - start) <= DAY:
                also.append(news)
                break
        else:
            groups.append((news, []))
    return groups


def _series(
    desk: Desk, snapshots: list[tables.Snapshot], period: Period
) -> Mapping[Series, Mapping[date, Decimal]]:
    series: dict[Series, dict[date, Decimal]] = defaultdict(dict)
    rows = allocating.charges(
        desk,
        snapshots,
        by=("day", *WHERE),
        period=period,
        where=USAGE_ONLY,
    )
    for row in rows:
        day, account, service = row.key
        key = (row.team, account, service, row.currency)
        series[key][day] = money.total((series[key].get(day, money.ZERO), row.effective))
    return series


def _open(
    desk: Desk, snapshots: list[tables.Snapshot], main: News, also: list[News], now: datetime
) -> tables.Finding | None:
    (team, account, service, currency), incident = main.series, main.incident
    mark = fingerprint(Kind.ANOMALY, team, account, service, currency)
    with desk.store.reading() as session:
        known = records.last_finding(session, mark) or _joint(session, main)
    if known is not None and known.state not in LIVE and abs(known.since - incident.start) <= DAY:
        return None
    details = _details(_explain(desk, snapshots, main), main, also)
    amount = Decimal(details["excess"])
    with desk.store.writing(now) as unit:
        if live := records.live_finding(unit.session, mark) or _joint(unit.session, main, states=LIVE):
            _grow(unit, live, amount, details)
            return None
        row = unit.add(
            tables.Finding(
                id=ids.new("finding"),
                state=FindingState.OPEN,
                kind=Kind.ANOMALY,
                fingerprint=mark,
                team=team,
                title=f"{service or 'Spend'} in {desk.org.account_name(account)} is above what is usual",
                since=incident.start,
                amount=amount,
                currency=currency,
                details=details,
                found_at=now,
            )
        )
        unit.record("finding.open", actor="bursar", subject=row.id, after={"team": team, **details})
        channel = cards.channel_of(desk.org, team)
        unit.send("post", "finding", row.id, channel=channel, surface=cards.finding(row.id))
        return row


def _joint(
    session: Any, main: News, *, states: Collection[FindingState] = tuple(FindingState)
) -> tables.Finding | None:
    """The finding that told of this incident while another of its services was the largest."""
    team, account, _, currency = main.series
    told = records.findings(session, team=team, states=states, kinds=(Kind.ANOMALY,))
    for row in reversed(told):
        same = (row.team, row.details["account"], row.currency) == (team, account, currency)
        if same and abs(row.since - main.incident.start) <= DAY:
            return row
    return None


def _grow(unit: Unit, row: tables.Finding, amount: Decimal, details: dict[str, Any]) -> None:
    """One notice per incident: it grows in place."""
    if row.amount != amount:
        unit.change(row, amount=amount, details={**details, "plan": row.details.get("plan")})
        unit.record("finding.grow", actor="bursar", subject=row.id, after={"excess": amount})
        cards.refresh(unit, row)


def _explain(desk: Desk, snapshots: list[tables.Snapshot], news: News) -> Explanation:
    """Which things cost more than their usual day, over the incident's days."""
    (team, account, service, currency), incident = news.series, news.incident
    during = Period(incident.start, incident.last + DAY)
    usual = Period(incident.start - USUAL * DAY, incident.start)
    where = {**USAGE_ONLY, "sub_account_id": account or "", "service_name": service or ""}
    amounts: list[dict[tuple[str, ...], Decimal]] = []
    for span in (during, usual):
        rows = allocating.charges(
            desk,
            snapshots,
            by=LEAF,
            period=span,
            where=where,
        )
        sums: dict[tuple[str, ...], Decimal] = {}
        for row in rows:
            if (row.team, row.currency) == (team, currency):
                resource, name, meter = row.key
                leaf = (name or resource or "no resource", meter or "no usage type")
                sums[leaf] = money.total((sums.get(leaf, money.ZERO), row.effective))
        amounts.append(sums)
    actual, past = amounts
    share = Decimal(len(during)) / Decimal(USUAL)
    expected = {leaf: money.quantize(amount * share) for leaf, amount in past.items()}
    return explain(actual, expected, ("resource", "usage type"))


def _details(found: Explanation, main: News, also: list[News]) -> dict[str, Any]:
    """What the notice tells; its lines and their rest add up to the excess."""
    incident = main.incident
    lines: list[dict[str, Any]] = [
        {"where": dict(cause.where), "delta": cause.delta} for cause in found.causes
    ]
    lines += [{"where": {"service": news.series[2]}, "delta": news.incident.excess} for news in also]
    excess = money.total((incident.excess, *(news.incident.excess for news in also)))
    rest = money.minus(excess, money.total(line["delta"] for line in lines))
    details = {
        "account": main.series[1],
        "service": main.series[2],
        "kind": incident.kind,
        "expected": money.total((incident.expected, *(news.incident.expected for news in also))),
        "actual": money.total((incident.actual, *(news.incident.actual for news in also))),
        "excess": excess,
        "until": max(incident.last, *(news.incident.last for news in also), incident.last),
        "lines": lines,
        "rest": rest,
        "resources": [],
        "runbook": None,
        "plan": None,
    }
    data: dict[str, Any] = canonical.data(details)
    return data
