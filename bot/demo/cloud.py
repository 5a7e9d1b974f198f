"""Builds the demo's things in a local moto server over its real AWS interface."""

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Protocol

from bot.demo.metrics import Point, points
from bot.demo.thing import ZONE, Kind, Thing
from bot.demo.world import ACCOUNTS, REGION, World

#: An Amazon Linux image that moto knows.
IMAGE = "ami-12c6146b"
#: CloudWatch takes a thousand data points a call.
BATCH = 1000
_TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*"}]}'
_DIMENSION = {
    Kind.INSTANCE: "InstanceId",
    Kind.FUNCTION: "FunctionName",
    Kind.LOAD_BALANCER: "LoadBalancer",
    Kind.VOLUME: "VolumeId",
}


class Clouds(Protocol):
    """Gives clients of an account; `actions.clouds` implements it."""

    def client(self, account: str, service: str, region: str = REGION) -> Any:
        """A boto3 client with credentials of this account."""


def populate(world: World, clouds: Clouds, now: datetime) -> dict[str, str]:
    """Make every thing of the world and return its cloud id by name, as the bill names it.

    Instances and volumes have their `i-…` and `vol-…` ids, addresses their allocation id, the
    others their ARN. The moto server must run in this process: the cloud lets nobody choose a
    launch time, so ages are set in its memory. Metrics end with the last full hour before `now`.
    """
    ids: dict[str, str] = {}
    for account in ACCOUNTS:
        things = [thing for thing in world.things if thing.account == account]
        _Account(account, clouds, ids).make(things)
        _set_ages(account, things, ids)
        data = (
            (p.namespace, _datum(thing, p, ids)) for thing in things for p in points(thing, now, world.seed)
        )
        _put_metrics(clouds.client(account, "cloudwatch", REGION), data)
    return ids


