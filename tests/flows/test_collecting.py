"""The lake's housekeeping: a job a day while there is something to collect, and none after a restore."""

from datetime import timedelta

import pytest

from flows import collecting
from spend.errors import Refused
from storage import ids, jobs, tables
from storage.work import RecoveryState
from tests.flows.world import FIN, HOLD, Company

DAY = timedelta(days=1)


def due(company: Company) -> list[str]:
    """What a worker would collect by itself, as often as it looks."""
    for _ in range(3):
        collecting.look(company.desk, company.now)
    found = []
    while job := jobs.take(company.store, HOLD, company.now):
        found.append(job.key)
        collecting.collect(company.desk, actor="bursar", now=company.now)
        jobs.end(company.store, job, company.now)
    return found


def test_a_collection_is_queued_once_a_day_while_there_may_be_something_to_collect(company: Company) -> None:
    with company.store.writing(company.now) as unit:
        for number, state in enumerate(("superseded", "current")):
            unit.add(snapshot(f"s-{number}", state, company))
    assert due(company) == []
    company.clock.turn(days=30)
    assert due(company) == [f"{company.now:%Y-%m-%d}"]
    assert due(company) == []
    company.clock.turn(days=1)
    assert due(company) == [f"{company.now:%Y-%m-%d}"]  # in case that the last one did not come to its end
    company.clock.turn(days=2)
    assert due(company) == []
    with company.store.reading() as session:
        rows = {row.id: row.state for row in session.query(tables.Snapshot)}
    assert rows == {"s-0": "collected", "s-1": "current"}


def test_nothing_is_collected_while_a_restored_database_waits_for_two_people(on_sqlite: Company) -> None:
    with on_sqlite.store.writing(on_sqlite.now) as unit:
        key, now = ids.new("recovery"), on_sqlite.now
        unit.add(tables.Recovery(id=key, state=RecoveryState.WAITING, reason="old", fork={}, at=now))
    with pytest.raises(Refused, match="nothing is collected until two people resume it"):
        collecting.collect(on_sqlite.desk, actor=FIN, now=on_sqlite.now)


def snapshot(key: str, state: str, company: Company) -> tables.Snapshot:
    day = company.now.date()
    return tables.Snapshot(
        id=key,
        state=state,
        source="aws",
        billing_account="1001",
        billing_period=day,
        content=key,
        rows=1,
        rejected=0,
        warnings={},
        totals=[],
        files=[],
        first_day=day,
        last_day=day,
        published_at=company.now,
        since=company.now,
    )
