"""Stopping idle instances: which count as idle, which only look like it, and what the stop does."""

from dataclasses import replace

import pytest

from actions.aws.start_instances import StartInstances
from actions.aws.stop_instances import StopInstances, StopParams
from actions.base import RUN_TAG, Params, Target
from actions.clouds import AwsClouds
from actions.errors import ActionFailed, Unreadable
from spend.errors import Refused
from tests.actions.proxy import Proxy
from tests.actions.world import BUSY, IDLE, REGION, SCOPE, World, backend, ids

STOP = StopInstances()
START = StartInstances()
PARAMS = StopParams(environments=["dev", "sandbox"])
LAST_TWO_WEEKS = range(1, 15)
BEFORE = range(15, 46)


def find(clouds: AwsClouds) -> list[Target]:
    return list(STOP.find(clouds, SCOPE, PARAMS))


def test_two_quiet_weeks_make_an_instance_idle_and_the_evidence_is_said(world: World) -> None:
    box = world.idle_instance("quiet-box", Environment="dev", Owner="team-a")
    [found] = find(world.clouds)
    assert (found.id, found.name, found.state, found.kind) == (box, "quiet-box", "running", "instance")
    assert found.tags["Owner"] == "team-a"
    assert found.facts["root"] == "ebs"
    assert "over 14 days: CPU at most 2.0 %" in found.why
    assert found.monthly_cost is None


@pytest.mark.parametrize("tags", [{"env": "Sandbox"}, {"ENVIRONMENT": " DEV "}, {"Env": "dev"}])
def test_the_environment_is_read_however_it_is_spelt(world: World, tags: dict[str, str]) -> None:
    box = world.idle_instance("box", **tags)
    assert ids(find(world.clouds)) == {box}


@pytest.mark.parametrize(
    "tags",
    [
        {"Environment": "staging"},
        {"Environment": "production"},
        {"Owner": "x"},
        {"env": "dev", "Environment": "prod"},
    ],
)
def test_other_and_doubtful_environments_are_left_alone(world: World, tags: dict[str, str]) -> None:
    world.idle_instance("box", **tags)
    assert find(world.clouds) == []


def test_near_misses_are_not_idle(world: World) -> None:
    network = world.instance("low-cpu-busy-network")
    world.days(network, dict.fromkeys(range(1, 45), (1.0, 2.0, 900.0)))
    world.instance("no-metrics")
    young = world.instance("three-days-old", days_old=3)
    world.days(young, dict.fromkeys(range(1, 4), IDLE))
    restarted = world.instance("started-anew-yesterday", days_old=1)
    world.days(restarted, dict.fromkeys(range(1, 45), IDLE))
    gaps = world.instance("half-of-the-days-missing")
    world.days(gaps, dict.fromkeys(range(1, 15, 2), IDLE))
    one_day = world.instance("busy-for-one-day")
    world.days(one_day, {**dict.fromkeys(LAST_TWO_WEEKS, IDLE), 5: BUSY})
    peak = world.instance("quiet-average-high-peak")
    world.days(peak, dict.fromkeys(LAST_TWO_WEEKS, (1.0, 60.0, 1.0)))
    stopped = world.idle_instance("stopped-already")
    world.ec2.stop_instances(InstanceIds=[stopped])
    assert find(world.clouds) == []


def test_cpu_without_network_figures_is_no_evidence(world: World) -> None:
    box = world.idle_instance()
    metrics = backend("cloudwatch")
    metrics.metric_data = [row for row in metrics.metric_data if row.name != "NetworkIn"]
    assert box
    assert find(world.clouds) == []


def test_a_batch_machine_that_is_busy_at_the_turn_of_the_month_is_not_idle(world: World) -> None:
    batch = world.instance("month-end")
    turn = {16: BUSY, 17: BUSY, 18: BUSY}  # 30 May to 1 June, seen from 17 June
    world.days(batch, {**dict.fromkeys([*LAST_TWO_WEEKS, *BEFORE], IDLE), **turn})
    assert find(world.clouds) == []


def test_an_instance_that_worked_each_week_and_was_then_left_is_idle(world: World) -> None:
    left = world.instance("left")
    weekends = {ago for ago in BEFORE if ago % 7 in {3, 4}}
    past = {ago: IDLE if ago in weekends else BUSY for ago in BEFORE}
    world.days(left, {**dict.fromkeys(LAST_TWO_WEEKS, IDLE), **past})
    assert ids(find(world.clouds)) == {left}


def test_several_instances_of_one_reservation_are_each_looked_at(world: World) -> None:
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "env", "Value": "dev"}]}]
    reply = world.ec2.run_instances(ImageId="ami-12345678", MinCount=3, MaxCount=3, TagSpecifications=tags)
    made = [row["InstanceId"] for row in reply["Instances"]]
    for box in made:
        backend("ec2").get_instance(box).launch_time = (
            backend("ec2").get_instance(world.idle_instance("old", env="qa")).launch_time
        )
        world.days(box, dict.fromkeys(LAST_TWO_WEEKS, IDLE))
    assert ids(find(world.clouds)) == set(made)