class _Account:
    """Makes the things of one account, those that others hold on to first."""

    def __init__(self, account: str, clouds: Clouds, ids: dict[str, str]) -> None:
        self.account, self.clouds, self.ids = account, clouds, ids
        self.ec2 = clouds.client(account, "ec2", REGION)

    def make(self, things: Iterable[Thing]) -> None:
        known = list(things)
        makers = {
            Kind.INSTANCE: self._instance,
            Kind.GROUP: lambda thing: self._group(thing, known),
            Kind.VOLUME: self._volume,
            Kind.ADDRESS: self._address,
            Kind.LOAD_BALANCER: self._balancer,
            Kind.FUNCTION: self._function,
        }
        for kind, maker in makers.items():
            for thing in known:
                if thing.kind is kind and thing.group is None:
                    maker(thing)

    def _instance(self, thing: Thing) -> None:
        answer = self.ec2.run_instances(
            ImageId=IMAGE,
            InstanceType=thing.model,
            MinCount=1,
            MaxCount=1,
            Placement={"AvailabilityZone": ZONE},
            DisableApiStop=thing.fails,
            TagSpecifications=[{"ResourceType": "instance", "Tags": _tags(thing.tags)}],
        )
        self.ids[thing.name] = answer["Instances"][0]["InstanceId"]
        if thing.stopped:
            self.ec2.stop_instances(InstanceIds=[self.ids[thing.name]])

    def _group(self, thing: Thing, known: Iterable[Thing]) -> None:
        scaling = self.clouds.client(self.account, "autoscaling", REGION)
        launch = f"{thing.name}-launch"
        scaling.create_launch_configuration(
            LaunchConfigurationName=launch, ImageId=IMAGE, InstanceType=thing.model
        )
        scaling.create_auto_scaling_group(
            AutoScalingGroupName=thing.name,
            LaunchConfigurationName=launch,
            AvailabilityZones=[ZONE],
            MinSize=thing.size,
            MaxSize=2 * thing.size,
            DesiredCapacity=thing.size,
            Tags=[tag | {"PropagateAtLaunch": True} for tag in _tags(thing.tags)],
        )
        group = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[thing.name])["AutoScalingGroups"][
            0
        ]
        self.ids[thing.name] = group["AutoScalingGroupARN"]
        machines = [each for each in known if each.group == thing.name]
        for machine, found in zip(machines, group["Instances"], strict=True):
            self.ids[machine.name] = found["InstanceId"]
            self.ec2.create_tags(Resources=[found["InstanceId"]], Tags=_tags(machine.tags))

    def _volume(self, thing: Thing) -> None:
        specification = {"ResourceType": "volume", "Tags": _tags(thing.tags)}
        volume = self.ec2.create_volume(
            AvailabilityZone=ZONE, Size=thing.size, VolumeType=thing.model, TagSpecifications=[specification]
        )
        self.ids[thing.name] = volume["VolumeId"]
        if thing.attached_to is not None:
            self.ec2.attach_volume(
                VolumeId=volume["VolumeId"], InstanceId=self.ids[thing.attached_to], Device="/dev/sdf"
            )

    def _address(self, thing: Thing) -> None:
        specification = {"ResourceType": "elastic-ip", "Tags": _tags(thing.tags)}
        address = self.ec2.allocate_address(Domain="vpc", TagSpecifications=[specification])
        self.ids[thing.name] = address["AllocationId"]
        if thing.attached_to is not None:
            holder = self.ids[thing.attached_to]
            self.ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=holder)

    def _balancer(self, thing: Thing) -> None:
        balancing = self.clouds.client(self.account, "elbv2", REGION)
        subnets = self.ec2.describe_subnets()["Subnets"]
        made = balancing.create_load_balancer(
            Name=thing.name, Subnets=[each["SubnetId"] for each in subnets[:2]], Tags=_tags(thing.tags)
        )["LoadBalancers"][0]
        self.ids[thing.name] = made["LoadBalancerArn"]
        group = balancing.create_target_group(
            Name=f"{thing.name}-web", Protocol="HTTP", Port=80, VpcId=subnets[0]["VpcId"]
        )["TargetGroups"][0]["TargetGroupArn"]
        balancing.create_listener(
            LoadBalancerArn=made["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
        )
        if thing.targets:
            targets = [{"Id": self.ids[name]} for name in thing.targets]
            balancing.register_targets(TargetGroupArn=group, Targets=targets)

    def _function(self, thing: Thing) -> None:
        name = f"{thing.name}-role"
        role = self.clouds.client(self.account, "iam", REGION).create_role(
            RoleName=name, AssumeRolePolicyDocument=_TRUST
        )
        functions = self.clouds.client(self.account, "lambda", REGION)
        made = functions.create_function(
            FunctionName=thing.name,
            Runtime=thing.model,
            Role=role["Role"]["Arn"],
            Handler="main.handle",
            Code={"ZipFile": _package()},
            Tags=dict(thing.tags),
        )
        self.ids[thing.name] = made["FunctionArn"]
        if thing.reserved is not None:
            functions.put_function_concurrency(
                FunctionName=thing.name, ReservedConcurrentExecutions=thing.reserved
            )


def _tags(tags: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _package() -> bytes:
    """The smallest function there is, zipped."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("main.py"), "def handle(event, context):\n    return event\n")
    return packed.getvalue()


def _set_ages(account: str, things: Iterable[Thing], ids: Mapping[str, str]) -> None:
    """Give machines, volumes and load balancers their age in moto's memory, where times have no zone."""
    from moto.backends import get_backend

    machines = get_backend("ec2")[account][REGION]
    balancers = get_backend("elbv2")[account][REGION].load_balancers
    for thing in things:
        born = thing.launched_at.astimezone(UTC).replace(tzinfo=None)
        match thing.kind:
            case Kind.INSTANCE:
                machine = machines.get_instance(ids[thing.name])
                machine.launch_time = born
                for card in machine.nics.values():  # its first interface tells when it was made
                    card.attach_time = born
            case Kind.VOLUME:
                machines.volumes[ids[thing.name]].create_time = born
            case Kind.LOAD_BALANCER:
                balancers[ids[thing.name]].created_time = f"{born.isoformat(timespec='milliseconds')}Z"
    named = set(ids.values())
    for volume in machines.volumes.values():
        if volume.attachment is not None:
            if volume.id not in named:  # a root volume is as old as its machine
                volume.create_time = volume.attachment.instance.launch_time
            volume.attachment.attach_time = volume.create_time


def _put_metrics(metrics: Any, data: Iterable[tuple[str, dict[str, Any]]]) -> None:
    by_namespace: dict[str, list[dict[str, Any]]] = {}
    for namespace, datum in data:
        by_namespace.setdefault(namespace, []).append(datum)
    for namespace, every in by_namespace.items():
        for batch in _batches(every):
            metrics.put_metric_data(Namespace=namespace, MetricData=batch)


def _batches(data: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rest = iter(data)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _datum(thing: Thing, point: Point, ids: Mapping[str, str]) -> dict[str, Any]:
    match thing.kind:
        case Kind.FUNCTION:
            value = thing.name
        case Kind.LOAD_BALANCER:
            value = ids[thing.name].partition(":loadbalancer/")[2]
        case _:
            value = ids[thing.name]
    return {
        "MetricName": point.metric,
        "Dimensions": [{"Name": _DIMENSION[thing.kind], "Value": value}],
        "Timestamp": point.at,
        "Unit": point.unit,
        "Value": point.value,
    }
