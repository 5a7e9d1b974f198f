"""Forgetting a person: what is over names them no more, what is open is in the way."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import inspect, text

from actions.plan import PlanState
from actions.say import KeepState
from spend import canonical
from spend.claim import ClaimState
from spend.errors import Refused
from storage import audit, directory, forgetting, people, plans, tables
from storage.store import Store
from storage.unit import Unit
from storage.work import JobState, MessageState
from tests.storage.rows import NOON, plan

ANN, BEN = "U012ANN3456", "W0BEN7890AB"


def remembered(unit: Unit) -> tables.Plan:
    """A plan on which both voted, and what else the two left behind."""
    asked = plan(requested_by=ANN, approvers=frozenset({ANN, BEN}))
    row = plans.save(unit, asked)
    for person in (ANN, BEN):
        plans.vote(unit, asked.id, person, "approve", reason=f"as <@{ANN}> said")
        unit.record("approval.approve", actor=person, subject=asked.id)
    unit.add(
        tables.Keep(
            id="keep-1", state=KeepState.HELD, target="i-1", name="box", until=NOON, said_by=ANN,
            reason="mine", at=NOON,
        )
    )  # fmt: skip
    unit.add(
        tables.Ownership(
            id="claim-1", state=ClaimState.ACTIVE, team="web", account="1", service="S3", resource=None,
            valid_from=NOON.date(), claimed_by=ANN, claimed_at=NOON,
        )
    )  # fmt: skip
    assert directory.burn(unit, ANN, 12345)
    directory.miss(unit, ANN)
    unit.enqueue("dispute.open", f"digest-1:0:{ANN}:now", args={"actor": ANN, "reason": f"{ANN} says"})
    unit.send("ephemeral", "sentence", "", channel="C_WEB", person=ANN, args={"text": f"<@{ANN}> was told"})
    return row


def ended(unit: Unit) -> None:
    """All of it is over."""
    found = unit.get(tables.Plan, "plan-1")
    unit.move(found, PlanState.DENIED, outcome=f"<@{ANN}> keeps it")
    unit.move(unit.get(tables.Keep, "keep-1"), KeepState.ENDED)
    (job,) = unit.session.query(tables.Job)
    unit.move(unit.move(job, JobState.RUNNING), JobState.DONE)
    (message,) = unit.session.query(tables.Message)
    unit.move(message, MessageState.SENT)


def naming(store: Store, person: str) -> dict[str, list[Any]]:
    """The rows that hold an id, by table."""
    with store.engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        rows = {name: connection.execute(text(f"SELECT * FROM {name}")).mappings().all() for name in tables}
    return {name: found for name, every in rows.items() if (found := [r for r in every if person in str(r)])}


def test_what_is_over_names_a_forgotten_person_no_more_and_the_hashes_hold(store: Store) -> None:
    with store.writing(NOON) as unit:
        kept = remembered(unit).hash
    with store.writing(NOON) as unit:
        ended(unit)
    with store.writing(NOON) as unit:
        pseudonym = people.forget(unit.session, ANN, NOON)
        forgetting.unlink(unit.session, ANN, pseudonym, NOON + timedelta(hours=2))
    left = naming(store, ANN)
    assert list(left) == ["plan"]  # whom a plan was shown to is in what they approved by its hash
    (row,) = left["plan"]
    assert ANN not in str({**row, "content": ""})
    assert set(naming(store, BEN)) == {"plan", "vote", "person"}
    with store.reading() as session:
        frozen = session.get_one(tables.Plan, "plan-1")
        assert canonical.digest(frozen.content) == frozen.hash == kept
        assert {vote.person for vote in plans.votes(session, "plan-1")} == {pseudonym, BEN}
        assert session.get_one(tables.Ownership, "claim-1").claimed_by == pseudonym
        assert audit.verify(session).reason is None


def test_what_is_open_is_in_the_way_and_nothing_is_forgotten(store: Store) -> None:
    with store.writing(NOON) as unit:
        remembered(unit)
    before = naming(store, ANN)
    busy = "still has a part in job-.*, keep-1, msg-.*, plan-1; let that end"
    with pytest.raises(Refused, match=busy), store.writing(NOON) as unit:
        forgetting.unlink(unit.session, ANN, people.forget(unit.session, ANN, NOON), NOON)
    assert naming(store, ANN) == before
