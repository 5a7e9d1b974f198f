"""An office: the app with its listeners on a store that holds a digest, a finding, a plan and a dispute."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from actions.registry import params_of
from flows.desk import Desk
from runbooks.loader import load_all
from storage import plans, tables
from storage.lake import Lake
from storage.store import Store
from tests.bot.blocks import samples
from tests.bot.listeners.talking import Office, clock
from tests.bot.slack import Slack
from tests.databases import Database

RUNBOOKS = load_all(params_of=params_of)


@pytest.fixture
def world(sqlite: Database, tmp_path: Path) -> Iterator[Desk]:
    """A desk of the samples' organisation, with one record of each kind."""
    store = sqlite.store()
    fill(store)
    yield Desk(store, Lake(tmp_path), samples.ORG, RUNBOOKS)
    store.close()


def fill(store: Store) -> None:
    """One record of each kind."""
    now = clock()
    ends = {"approve_by": now + timedelta(hours=4), "execute_by": now + timedelta(hours=6)}
    with store.writing(now) as unit:
        plans.save(unit, samples.plan(created_at=now, **ends))
        plans.save(unit, replace(samples.plan(created_at=now, quorum=2, **ends), id="plan-two"))
        unit.add(samples.finding())
        unit.add(samples.dispute())
        figures = samples.digest().to_data()
        digest = tables.Digest(
            id="digest-1", team="checkout", week=samples.WEEK.start, figures=figures, published_at=now
        )
        unit.add(digest)
        unit.add(tables.Surface(key="digest:digest-1", channel="C_CHECKOUT", ts="1700000000.000009"))


@pytest.fixture
def office(world: Desk, slack: Slack) -> Office:
    """The app that people talk to."""
    return Office.open(world, slack)


@pytest.fixture
def shown(office: Office) -> str:
    """What the buttons of the plan's card carry."""
    row = office.row(tables.Plan, "plan-abc")
    return f"plan-abc:{row.hash[:16]}"
