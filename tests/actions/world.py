"""Things to find in the test's cloud: instances with a past, volumes of an age, functions with calls."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.backends import get_backend

from actions.base import Scope, Target
from actions.clouds import AwsClouds

ACCOUNT = "123456789012"
REGION = "eu-central-1"
#: Mid-month in the middle of a day; the past is counted from here.
NOW = datetime(2026, 6, 17, 12, tzinfo=UTC)
MIDNIGHT = NOW.replace(hour=0)
SCOPE = Scope((ACCOUNT,), (REGION,), NOW)
IDLE = (1.0, 2.0, 1.0)  # CPU average, CPU peak, megabytes a day
BUSY = (40.0, 90.0, 900.0)


def empty() -> None:
    """Forget what earlier tests made; moto's own images stay, as loading them takes a second."""
    for account in get_backend("ec2").values():
        for region in account.values():
            region.reservations.clear()
            region.volumes.clear()
    for service in ("cloudwatch", "lambda", "iam"):
        for account in get_backend(service).values():
            account.reset()


class World:
    """Makes things in the cloud, through its own API where that allows a past."""

    def __init__(self, clouds: AwsClouds) -> None:
        self.clouds = clouds
        self.ec2 = clouds.client(ACCOUNT, "ec2", REGION, mutating=True)
        self.cloudwatch = clouds.client(ACCOUNT, "cloudwatch", REGION, mutating=True)
        self.lambdas = clouds.client(ACCOUNT, "lambda", REGION, mutating=True)

    def instance(self, name: str = "box", *, days_old: int = 90, **tags: str) -> str:
        """A running instance; its environment is dev unless tags say otherwise."""
        tags = tags or {"Environment": "dev"}
        pairs = [{"Key": key, "Value": value} for key, value in {"Name": name, **tags}.items()]
        reply = self.ec2.run_instances(
            ImageId="ami-12345678",
            MinCount=1,
            MaxCount=1,
            InstanceType="t3.medium",
            TagSpecifications=[{"ResourceType": "instance", "Tags": pairs}],
        )
        found = str(reply["Instances"][0]["InstanceId"])
        backend("ec2").get_instance(found).launch_time = naive(NOW - timedelta(days=days_old))
        return found

    def days(self, instance: str, days: Mapping[int, tuple[float, float, float]]) -> None:
        """A day's figures for each "days ago"."""
        rows: list[Any] = []
        for ago, (average, peak, megabytes) in days.items():
            at = MIDNIGHT - timedelta(days=ago) + timedelta(hours=6)
            cpu = {"SampleCount": 2, "Sum": 2 * average, "Minimum": 0, "Maximum": peak}
            half = megabytes * 500_000
            rows += [
                figure("CPUUtilization", "InstanceId", instance, at, StatisticValues=cpu),
                figure("NetworkIn", "InstanceId", instance, at, Value=half),
                figure("NetworkOut", "InstanceId", instance, at, Value=half),
            ]
        self.put("AWS/EC2", rows)

    def idle_instance(self, name: str = "box", **tags: str) -> str:
        """An instance that has been idle for all of its known past."""
        found = self.instance(name, days_old=90, **tags)
        self.days(found, dict.fromkeys(range(1, 45), IDLE))
        return found

    def put(self, namespace: str, rows: Sequence[Any]) -> None:
        for first in range(0, len(rows), 500):
            self.cloudwatch.put_metric_data(Namespace=namespace, MetricData=rows[first : first + 500])

    def volume(self, name: str = "disk", *, days_old: int = 90, **tags: str) -> str:
        """An unattached volume."""
        pairs = [{"Key": key, "Value": value} for key, value in {"Name": name, **tags}.items()]
        reply = self.ec2.create_volume(
            AvailabilityZone=f"{REGION}a",
            Size=20,
            VolumeType="gp3",
            TagSpecifications=[{"ResourceType": "volume", "Tags": pairs}],
        )
        found = str(reply["VolumeId"])
        backend("ec2").volumes[found].create_time = naive(NOW - timedelta(days=days_old))
        return found

    def function(self, name: str, **tags: str) -> str:
        """A function without reserved concurrency; its ARN."""
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as packed:
            packed.writestr("main.py", "def run(event, context): return 1")
        iam = self.clouds.client(ACCOUNT, "iam", REGION, mutating=True)
        role = iam.create_role(RoleName=f"{name}-role", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        reply = self.lambdas.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=role,
            Handler="main.run",
            Code={"ZipFile": code.getvalue()},
            Tags=tags,
        )
        return str(reply["FunctionArn"])

    def calls(self, name: str, *, peak: float, invocations: float, hours_ago: int = 2) -> None:
        """What a function did in one hour."""
        at = NOW - timedelta(hours=hours_ago)
        rows = [
            figure("ConcurrentExecutions", "FunctionName", name, at, Value=peak),
            figure("Invocations", "FunctionName", name, at, Value=invocations),
        ]
        self.put("AWS/Lambda", rows)

    def state(self, instance: str) -> str:
        reply = self.ec2.describe_instances(InstanceIds=[instance])
        return str(reply["Reservations"][0]["Instances"][0]["State"]["Name"])

    def tags(self, resource: str) -> dict[str, str]:
        reply = self.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [resource]}])
        return {tag["Key"]: tag["Value"] for tag in reply["Tags"]}

    def tag(self, resource: str, **tags: str) -> None:
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        self.ec2.create_tags(Resources=[resource], Tags=pairs)


def figure(metric: str, dimension: str, value: str, at: datetime, **what: Any) -> dict[str, Any]:
    return {
        "MetricName": metric,
        "Dimensions": [{"Name": dimension, "Value": value}],
        "Timestamp": at,
        **what,
    }


def backend(service: str) -> Any:
    return get_backend(service)[ACCOUNT][REGION]


def naive(at: datetime) -> datetime:
    """As moto keeps its own times: UTC, without saying so."""
    return at.replace(tzinfo=None)


def ids(found: Sequence[Target]) -> set[str]:
    return {target.id for target in found}
