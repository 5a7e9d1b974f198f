"""The permissions that `deploy/aws` grants are those that the actions declare, and those that they use."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core.authorization import enable_iam_authentication

from actions import planning
from actions.base import Clouds, Params
from actions.clouds import AccountAccess, AwsClouds
from actions.errors import TakenOver
from actions.plan import PlanState
from actions.registry import ACTIONS, action
from actions.rollout import steps_of
from actions.step import Step, StepState
from tests.actions.memory import MemoryJournal
from tests.actions.proxy import Proxy
from tests.actions.running import Run, frozen
from tests.actions.world import ACCOUNT, NOW, REGION, SCOPE, World

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


def lifecycle(world: World, clouds: Clouds, runbook: str, first: str, params: dict[str, Any]) -> None:
    """Find, do and take back what one runbook is for."""
    world.clouds = clouds  # type: ignore[assignment] # it hands out clients all the same
    found = list(action(first).find(clouds, SCOPE, _params(first, params)))
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


ROLES = {name: f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("read", "act")}


def allowing(*actions: str) -> str:
    """A policy for the test's cloud, which knows metrics by another name and tells no resources apart."""
    named = [one.replace("cloudwatch:", "monitoring:") for one in actions]
    return _document(Action=named, Resource="*")


def _document(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


@pytest.fixture
def apart(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsClouds]:
    """The account by two roles, each with its policy of `deploy/aws`, in a cloud that asks for permission."""
    world.idle_instance("box", Environment="dev")
    world.volume("disk", Environment="dev")
    iam = world.clouds.client(ACCOUNT, "iam")
    trust = _document(Action="sts:AssumeRole", Principal={"AWS": "*"})
    for name in ROLES:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        policy = allowing(*granted(f"{name}.json"))
        iam.put_role_policy(RoleName=name, PolicyName="granted", PolicyDocument=policy)
    iam.create_user(UserName="worker")
    iam.put_user_policy(UserName="worker", PolicyName="enter", PolicyDocument=allowing("sts:AssumeRole"))
    key = iam.create_access_key(UserName="worker")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    with enable_iam_authentication():
        yield AwsClouds({ACCOUNT: AccountAccess(ROLES["read"], None, ROLES["act"])}, "tests")


def assumed(proxy: Proxy) -> list[str]:
    """The roles that were assumed, in order."""
    return [name for body in proxy.of("AssumeRole") for name in ROLES if f"role%2F{name}" in body]


@pytest.mark.case("T59", "V13.2.2")
def test_a_role_that_looks_and_one_that_changes_do_all_of_it(
    world: World, apart: AwsClouds, proxy: Proxy
) -> None:
    lifecycle(world, apart, "stop-idle-dev", "aws.stop_instances", {"environments": ["dev"]})
    lifecycle(world, apart, "reclaim-unattached-volumes", "aws.snapshot_volume", {})
    assert assumed(proxy) == ["read", "act"]


@pytest.mark.case("T59", "V13.2.2")
def test_neither_role_does_what_is_the_others(apart: AwsClouds) -> None:
    looks, changes = (apart.client(ACCOUNT, "ec2", REGION, mutating=one) for one in (False, True))
    for call, request in (
        (looks.stop_instances, {"InstanceIds": ["i-1"]}),
        (looks.delete_volume, {"VolumeId": "vol-1"}),
        (changes.describe_instances, {}),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            call(**request)


class Overtaken(MemoryJournal):
    """Another worker takes the run over right after the intent."""

    def intend(self, *step: Any, **when: Any) -> Step:
        intended = super().intend(*step, **when)
        self.taken = True
        return intended


@pytest.mark.case("T59", "V13.2.2")
def test_the_role_that_changes_is_assumed_only_by_a_run_that_has_leave(
    world: World, apart: AwsClouds, proxy: Proxy
) -> None:
    world.clouds = apart
    stop = action("aws.stop_instances")
    found = list(stop.find(apart, SCOPE, _params(stop.name, {"environments": ["dev"]})))
    plan = frozen(found)
    run = Run(world, plan, Overtaken(steps_of(plan)))
    with pytest.raises(TakenOver):
        run.go()
    assert run.states() == [StepState.INTENT]
    assert assumed(proxy) == ["read"]
