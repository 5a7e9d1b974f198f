"""Records to store: a plan with targets, a finding, a claim, a dispute."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from actions.base import Grade, Target
from actions.plan import Plan, PlanState, PlanStep, Struck, Tier
from spend.claim import ClaimState
from spend.dispute import DisputeState
from spend.finding import FindingState
from storage import plans, tables
from storage.store import Store

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def target(key: str = "i-1", **changes: Any) -> Target:
    """A running instance."""
    usual: dict[str, Any] = {
        "id": key,
        "account": "123456789012",
        "region": "eu-central-1",
        "kind": "instance",
        "name": f"box {key}",
        "identity": "2026-01-01T00:00:00.000000Z",
        "state": "running",
        "tags": {"team": "search", "Ünïcode": "ok"},
        "facts": {"type": "t3.medium"},
        "monthly_cost": Decimal("30.10"),
        "why": "CPU at most 1 %",
    }
    return Target(**{**usual, **changes})


def plan(key: str = "plan-1", *, targets: tuple[Target, ...] = (target(),), **changes: Any) -> Plan:
    """A plan that waits for one approval."""
    frozen = Plan(
        id=key,
        title="Stop idle development instances",
        runbook="stop-idle-dev",
        runbook_hash="0" * 64,
        steps=(PlanStep("stop", "aws.stop_instances", {"environments": ["dev"], "idle_days": 14}),),
        targets=targets,
        struck=(Struck("i-9", "keeper", "its tag do-not-stop protects it"),),
        tier=Tier.T1,
        grade=Grade.A,
        quorum=1,
        approvers=frozenset({"U_OPS", "U_OZ"}),
        requested_by="bursar",
        reason="nobody used them",
        team="search",
        created_at=NOON,
        approve_by=NOON + 4 * HOUR,
        execute_by=NOON + 6 * HOUR,
        findings=("finding-1",),
        fleets={"instances/123456789012/no environment": 1000},
    )
    return replace(frozen, **changes)


def keep(store: Store, *wanted: Plan) -> None:
    """Store plans; one that is past PENDING is moved there by the moves that exist."""
    for one in wanted:
        with store.writing(one.created_at) as unit:
            row = plans.save(unit, replace(one, state=PlanState.PENDING))
            for state in WAYS[one.state]:
                unit.move(row, state)


P = PlanState
WAYS = {
    P.PENDING: (),
    P.DENIED: (P.DENIED,),
    P.APPROVED: (P.APPROVED,),
    P.RUNNING: (P.APPROVED, P.RUNNING),
    P.SUCCEEDED: (P.APPROVED, P.RUNNING, P.SUCCEEDED),
}


def finding(key: str, mark: str | None = None, **changes: Any) -> tables.Finding:
    """An open finding of the team search."""
    usual: dict[str, Any] = {
        "state": FindingState.OPEN,
        "kind": "idle",
        "team": "search",
        "title": "3 idle instances",
        "since": date(2026, 3, 1),
        "amount": Decimal("12.5"),
        "currency": "USD",
        "details": {},
        "found_at": NOON,
    }
    return tables.Finding(id=key, fingerprint=mark or f"print of {key}", **{**usual, **changes})


def claim(key: str, **changes: Any) -> tables.Ownership:
    """A claim that holds."""
    usual: dict[str, Any] = {
        "state": ClaimState.ACTIVE,
        "team": "search",
        "account": "1",
        "service": "Amazon S3",
        "resource": None,
        "valid_from": date(2026, 3, 1),
        "claimed_by": "U1",
        "claimed_at": NOON,
    }
    return tables.Ownership(id=key, **{**usual, **changes})


def dispute(key: str, **changes: Any) -> tables.Dispute:
    """A dispute that waits for its ruling."""
    usual: dict[str, Any] = {
        "state": DisputeState.OPEN,
        "team": "search",
        "opened_by": "U1",
        "opened_at": NOON,
        "reason": "not ours",
        "proposed_team": None,
        "rule": "tag",
        "selection": {},
        "currency": "USD",
        "effective": Decimal(1),
        "billed": Decimal(1),
    }
    return tables.Dispute(id=key, **{**usual, **changes})
