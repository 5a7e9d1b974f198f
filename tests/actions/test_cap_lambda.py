"""Capping a runaway function, and giving it back what it had."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from actions.aws.cap_lambda_concurrency import CapLambdaConcurrency
from actions.aws.restore_lambda_concurrency import RestoreLambdaConcurrency
from actions.aws.runaways import CapParams
from actions.base import RUN_TAG, Params, Target
from actions.errors import ActionFailed
from tests.actions.proxy import Proxy
from tests.actions.world import SCOPE, World, ids

CAP, RESTORE = CapLambdaConcurrency(), RestoreLambdaConcurrency()
PARAMS = CapParams(limit=5, peak_above=50, invocations_above=100_000)


@pytest.fixture
def runaway(world: World) -> Target:
    world.function("runaway", Environment="dev", Owner="team-b")
    world.calls("runaway", peak=400, invocations=20)
    [found] = CAP.find(world.clouds, SCOPE, PARAMS)
    return found


def limit(world: World, name: str) -> Any:
    return world.lambdas.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")


def test_runaways_are_found_and_near_misses_are_not(world: World) -> None:
    at_once, in_all = world.function("many-at-once"), world.function("many-in-all")
    world.calls("many-at-once", peak=51, invocations=10)
    world.calls("many-in-all", peak=1, invocations=100_001)
    world.function("just-not")
    world.calls("just-not", peak=50, invocations=100_000)
    world.function("no-figures")
    world.function("yesterday-and-before")
    world.calls("yesterday-and-before", peak=900, invocations=10**7, hours_ago=30)
    world.function("capped-already")
    world.calls("capped-already", peak=400, invocations=10**7)
    world.lambdas.put_function_concurrency(FunctionName="capped-already", ReservedConcurrentExecutions=2)
    found = list(CAP.find(world.clouds, SCOPE, PARAMS))
    assert ids(found) == {at_once, in_all}
    assert {target.state for target in found} == {"uncapped"}


def test_the_evidence_and_the_owner_are_on_the_target(runaway: Target) -> None:
    assert (runaway.name, runaway.kind, runaway.tags["Owner"]) == ("runaway", "function", "team-b")
    assert runaway.why == "400 at once and 20 calls in 24 hours, without a cap"


def test_a_cap_is_set_tagged_and_taken_away_again(world: World, runaway: Target) -> None:
    assert CAP.reached(world.clouds, runaway, PARAMS, key="k") is None
    CAP.apply(world.clouds, runaway, PARAMS, run="run-1", key="k")
    after = CAP.reached(world.clouds, runaway, PARAMS, key="k")
    assert after is not None
    assert (after.state, after.facts["was"], after.tags[RUN_TAG]) == ("5", "uncapped", "run-1")
    fresh = RESTORE.read(world.clouds, after)
    assert fresh is not None
    assert after.drift(fresh) is None
    assert RESTORE.reached(world.clouds, after, Params(), key="k") is None
    RESTORE.apply(world.clouds, after, Params(), run="run-2", key="k")
    back = RESTORE.reached(world.clouds, after, Params(), key="k")
    assert back is not None
    assert back.state == "uncapped"
    assert limit(world, "runaway") is None


def test_a_function_that_had_a_limit_gets_that_one_back(world: World, runaway: Target) -> None:
    CAP.apply(world.clouds, runaway, PARAMS, run="run-1", key="k")
    recorded = replace(runaway, state="5", facts={**runaway.facts, "was": "40"})
    RESTORE.apply(world.clouds, recorded, Params(), run="run-2", key="k")
    assert limit(world, "runaway") == 40


def test_a_record_without_the_former_limit_restores_nothing(
    world: World, runaway: Target, proxy: Proxy
) -> None:
    with pytest.raises(ActionFailed, match="NothingRecorded"):
        RESTORE.apply(world.clouds, runaway, Params(), run="run-2", key="k")
    assert proxy.count("DELETE concurrency") == 0


def test_a_deployment_in_between_shows_as_drift(world: World, runaway: Target) -> None:
    fresh = CAP.read(world.clouds, replace(runaway, facts={**runaway.facts}))
    assert fresh is not None
    assert "its code was old" in str(replace(runaway, facts={**runaway.facts, "code": "old"}).drift(fresh))


def test_a_function_that_is_gone_is_gone(world: World, runaway: Target) -> None:
    world.lambdas.delete_function(FunctionName="runaway")
    assert CAP.read(world.clouds, runaway) is None
    assert RESTORE.read(world.clouds, runaway) is None
    with pytest.raises(ActionFailed) as failed:
        CAP.apply(world.clouds, runaway, PARAMS, run="run-1", key="k")
    assert failed.value.code == "ResourceNotFoundException"


@pytest.mark.parametrize("given", [{"limit": 5}, {"limit": 0, "peak_above": 1}, {"limit": 5, "peak_over": 1}])
def test_a_cap_without_a_bound_or_to_nothing_is_refused(given: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        CapParams(**given)


def test_without_a_certain_tag_nothing_is_capped(world: World, runaway: Target, proxy: Proxy) -> None:
    proxy.fault = lambda name, _body: "drop" if name.startswith("POST arn") else None
    with pytest.raises(ActionFailed, match="TagUnknown"):
        CAP.apply(world.clouds, runaway, PARAMS, run="run-1", key="k")
    assert limit(world, "runaway") is None
