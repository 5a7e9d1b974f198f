"""The whole story of one record, from the audit log: who asked, who agreed, what was done, and undone."""

from typing import Any

from flows.desk import Desk
from spend.errors import NotFound
from storage import audit, checkpoints, ledger, plans, tables


def tell(desk: Desk, key: str) -> dict[str, Any]:
    """Everything the audit log and the tables hold about a record, as JSON data.

    Raises:
        NotFound: the log has nothing on it.
    """
    with desk.store.reading() as session:
        entries = list(audit.rows(session, subject=key))
        if not entries:
            raise NotFound(f"The audit log holds nothing about {key}.")
        covering = checkpoints.covering(session, entries[-1]["seq"])
        story: dict[str, Any] = {
            "id": key,
            "entries": entries,
            "checkpoint": _checkpoint(session, covering) if covering else None,
        }
        if plan := session.get(tables.Plan, key):
            story |= _of_plan(session, plan)
        if dispute := session.get(tables.Dispute, key):
            story |= {"dispute": dispute.model_dump(), "ledger": ledger.of_dispute(session, key)}
    return story


def _checkpoint(session: Any, row: tables.Checkpoint) -> dict[str, Any]:
    held = checkpoints.anchors(session, row.number)
    return {
        **checkpoints.line(row),
        "anchors": [{"place": one.place, "reference": one.reference, "at": one.at} for one in held],
    }


def _of_plan(session: Any, plan: tables.Plan) -> dict[str, Any]:
    return {
        "plan": {**plan.content, "state": plan.state, "hash": plan.hash, "outcome": plan.outcome},
        "votes": [
            {
                "person": vote.person,
                "decision": vote.decision,
                "reason": vote.reason,
                "proof": vote.proof,
                "at": vote.at,
            }
            for vote in plans.votes(session, plan.id)
        ],
        "steps": plans.steps(session, plan.id),
        "undo_of": plan.undo_of,
        "undone_by": [row.id for row in plans.find(session, undo_of=plan.id)],
    }
