"""What a reader of the demo's cloud finds there."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bot.demo.inventory import (
    DO_NOT_STOP,
    FRESH,
    INDEXER,
    LEGAL_HOLD,
    MONTH_END,
    PROTECTED,
    RECEIPTS,
    REFUSES_TO_STOP,
    RELAY,
    SILENT,
    STANDBY,
    STOPPED,
    WEB,
    YOUNG,
)
from bot.demo.world import ACCOUNTS, Kind
from tests.bot.demo.conftest import NOW, Demo

DAY = timedelta(days=1)


def instances(demo: Demo, account: str) -> Iterator[dict[str, Any]]:
    ec2 = demo.clouds.client(account, "ec2")
    for page in ec2.get_paginator("describe_instances").paginate():
        for reservation in page["Reservations"]:
            yield from reservation["Instances"]


def tags(resource: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in resource.get("Tags", [])}


def instance(demo: Demo, name: str) -> dict[str, Any]:
    account = demo.world.thing(name).account
    return next(each for each in instances(demo, account) if each["InstanceId"] == demo.ids[name])


def volume(demo: Demo, name: str) -> dict[str, Any]:
    ec2 = demo.clouds.client(demo.world.thing(name).account, "ec2")
    found: dict[str, Any] = ec2.describe_volumes(VolumeIds=[demo.ids[name]])["Volumes"][0]
    return found


def history(demo: Demo, name: str, metric: str, stat: str, since: timedelta) -> list[float]:
    """Daily values of a machine's metric."""
    dimensions = [{"Name": "InstanceId", "Value": demo.ids[name]}]
    query = {
        "Id": "m",
        "MetricStat": {
            "Metric": {"Namespace": "AWS/EC2", "MetricName": metric, "Dimensions": dimensions},
            "Period": 86400,
            "Stat": stat,
        },
    }
    cloudwatch = demo.clouds.client(demo.world.thing(name).account, "cloudwatch")
    answer = cloudwatch.get_metric_data(MetricDataQueries=[query], StartTime=NOW - since, EndTime=NOW)
    values: list[float] = answer["MetricDataResults"][0]["Values"]
    return values


def test_every_thing_has_an_id_of_its_own(demo: Demo) -> None:
    assert set(demo.ids) == {thing.name for thing in demo.world.things}
    assert len(set(demo.ids.values())) == len(demo.ids)


def test_each_account_holds_exactly_its_own_instances(demo: Demo) -> None:
    for account in ACCOUNTS:
        wanted = {t.name for t in demo.world.things if t.kind is Kind.INSTANCE and t.account == account}
        assert {tags(each)["Name"] for each in instances(demo, account)} == wanted


def test_instances_have_their_tags_age_type_and_state(demo: Demo) -> None:
    for account in ACCOUNTS:
        for found in instances(demo, account):
            thing = demo.world.thing(tags(found)["Name"])
            own = {key: value for key, value in tags(found).items() if not key.startswith("aws:")}
            assert own == thing.tags
            assert found["LaunchTime"] == thing.launched_at
            assert found["InstanceType"] == thing.model
            assert found["State"]["Name"] == ("stopped" if thing.name == STOPPED else "running")


def test_volumes_have_their_age_and_only_the_attached_ones_are_in_use(demo: Demo) -> None:
    for thing in demo.world.things:
        if thing.kind is Kind.VOLUME:
            found = volume(demo, thing.name)
            assert found["CreateTime"] == thing.launched_at
            assert found["Size"] == thing.size
            assert found["State"] == ("in-use" if thing.attached_to else "available")
            assert tags(found) == thing.tags


def test_what_is_unattached_and_a_month_old_is_what_a_sweep_must_find(demo: Demo) -> None:
    old: set[str] = set()
    for account in ACCOUNTS:
        free = [{"Name": "status", "Values": ["available"]}]
        volumes = demo.clouds.client(account, "ec2").describe_volumes(Filters=free)["Volumes"]
        unguarded = [each for each in volumes if "bursar:protect" not in tags(each)]
        old |= {tags(each)["Name"] for each in unguarded if NOW - each["CreateTime"] >= 30 * DAY}
    assert old == demo.world.expected_orphans
    assert NOW - volume(demo, FRESH)["CreateTime"] < 3 * DAY
    assert tags(volume(demo, LEGAL_HOLD))["bursar:protect"] == "true"


