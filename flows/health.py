"""Asks the settings' health queries of the monitoring: before a run, and after each of its waves."""

from collections.abc import Mapping
from datetime import datetime

from actions.health import HealthQueries
from actions.plan import Plan
from flows.desk import Desk
from flows.org import Org
from runbooks.schema import Runbook


def of(desk: Desk) -> HealthQueries | None:
    """What answers the health queries, or None where no monitoring is set."""
    if (prometheus := desk.prometheus) is None:
        return None
    return HealthQueries(desk.org.health, lambda query, at: prometheus.query(query, at).value)


def missing(org: Org, runbooks: Mapping[str, Runbook]) -> list[str]:
    """Health queries that runbooks ask for and the settings do not have, in sentences."""
    return [
        f"Runbook {name} asks for the health query {one}; add it to health_queries."
        for name, runbook in sorted(runbooks.items())
        for one in runbook.verify.health
        if one not in org.health
    ]


def look(desk: Desk, plan: Plan, now: datetime) -> str | None:
    """Why what must hold after each wave does not even hold now: the first wave would be blamed for it."""
    queries = of(desk)
    if queries is None:
        return "its health queries need a Prometheus in the settings" if plan.health.queries else None
    told = (queries.against(name, now, now) for name in plan.health.queries)
    return next((reason for reason in told if reason), None)
