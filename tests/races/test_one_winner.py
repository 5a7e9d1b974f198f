"""Eight people over two replicas press at the same instant: one transition, and everybody else is told."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from actions.plan import Plan, PlanState
from spend.period import DAY
from storage import audit, tables
from storage.store import Store
from tests.databases import Database
from tests.races.replica import LATE, WON, Card, Replica, race
from tests.storage.rows import HOUR, NOON, keep, plan

REPLICAS = 2
PEOPLE = tuple(f"U_P{number}" for number in range(8))


def on_a_day_of_its_own(number: int, quorum: int) -> Plan:
    """A plan that no other plan takes the room of the day from: the race alone decides."""
    made = NOON + number * DAY
    return plan(
        f"plan-{number}",
        approvers=frozenset(PEOPLE),
        quorum=quorum,
        created_at=made,
        approve_by=made + HOUR,
        execute_by=made + 2 * HOUR,
    )


def run(database: Database, home: Path, rounds: int, quorum: int) -> list[list[str]]:
    """Race for that many plans; what each person was told of each."""
    made = [on_a_day_of_its_own(number, quorum) for number in range(rounds)]
    with closing(database.store()) as store:
        keep(store, *made)
    cards: list[Card] = [(one.id, one.hash) for one in made]
    spawn = multiprocessing.get_context("spawn")
    with spawn.Manager() as manager, ProcessPoolExecutor(REPLICAS, mp_context=spawn) as pool:
        line = manager.Barrier(len(PEOPLE))
        seats = len(PEOPLE) // REPLICAS
        racing = [
            pool.submit(
                race, Replica(database.url, str(home), PEOPLE[first : first + seats], PEOPLE), cards, line
            )
            for first in range(0, len(PEOPLE), seats)
        ]
        told = [person for replica in racing for person in replica.result()]
    with closing(database.store()) as store:
        check(store, rounds, quorum)
    return told


def check(store: Store, rounds: int, quorum: int) -> None:
    """Each plan moved once, with as many votes as it needed, and the chain holds."""
    with store.reading() as session:
        states = set(session.execute(select(tables.Plan.state)).scalars())  # type: ignore[call-overload]
        votes = session.execute(select(func.count()).select_from(tables.Vote)).scalar()
        entries = [row["after"]["state"] for row in audit.rows(session) if row["event"] == "approval.approve"]
        assert audit.verify(session).broken is None
    assert states == {PlanState.APPROVED}
    assert votes == rounds * quorum
    assert entries.count(PlanState.APPROVED) == rounds


def outcomes(told: list[list[str]]) -> list[list[str]]:
    """What the eight were told of each plan."""
    return [list(one) for one in zip(*told, strict=True)]


@pytest.mark.case("T06", "T05", "V2.3.4")
@pytest.mark.parametrize("quorum", [1, 2])
def test_a_few_races_have_one_winner_each(postgresql: Database, tmp_path: Path, quorum: int) -> None:
    for one in outcomes(run(postgresql, tmp_path, 15, quorum)):
        assert sorted(said.split(":")[0] for said in one) == [LATE] * (8 - quorum) + [WON] * quorum
        assert all("already" in said for said in one if said != WON)


@pytest.mark.slow
@pytest.mark.race
@pytest.mark.case("T06")
def test_a_thousand_races_have_one_winner_each(postgresql: Database, tmp_path: Path) -> None:
    found = outcomes(run(postgresql, tmp_path, 1000, 1))
    assert len(found) == 1000
    assert {one.count(WON) for one in found} == {1}