def is_idle(demo: Demo, name: str) -> bool:
    """Two weeks of every day under 5 % CPU and 5 MB of traffic, and as quiet in the 45 days before."""
    cpu = history(demo, name, "CPUUtilization", "Maximum", 45 * DAY)
    flow = [history(demo, name, metric, "Sum", 14 * DAY) for metric in ("NetworkIn", "NetworkOut")]
    if len(cpu) < 44 or any(len(days) < 14 for days in flow):
        return False
    return max(cpu) < 5 and all(a + b < 5_000_000 for a, b in zip(*flow, strict=True))


def test_idle_running_unprotected_development_machines_are_what_a_sweep_must_find(demo: Demo) -> None:
    found: set[str] = set()
    for account in ACCOUNTS:
        for each in instances(demo, account):
            label = tags(each)
            guarded = label.keys() & {"bursar:protect", "do-not-stop"}
            development = any(
                key.lower() in {"environment", "env"} and value.lower() in {"dev", "development"}
                for key, value in label.items()
            )
            running = each["State"]["Name"] == "running"
            if development and running and not guarded and is_idle(demo, label["Name"]):
                found.add(label["Name"])
    assert found == demo.world.expected_idle


def test_each_near_miss_differs_from_an_idle_machine_in_one_way(demo: Demo) -> None:
    assert max(history(demo, RELAY, "CPUUtilization", "Maximum", 14 * DAY)) < 5
    assert min(history(demo, RELAY, "NetworkOut", "Sum", 14 * DAY)) > 1_000_000_000
    assert history(demo, SILENT, "CPUUtilization", "Average", 45 * DAY) == []
    assert NOW - instance(demo, YOUNG)["LaunchTime"] == timedelta(days=2, hours=23, minutes=30)
    assert tags(instance(demo, PROTECTED))["bursar:protect"] == "true"
    assert tags(instance(demo, DO_NOT_STOP))["do-not-stop"] == "true"
    assert is_idle(demo, PROTECTED)
    assert is_idle(demo, DO_NOT_STOP)
    assert max(history(demo, STANDBY, "CPUUtilization", "Maximum", 45 * DAY)) < 5
    assert instance(demo, STOPPED)["State"]["Name"] == "stopped"


def test_the_batch_machine_looks_idle_for_two_weeks_but_not_for_45_days(demo: Demo) -> None:
    assert max(history(demo, MONTH_END, "CPUUtilization", "Maximum", 14 * DAY)) < 5
    assert max(history(demo, MONTH_END, "CPUUtilization", "Maximum", 45 * DAY)) > 50


def test_the_cloud_itself_refuses_to_stop_the_failing_target(demo: Demo) -> None:
    ec2 = demo.clouds.client(demo.world.thing(REFUSES_TO_STOP).account, "ec2")
    with pytest.raises(ClientError, match="OperationNotPermitted"):
        ec2.stop_instances(InstanceIds=[demo.ids[REFUSES_TO_STOP]])
    assert instance(demo, REFUSES_TO_STOP)["State"]["Name"] == "running"


def test_the_other_idle_machines_stop_and_start_again(demo: Demo) -> None:
    name = "checkout-dev-api"
    ec2 = demo.clouds.client(demo.world.thing(name).account, "ec2")
    ec2.stop_instances(InstanceIds=[demo.ids[name]])
    assert instance(demo, name)["State"]["Name"] == "stopped"
    ec2.start_instances(InstanceIds=[demo.ids[name]])
    assert instance(demo, name)["LaunchTime"] == demo.world.thing(name).launched_at


