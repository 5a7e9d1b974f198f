"""Asks what the guards have to know beside the targets: the moment, and how large the fleets are."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from actions import blast, moment, planning
from actions.base import Scope, Target
from actions.blast import Load
from actions.errors import Unreadable
from actions.moment import Incident, Moment, NotNow, Told
from actions.plan import Plan
from actions.readers.incidents import Incidents
from flows import cards
from flows.desk import Desk
from flows.org import Org
from runbooks.schema import Runbook
from spend.errors import Refused
from storage import incidents


def refuse(desk: Desk, runbook: Runbook, now: datetime) -> None:
    """Raise `NotNow`, with the reason, unless a plan of this runbook may be proposed at this moment."""
    until = now + runbook.approval.approve_within + runbook.approval.execute_within
    if no := moment.against(look(desk, runbook, now, until)):
        raise NotNow(f"Nothing is proposed now: {no}.")


def missing(org: Org, runbooks: Mapping[str, Runbook]) -> list[str]:
    """Guards that runbooks ask for and the settings do not have, in sentences: nothing could ever run."""
    found = []
    for name, runbook in sorted(runbooks.items()):
        budget = runbook.guards.error_budget
        if budget is not None and budget not in org.error_budgets:
            found.append(f"Runbook {name} asks for the error budget {budget}; add it to error_budgets.")
        if runbook.guards.hours == "business" and org.business_hours is None:
            found.append(f"Runbook {name} asks for business hours; add business_hours to the settings.")
    return found


def against(desk: Desk, plan: Plan, now: datetime) -> str | None:
    """Why this moment is wrong for what a plan does next, in words, or None; it asks as `look` does.

    An undo waits for none of it: it may be what ends the incident.
    """
    if plan.undo_of is not None:
        return None
    if (runbook := desk.runbooks.get(plan.runbook)) is None:
        return "its runbook is gone, and with it what it asks of the moment"
    return moment.against(look(desk, runbook, now))


def look(desk: Desk, runbook: Runbook, now: datetime, until: datetime | None = None) -> Moment:
    """What this moment is like for this runbook. It asks other systems, so no transaction may be open."""
    name = runbook.guards.error_budget
    listed = _remembered(desk, _listed(desk.incidents), now) if desk.incidents else None
    left = _remembered(desk, _left(desk, name, now), now) if name else None
    with desk.store.reading() as session:
        return Moment(
            now=now,
            until=until,
            freezes=desk.org.freezes,
            business=runbook.guards.hours == "business",
            hours=desk.org.business_hours,
            incidents=incidents.opened(session),
            listed=listed,
            heard=incidents.last_heard(session, incidents.WEBHOOK),
            heard_within=desk.org.incidents_told_within,
            budget=desk.org.error_budgets.get(name or ""),
            left=left,
        )


def _listed(reader: Incidents) -> Told:
    source = reader.address.host
    try:
        found = reader.open()
    except Unreadable as error:
        return Told(source, wrong=str(error))
    return Told(source, incidents=tuple(Incident(title, source) for title in found))


def _left(desk: Desk, name: str, now: datetime) -> Told:
    budget = desk.org.error_budgets.get(name)
    if budget is None or desk.prometheus is None:
        return Told("Prometheus", wrong=f"the settings have no error budget {name} or no Prometheus")
    source = desk.prometheus.address.host
    try:
        return Told(source, left=desk.prometheus.query(budget.query, now).value)
    except Unreadable as error:
        return Told(source, wrong=str(error))


def _remembered(desk: Desk, told: Told, now: datetime) -> Told:
    """What a source said, with the time of its last answer; this one is kept."""
    if told.wrong is None:
        with desk.store.writing(now) as unit:
            incidents.heard(unit, told.source)
        return replace(told, at=now)
    with desk.store.reading() as session:
        return replace(told, at=incidents.last_heard(session, told.source))


def told(desk: Desk, word: incidents.Word, now: datetime) -> None:
    """Keep what another system tells of an incident, and pass on what changed."""
    with desk.store.writing(now) as unit:
        if incidents.tell(unit, word) and desk.org.oncall_channel:
            held = "no run begins, and none begins a further wave, until it is closed"
            means = held if word.open else "approved plans begin, and runs go on"
            state = "open" if word.open else "closed"
            text = f"{word.source} says that an incident is {state}: {word.title}. {means.capitalize()}."
            cards.tell(unit, desk.org.oncall_channel, text)


def room(desk: Desk, runbook: Runbook, targets: Sequence[Target], now: datetime) -> Mapping[str, int]:
    """How many there are of each fleet of these targets, counted in full; nothing where no cap asks.

    Raises:
        Refused: they could not be counted, or are more than any day allows.
    """
    caps = desk.org.caps
    wanted = caps.load(targets)
    counted = _counted(desk, runbook, targets, now) if caps.percent_of_fleet < blast.ALL else {}
    if no := caps.against(wanted, Load(), counted):
        raise Refused(f"This is more than any day allows: {no}. Narrow it down.")
    return {fleet: counted[fleet] for fleet in wanted.fleets if fleet in counted}


def _counted(desk: Desk, runbook: Runbook, targets: Sequence[Target], now: datetime) -> dict[str, int]:
    if desk.clouds is None:
        raise Refused("This process cannot ask the clouds, so nobody can tell how large the fleet is.")
    scope = Scope(tuple(sorted({target.account for target in targets})), desk.org.regions, now)
    try:
        return blast.fleets(planning.actions_of(runbook)[0].fleet(desk.clouds, scope))
    except Unreadable as error:
        raise Refused(f"Nobody can tell how large the fleet is: {error}.") from error
