"""The sweep: looks through the accounts for what is idle, orphaned or uncapped, and proposes plans."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from actions import planning
from actions.approval import BURSAR
from actions.base import Scope, Target
from actions.crash import crashpoint
from actions.errors import Unreadable
from actions.moment import NotNow
from actions.plan import Plan, Struck
from flows import automatic, cards, proposals
from flows.desk import Desk
from runbooks.schema import Runbook
from spend import canonical, money
from spend.errors import NotFound, Refused
from spend.finding import LIVE, FindingState, Kind, fingerprint
from spend.period import DAY
from storage import ids, plans, records, tables
from storage.costs import complete_through, resources_cost
from storage.unit import Unit

#: Days of the bill that a monthly cost is taken from.
PRICED = 7
#: What each kind is called in a title, for one and for several.
NOUNS = {
    Kind.IDLE: ("idle instance", "idle instances"),
    Kind.ORPHAN: ("unattached volume", "unattached volumes"),
    Kind.RUNAWAY: ("function without a concurrency cap", "functions without a concurrency cap"),
}


def sweep(desk: Desk, now: datetime) -> list[Plan]:
    """Look for work for every runbook; findings are opened and closed, plans proposed where it says so."""
    mine = [one for one in desk.runbooks.values() if Kind(one.when.finding) in NOUNS]
    return [plan for one in mine for plan in _look(desk, one, now)]


def find(desk: Desk, runbook: Runbook, now: datetime) -> list[Target]:
    """The targets of a runbook as the clouds show them, each with what the bill says it costs.

    Raises:
        Unreadable: an account did not answer in full; an incomplete list is no list.
    """
    if desk.clouds is None:
        raise Unreadable("this process has no access to a cloud")
    step, action = runbook.steps[0], planning.actions_of(runbook)[0]
    scope = Scope(tuple(sorted(desk.org.accounts)), desk.org.regions, now)
    found = list(action.find(desk.clouds, scope, action.Params.model_validate(step.params)))
    return priced(desk, sorted(found, key=lambda target: (target.name, target.id)))


def priced(desk: Desk, found: list[Target]) -> list[Target]:
    """The targets with what the last days of the bill say that each costs per month."""
    with desk.store.reading() as session:
        snapshots = records.counted_snapshots(session, desk.org.counts)
    through = complete_through(snapshots)
    if not found or through is None:
        return found
    costs = resources_cost(
        desk.lake,
        [row.id for row in snapshots],
        [target.id for target in found],
        start=through - (PRICED - 1) * DAY,
        end=through + DAY,
    )
    return [_at_price(target, costs.get(target.id, {})) for target in found]


def _at_price(target: Target, costs: Mapping[str, Decimal]) -> Target:
    if not costs:
        return target
    currency, amount = max(costs.items(), key=lambda cost: cost[1])
    return replace(target, monthly_cost=money.cents(amount), currency=currency)


def _look(desk: Desk, runbook: Runbook, now: datetime) -> list[Plan]:
    try:
        found = find(desk, runbook, now)
    except Unreadable as error:
        with desk.store.writing(now) as unit:
            unit.record("sweep.incomplete", actor=BURSAR, subject=runbook.name, reason=str(error))
            cards.tell(
                unit,
                desk.org.oncall_channel,
                f"The sweep for {runbook.name} is incomplete, so nothing is proposed: {error}",
            )
        return []
    opened = _findings(desk, runbook, proposals.worth_telling(desk, runbook, found, now), now)
    crashpoint("sweep.found")
    kept, struck = proposals.strike(desk, runbook, found, now)
    if runbook.when.propose != "automatically" or not kept:
        return []
    return _proposed(desk, runbook, kept, struck, opened=opened, now=now)


def _proposed(
    desk: Desk,
    runbook: Runbook,
    kept: Sequence[Target],
    struck: Sequence[Struck],
    *,
    opened: Sequence[tables.Finding],
    now: datetime,
) -> list[Plan]:
    """A plan for what each standing approval covers; about the rest people are asked, in one plan.

    A finding goes with the last plan that has a target of its team, so that it stays open until then.
    """
    offer = partial(_offer, desk, runbook, now=now)
    made: list[Plan] = []
    left = list(kept)
    whole = len(kept) <= runbook.guards.max_targets  # too many are refused together, never cut to fit
    for one in automatic.in_force(desk, runbook, now) if whole else ():
        lot = automatic.covered(desk, one, left, now)
        rest = [target for target in left if target not in lot]
        theirs = _of_teams(desk, opened, lot, rest)
        if lot and (plan := offer(lot, (), findings=theirs, standing=one.id)):
            made.append(plan)
            left = rest
    asked = offer(left, struck, findings=_of_teams(desk, opened, left)) if left else None
    return [*made, asked] if asked else made


def _of_teams(
    desk: Desk, opened: Sequence[tables.Finding], lot: Sequence[Target], rest: Sequence[Target] = ()
) -> list[tables.Finding]:
    """The findings of the teams that own some of the lot, and none of the rest."""
    here, later = ({desk.org.team_tagged(target.tags) for target in part} for part in (lot, rest))
    return [row for row in opened if row.team in here - later]


def _offer(
    desk: Desk,
    runbook: Runbook,
    targets: Sequence[Target],
    struck: Sequence[Struck],
    *,
    findings: Sequence[tables.Finding],
    now: datetime,
    standing: str | None = None,
) -> Plan | None:
    """Propose one plan; a no is kept in the audit log."""
    try:
        return proposals.propose(
            desk,
            runbook,
            targets,
            struck,
            findings=findings,
            requested_by=BURSAR,
            reason=runbook.why.strip(),
            now=now,
            standing=standing,
        )
    except Refused as refusal:
        with desk.store.writing(now) as unit:
            unit.record("plan.refuse", actor=BURSAR, subject=runbook.name, reason=str(refusal))
            if isinstance(refusal, NotNow) and desk.org.oncall_channel:
                cards.tell(unit, desk.org.oncall_channel, f"{runbook.name}: {refusal}")
        return None


def _findings(desk: Desk, runbook: Runbook, found: Sequence[Target], now: datetime) -> list[tables.Finding]:
    """Open, refresh or resolve one finding for each team that owns some of the targets."""
    by_team: dict[str | None, list[Target]] = defaultdict(list)
    for target in found:
        by_team[desk.org.team_tagged(target.tags)].append(target)
    kind = Kind(runbook.when.finding)
    with desk.store.writing(now) as unit:
        live = {row.id for row in plans.find(unit.session, states=plans.LIVE, limit=None)}
        for row in records.findings(unit.session, kinds=(kind,)):
            waits = row.details.get("plan") in live
            if row.details.get("runbook") == runbook.name and row.team not in by_team and not waits:
                unit.move(row, FindingState.RESOLVED)
                unit.record(
                    "finding.resolve", actor=BURSAR, subject=row.id, reason="the sweep finds it no more"
                )
                cards.refresh(unit, row)
        opened = (
            _open(desk, unit, runbook, team, targets) for team, targets in sorted(by_team.items(), key=str)
        )
        return [row for row in opened if row is not None]


def _open(
    desk: Desk, unit: Unit, runbook: Runbook, team: str | None, targets: Sequence[Target]
) -> tables.Finding | None:
    kind = Kind(runbook.when.finding)
    mark = fingerprint(kind, runbook.name, team)
    one, many = NOUNS[kind]
    details = {
        "runbook": runbook.name,
        "plan": None,
        "resources": [
            {"id": t.id, "name": t.name, "account": t.account, "monthly_cost": t.monthly_cost, "why": t.why}
            for t in targets
        ],
    }
    currency, amount = _worth(targets)
    facts: dict[str, Any] = {
        "title": f"{len(targets)} {one if len(targets) == 1 else many}",
        "amount": amount,
        "currency": currency,
    }
    if row := records.live_finding(unit.session, mark):
        grown = row.details["resources"] != canonical.data(details["resources"])
        unit.change(row, details={**row.details, "resources": details["resources"]}, **facts)
        if grown and runbook.when.propose != "automatically":
            cards.refresh(unit, row)
        return row
    if _answered(records.last_finding(unit.session, mark), targets):
        return None
    row = unit.add(
        tables.Finding(
            id=ids.new("finding"),
            state=FindingState.OPEN,
            kind=kind,
            fingerprint=mark,
            team=team,
            since=unit.now.date(),
            details=details,
            found_at=unit.now,
            **facts,
        )
    )
    unit.record("finding.open", actor=BURSAR, subject=row.id, after={**facts, "kind": kind, "team": team})
    if runbook.when.propose != "automatically":
        channel = cards.channel_of(desk.org, team)
        unit.send("post", "finding", row.id, channel=channel, surface=cards.finding(row.id))
    return row


def _answered(last: tables.Finding | None, targets: Sequence[Target]) -> bool:
    """Whether somebody said of just these things that they are expected, or not theirs: that holds."""
    if last is None or last.state not in {FindingState.EXPECTED, FindingState.NOT_MINE}:
        return False
    return {target.id for target in targets} <= {one["id"] for one in last.details["resources"]}


def _worth(targets: Sequence[Target]) -> tuple[str, Decimal]:
    """What the targets cost per month, in the currency in which most of it is: currencies are never added."""
    sums: dict[str, list[Decimal]] = defaultdict(list)
    for target in targets:
        if target.monthly_cost is not None:
            sums[target.currency].append(target.monthly_cost)
    totals = {currency: money.total(amounts) for currency, amounts in sorted(sums.items())}
    return max(totals.items(), key=lambda one: one[1], default=(targets[0].currency, money.ZERO))


def act(desk: Desk, finding: str, *, actor: str, channel: str, now: datetime) -> Plan | None:
    """Propose a plan for a finding because a person asked; a no is whispered to that person."""
    try:
        return _act(desk, finding, actor=actor, now=now)
    except (Refused, NotFound, Unreadable) as refusal:
        with desk.store.writing(now) as unit:
            unit.record("plan.refuse", actor=actor, subject=finding, reason=str(refusal))
            cards.whisper(unit, channel, actor, str(refusal))
        return None


def _act(desk: Desk, finding: str, *, actor: str, now: datetime) -> Plan:
    with desk.store.reading() as session:
        row = session.get(tables.Finding, finding)
    if row is None:
        raise NotFound("This finding is not known any more.")
    if row.state not in LIVE:
        raise Refused(f"This finding is already {row.state.replace('_', ' ')}; nothing was changed.")
    name = row.details.get("runbook")
    runbook = desk.runbooks.get(name) or next(
        (one for one in desk.runbooks.values() if one.when.finding == row.kind), None
    )
    if runbook is None:
        raise Refused("No runbook acts on this kind of finding yet.")
    wanted = {resource["id"] for resource in row.details.get("resources", [])}
    if not wanted:  # an empty list is never everything
        raise Refused("This finding names no resource to act on; look at the lines in the notice.")
    found = [target for target in find(desk, runbook, now) if target.id in wanted]
    kept, struck = proposals.strike(desk, runbook, found, now)
    if not kept and not struck:
        raise Refused("A plan for this waits for approval already, or there is nothing left to act on.")
    return proposals.propose(
        desk,
        runbook,
        kept,
        struck,
        findings=[row],
        requested_by=actor,
        reason=f"asked by <@{actor}>: {row.title}",
        now=now,
    )