def test_the_disks_that_machines_start_from_are_as_old_as_the_machines(demo: Demo) -> None:
    found = instance(demo, "checkout-dev-api")
    root = found["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    ec2 = demo.clouds.client(demo.world.thing("checkout-dev-api").account, "ec2")
    assert ec2.describe_volumes(VolumeIds=[root])["Volumes"][0]["CreateTime"] == found["LaunchTime"]


def test_three_addresses_belong_to_nothing_and_one_is_in_use(demo: Demo) -> None:
    loose: set[str] = set()
    for account in ACCOUNTS:
        addresses = demo.clouds.client(account, "ec2").describe_addresses()["Addresses"]
        loose |= {tags(each)["Name"] for each in addresses if not each.get("AssociationId")}
    assert loose == {"checkout-dev-old-ip", "lab-unused-ip", "search-prod-spare-ip"}


def test_one_load_balancer_has_targets_and_one_has_none(demo: Demo) -> None:
    for name, count in (("checkout-legacy-lb", 0), ("search-prod-lb", 3)):
        elb = demo.clouds.client(demo.world.thing(name).account, "elbv2")
        found = elb.describe_load_balancers(LoadBalancerArns=[demo.ids[name]])["LoadBalancers"][0]
        assert found["CreatedTime"] == demo.world.thing(name).launched_at
        groups = elb.describe_target_groups(LoadBalancerArn=demo.ids[name])["TargetGroups"]
        health = elb.describe_target_health(TargetGroupArn=groups[0]["TargetGroupArn"])
        assert len(health["TargetHealthDescriptions"]) == count


def test_the_auto_scaling_group_holds_its_three_machines(demo: Demo) -> None:
    scaling = demo.clouds.client(demo.world.thing(WEB).account, "autoscaling")
    group = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[WEB])["AutoScalingGroups"][0]
    held = {each["InstanceId"] for each in group["Instances"]}
    assert held == {demo.ids[f"{WEB}-{n}"] for n in (1, 2, 3)}


def test_one_function_is_capped_and_the_runaway_one_is_not(demo: Demo) -> None:
    functions = demo.clouds.client(demo.world.thing(INDEXER).account, "lambda")
    capped = functions.get_function_concurrency(FunctionName=RECEIPTS)
    assert capped["ReservedConcurrentExecutions"] == 50
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(FunctionName=INDEXER)
    assert functions.list_tags(Resource=demo.ids[INDEXER])["Tags"] == demo.world.thing(INDEXER).tags


@pytest.mark.parametrize(("name", "least"), [(INDEXER, 600.0), (RECEIPTS, 0.0)])
def test_the_runaway_function_takes_most_of_the_accounts_concurrency(
    demo: Demo, name: str, least: float
) -> None:
    cloudwatch = demo.clouds.client(demo.world.thing(name).account, "cloudwatch")
    found = cloudwatch.get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="ConcurrentExecutions",
        Dimensions=[{"Name": "FunctionName", "Value": name}],
        StartTime=NOW - DAY,
        EndTime=NOW,
        Period=3600,
        Statistics=["Maximum"],
    )["Datapoints"]
    peak = max(point["Maximum"] for point in found)
    assert (peak > 600) == (least > 0)


def test_metrics_end_with_the_last_full_hour(demo: Demo) -> None:
    name = "checkout-dev-api"
    cloudwatch = demo.clouds.client(demo.world.thing(name).account, "cloudwatch")
    found = cloudwatch.get_metric_statistics(
        Namespace="AWS/EC2",
        MetricName="CPUUtilization",
        Dimensions=[{"Name": "InstanceId", "Value": demo.ids[name]}],
        StartTime=NOW - 14 * DAY,
        EndTime=NOW,
        Period=3600,
        Statistics=["Average"],
    )["Datapoints"]
    times: list[datetime] = sorted(point["Timestamp"] for point in found)
    assert times[-1] == NOW.replace(hour=8, minute=0)
    assert len(times) == 14 * 24 - 1  # it is half past nine, and the hour from nine is not over
