"""Two plans never name the same target: whoever proposes first has it until its plan ended."""

import threading
from collections import Counter
from datetime import timedelta

import pytest

from actions.base import Target
from actions.plan import Plan
from flows import approvals, proposals
from spend.errors import Refused
from storage import plans
from storage.store import Store
from tests.flows.world import OPS, Company
from tests.storage.rows import target

ROUNDS = 10


def thing(key: str) -> Target:
    facts = {"root": "ebs", "lifecycle": "on-demand"}
    return target(key, kind="instance", tags={"team": "web", "Environment": "dev"}, facts=facts)


def propose(company: Company, *ids: str) -> Plan:
    """Propose without the guards' look beforehand: the last word is that of the transaction."""
    return proposals.propose(
        company.desk,
        company.desk.runbooks["stop-idle-dev"],
        [thing(one) for one in ids],
        [],
        findings=[],
        requested_by="bursar",
        reason="idle",
        now=company.now,
    )


@pytest.mark.case("T28", "V2.3.4")
def test_of_plans_that_share_a_target_one_is_made_however_they_race(company: Company) -> None:
    """Each pair of proposers shares one target of two."""
    company.with_org(wave_pause=0)
    stores = [Store(company.store.url) for _ in range(4)]
    made: list[Plan] = []
    refused: list[Refused] = []
    start = threading.Barrier(len(stores))

    def race(store: Store, number: int) -> None:
        own = Company(store, company.home)
        for round_ in range(ROUNDS):
            start.wait(60)
            try:
                made.append(propose(own, f"i-{round_}-shared", f"i-{round_}-{number}"))
            except Refused as refusal:
                refused.append(refusal)

    threads = [threading.Thread(target=race, args=pair) for pair in zip(stores, range(4), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    for store in stores:
        store.close()
    assert (len(made), len(refused)) == (ROUNDS, ROUNDS * 3)
    assert all("waits already" in str(refusal) for refusal in refused)
    named = Counter(one.id for plan in made for one in plan.targets)
    assert set(named.values()) == {1}


def test_a_target_is_free_again_when_its_plan_ended(company: Company) -> None:
    plan = propose(company, "i-1", "i-2")
    with pytest.raises(Refused, match="waits already"):
        propose(company, "i-2", "i-3")
    approvals.deny(company.desk, plan.id, actor=OPS, shown=plan.hash, reason="not now", now=company.now)
    company.clock.turn(seconds=timedelta(seconds=1).total_seconds())
    assert propose(company, "i-2", "i-3").id != plan.id
    with company.store.reading() as session:
        assert plans.busy_targets(session) == {"i-2", "i-3"}
