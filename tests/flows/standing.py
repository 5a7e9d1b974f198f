"""Standing approvals for tests: asked for, in force, and used without a cloud."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from actions import rollout
from actions.base import Target
from actions.plan import Plan
from actions.standing import Selector, Standing
from actions.step import Step, StepState
from flows import proposals
from flows import standing as flow
from storage import audit, plans, standing, tables
from tests.flows.world import ANN, OPS, OZ, Company
from tests.storage.rows import target

WISH = flow.Wish(
    runbook="stop-idle-dev",
    window="mon-sun 00:00-24:00 UTC",
    targets=2,
    amount="200 USD",
    until=date(2026, 7, 31),
    reason="nobody needs these boxes at night",
    selector=Selector(environments=("dev",)),
)


def ask(company: Company, by: str = ANN, **changes: Any) -> Standing:
    """A standing approval that waits for its two approvers."""
    return flow.request(company.desk, replace(WISH, **changes), actor=by, now=company.now)


def agree(company: Company, one: Standing, person: str, reason: str = "fine with me") -> Standing:
    """One person's yes."""
    return flow.approve(
        company.desk, one.id, actor=person, shown=one.hash[:16], reason=reason, now=company.now
    )


def active(company: Company, **changes: Any) -> Standing:
    """A standing approval in force."""
    one = ask(company, **changes)
    agree(company, one, OPS)
    company.clock.turn(seconds=1)
    return agree(company, one, OZ)


def revoke(company: Company, one: Standing, person: str = OPS) -> Standing:
    """One click."""
    return flow.revoke(company.desk, one.id, actor=person, now=company.now)


def row_of(company: Company, key: str) -> tables.Standing:
    """Its row as it is now."""
    with company.store.reading() as session:
        row = session.get(tables.Standing, key)
        assert row is not None
        return row


def state(company: Company, one: Standing) -> str:
    """The state that it is in."""
    return row_of(company, one.id).state


def box(key: str, **changes: Any) -> Target:
    """An idle development instance."""
    facts = {"root": "ebs", "lifecycle": "on-demand"}
    usual = {"kind": "instance", "tags": {"team": "web", "Environment": "dev"}, "facts": facts}
    return target(key, **{**usual, "monthly_cost": Decimal(60), **changes})


def under(company: Company, one: Standing, *ids: str, boxes: Iterable[Target] = ()) -> Plan:
    """A plan that is proposed under it, as a sweep does."""
    found = [*boxes, *map(box, ids)]
    runbook = company.desk.runbooks[one.runbook]
    kept, struck = proposals.strike(company.desk, runbook, found, company.now)
    return proposals.propose(
        company.desk,
        runbook,
        kept,
        struck,
        findings=[],
        requested_by="bursar",
        reason="idle",
        now=company.now,
        standing=one.id,
    )


def used(company: Company, one: Standing) -> tuple[int, Decimal]:
    """What it has taken of today."""
    with company.store.reading() as session:
        found = standing.used(session, one.id, company.now.date())
    return found.targets, found.amount


def done(company: Company, plan: Plan) -> list[Step]:
    """The steps of a plan, as if a run had done all of them."""
    with company.store.writing(company.now) as unit:
        plans.add_steps(unit, rollout.steps_of(plan))
        for step in plans.steps(unit.session, plan.id):
            row = unit.get(tables.Step, step.id)
            unit.move(row, StepState.INTENT, before={})
            unit.move(row, StepState.DONE, after={})
        return plans.steps(unit.session, plan.id)


def log(company: Company) -> list[str]:
    """Everything that the audit log has, in order."""
    with company.store.reading() as session:
        return [entry["event"] for entry in audit.rows(session)]