def test_an_unreadable_account_is_an_error_and_never_an_empty_list(world: World, proxy: Proxy) -> None:
    world.idle_instance()
    proxy.fault = lambda operation, _body: "deny" if operation == "DescribeInstances" else None
    with pytest.raises(Unreadable, match="the instances of"):
        find(world.clouds)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"facts": {"root": "instance-store", "lifecycle": "on-demand"}}, "instance store"),
        ({"facts": {"root": "ebs", "lifecycle": "spot"}}, "spot instance"),
        ({"tags": {"aws:autoscaling:groupName": "web"}}, "auto-scaling group web"),
    ],
)
def test_what_a_stop_would_lose_or_not_hold_is_unfit(
    world: World, change: dict[str, dict[str, str]], said: str
) -> None:
    world.idle_instance()
    [found] = find(world.clouds)
    assert STOP.unfit(found) is None
    assert said in str(STOP.unfit(replace(found, **change)))  # type: ignore[arg-type] # a test's shorthand


def test_a_stop_tags_and_stops_and_a_start_brings_it_back(world: World) -> None:
    box = world.idle_instance()
    [target] = find(world.clouds)
    assert STOP.reached(world.clouds, target, PARAMS, key="k") is None
    STOP.apply(world.clouds, target, PARAMS, run="run-1", key="k")
    after = STOP.reached(world.clouds, target, PARAMS, key="k")
    assert after is not None
    assert (after.state, after.tags[RUN_TAG]) == ("stopped", "run-1")
    START.apply(world.clouds, after, Params(), run="run-2", key="k")
    back = START.reached(world.clouds, after, Params(), key="k")
    assert back is not None
    assert (back.id, back.state, back.identity) == (box, "running", target.identity)
    assert world.tags(box)[RUN_TAG] == "run-2"


def test_a_stop_that_the_cloud_forbids_is_a_definite_failure(world: World) -> None:
    box = world.idle_instance()
    [target] = find(world.clouds)
    world.ec2.modify_instance_attribute(InstanceId=box, DisableApiStop={"Value": True})
    with pytest.raises(ActionFailed, match="disableApiStop") as failed:
        STOP.apply(world.clouds, target, PARAMS, run="run-1", key="k")
    assert (failed.value.target, failed.value.code) == (box, "OperationNotPermitted")
    assert world.state(box) == "running"


@pytest.mark.parametrize("fault", ["lose", "drop", "html", "deny"])
def test_without_a_certain_tag_nothing_is_stopped(world: World, proxy: Proxy, fault: str) -> None:
    world.idle_instance()
    [target] = find(world.clouds)
    proxy.fault = lambda operation, _body: fault if operation == "CreateTags" else None
    with pytest.raises(ActionFailed):
        STOP.apply(world.clouds, target, PARAMS, run="run-1", key="k")
    assert proxy.count("StopInstances") == 0


def test_a_terminated_instance_and_one_that_never_was_are_gone(world: World) -> None:
    box = world.idle_instance()
    [target] = find(world.clouds)
    assert STOP.read(world.clouds, replace(target, id="i-0123456789abcdef0")) is None
    world.ec2.terminate_instances(InstanceIds=[box])
    assert STOP.read(world.clouds, target) is None


def test_a_restart_between_plan_and_call_shows_as_drift(world: World) -> None:
    box = world.idle_instance()
    [target] = find(world.clouds)
    other = backend("ec2").get_instance(world.instance("younger", days_old=1))
    backend("ec2").get_instance(box).launch_time = other.launch_time
    fresh = STOP.read(world.clouds, target)
    assert fresh is not None
    assert "its launched was" in str(target.drift(fresh))


def test_starting_is_never_proposed_by_a_sweep(world: World) -> None:
    with pytest.raises(Refused, match="press Undo"):
        START.find(world.clouds, SCOPE, Params())


def test_pages_are_all_read(world: World, proxy: Proxy) -> None:
    made = {world.idle_instance(f"box-{n}") for n in range(3)}
    client = world.clouds.client(SCOPE.accounts[0], "ec2", REGION)

    def five_at_most(params: dict[str, object], **_: object) -> None:
        params["MaxResults"] = 5

    client.meta.events.register("provide-client-params.ec2.DescribeInstances", five_at_most)
    made |= {world.idle_instance(f"box-{n}") for n in range(3, 7)}
    try:
        assert ids(find(world.clouds)) == made
    finally:
        client.meta.events.unregister("provide-client-params.ec2.DescribeInstances", five_at_most)
    assert len(proxy.of("DescribeInstances")) == 2
