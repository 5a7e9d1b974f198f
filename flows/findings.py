"""What people answer to a finding, and acting on it."""

from datetime import datetime

from flows import cards
from flows.desk import Desk
from spend.errors import Refused
from spend.finding import LIVE, FindingState
from storage import ids, tables


def answer(desk: Desk, key: str, *, verdict: FindingState, actor: str, now: datetime) -> tables.Finding:
    """Keep what an owner said of a finding; the notice is redrawn in place.

    Raises:
        Refused: the person does not own the team, or the finding is closed.
    """
    with desk.store.writing(now) as unit:
        row = unit.get(tables.Finding, key, lock=True)
        entitled(desk, row, actor)
        before = row.state
        unit.move(row, verdict, answered_by=actor)
        unit.record(
            "finding.answer", actor=actor, subject=key, before={"state": before}, after={"state": row.state}
        )
        cards.refresh(unit, row)
        if verdict is FindingState.NOT_MINE:
            cards.tell(
                unit,
                desk.org.finance_channel,
                f"<@{actor}> says that this is not theirs: {row.title}. Whose is it?",
            )
        return row


def act(desk: Desk, key: str, *, actor: str, channel: str, now: datetime) -> None:
    """Ask a worker to propose a plan for a finding; the person who asks can never approve it.

    Raises:
        Refused: the person does not own the team, the finding is closed, or no runbook fits it.
    """
    with desk.store.writing(now) as unit:
        row = unit.get(tables.Finding, key, lock=True)
        entitled(desk, row, actor)
        if row.state not in LIVE:
            raise Refused(f"This finding is already {row.state.replace('_', ' ')}.")
        if not any(runbook.when.finding == row.kind for runbook in desk.runbooks.values()):
            raise Refused(
                "No runbook acts on this kind of finding yet. "
                "Press Investigating, and look at the lines in the notice."
            )
        unit.record("finding.act", actor=actor, subject=key)
        unit.enqueue("propose", ids.new("ask"), args={"finding": key, "actor": actor, "channel": channel})


def entitled(desk: Desk, row: tables.Finding, actor: str) -> None:
    """Raise `Refused` unless this person answers for it: its owners, or finance where it has none."""
    if actor not in desk.org.answerable(row.team):
        raise Refused("Only the owners of this charge answer for it; nothing was changed.")
