"""The permissions that `deploy/aws` grants are those that the actions declare, and those that they use."""

import json
from pathlib import Path
from typing import Any

import pytest

from actions import planning
from actions.base import Params
from actions.clouds import AwsClouds
from actions.plan import PlanState
from actions.registry import ACTIONS, action
from tests.actions.running import Run, frozen
from tests.actions.world import NOW, SCOPE, World

FOLDER = Path(__file__).parents[2] / "deploy" / "aws"
READING = ("Describe", "Get", "List")


class Recorder:
    """The clouds, with each operation that is called written down."""

    def __init__(self, clouds: AwsClouds) -> None:
        self._clouds, self._known = clouds, set[int]()
        self.used: set[str] = set()

    def client(self, account: str, service: str, region: str = "eu-central-1", **more: Any) -> Any:
        client = self._clouds.client(account, service, region, **more)
        if id(client) not in self._known:
            self._known.add(id(client))
            client.meta.events.register("before-call", self._note, unique_id=f"policy-{id(self)}")
        return client

    def _note(self, model: Any, **_: Any) -> None:
        self.used.add(
            f"{model.service_model.endpoint_prefix.replace('monitoring', 'cloudwatch')}:{model.name}"
        )


def statements(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FOLDER / name).read_text(encoding="utf-8"))["Statement"]
    return found


def granted(name: str) -> set[str]:
    return {one for part in statements(name) if part["Effect"] == "Allow" for one in part["Action"]}


def declared() -> set[str]:
    return {permission for one in ACTIONS.values() for permission in one.permissions}


@pytest.mark.case("T59", "V13.2.2")
def test_what_the_actions_declare_is_granted_and_nothing_else() -> None:
    looks = {one for one in declared() if one.split(":")[1].startswith(READING)}
    assert granted("read.json") == looks
    assert granted("act.json") == declared() - looks


@pytest.mark.case("T59", "V13.2.2")
def test_nothing_is_granted_by_a_wildcard_and_what_is_protected_is_denied() -> None:
    for part in [*statements("read.json"), *statements("act.json")]:
        assert not any("*" in one for one in part["Action"])
    for part in statements("act.json"):
        assert part["Effect"] == "Deny" or part["Resource"] != "*"
    [never] = [part for part in statements("act.json") if part["Effect"] == "Deny"]
    assert never["Condition"] == {"Null": {"aws:ResourceTag/bursar:protect": "false"}}
    interrupting = {"ec2:StopInstances", "ec2:DeleteVolume", "lambda:PutFunctionConcurrency"}
    assert set(never["Action"]) == interrupting


@pytest.fixture
def recorder(clouds: AwsClouds) -> Recorder:
    return Recorder(clouds)


def lifecycle(world: World, recorder: Recorder, runbook: str, first: str, params: dict[str, Any]) -> None:
    """Find, do and take back what one runbook is for."""
    world.clouds = recorder  # type: ignore[assignment] # it hands out the same clients
    found = list(action(first).find(recorder, SCOPE, _params(first, params)))
    run = Run(world, frozen(found, runbook))
    assert run.go() is PlanState.SUCCEEDED
    plan = planning.undo(run.plan, run.journal.steps(), plan_id="plan-2", approvers={"U_ANN"}, now=NOW)
    assert Run(world, plan).go() is PlanState.SUCCEEDED


def _params(name: str, given: dict[str, Any]) -> Params:
    return action(name).Params.model_validate(given)


@pytest.mark.case("T59", "V13.2.2")
def test_everything_that_is_granted_is_used_and_nothing_is_used_that_is_not_granted(
    world: World, recorder: Recorder
) -> None:
    world.idle_instance("box", Environment="dev")
    world.volume("disk", Environment="dev")
    world.function("runaway")
    world.calls("runaway", peak=400, invocations=10)
    world.function("capped-before")
    world.lambdas.put_function_concurrency(FunctionName="capped-before", ReservedConcurrentExecutions=90)
    lifecycle(world, recorder, "stop-idle-dev", "aws.stop_instances", {"environments": ["dev"]})
    lifecycle(world, recorder, "reclaim-unattached-volumes", "aws.snapshot_volume", {})
    lifecycle(
        world,
        recorder,
        "cap-lambda-concurrency",
        "aws.cap_lambda_concurrency",
        {"limit": 5, "peak_above": 50},
    )
    assert recorder.used == granted("read.json") | granted("act.json")
