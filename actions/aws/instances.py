"""Reads instances: all that run in a region, or one."""

from collections.abc import Iterator
from typing import Any

from actions.aws import ec2
from actions.base import Clouds, Target
from actions.clouds import answer, pages


def running(clouds: Clouds, account: str, region: str, where: str) -> Iterator[Any]:
    """Every running instance of a region, as EC2 describes it."""
    client = clouds.client(account, "ec2", region)
    wanted = [{"Name": "instance-state-name", "Values": ["running"]}]
    for reservation in pages(where, client, "describe_instances", "Reservations", Filters=wanted):
        yield from reservation["Instances"]


def read(clouds: Clouds, target: Target) -> Target | None:
    """One instance as it is now; a terminated one is gone."""
    client = clouds.client(target.account, "ec2", target.region)
    found = answer(
        target.id,
        lambda: client.describe_instances(InstanceIds=[target.id]),
        gone=("InvalidInstanceID.NotFound",),
    )
    rows = [row for reservation in (found or {}).get("Reservations", []) for row in reservation["Instances"]]
    row = ec2.only(row for row in rows if row["InstanceId"] == target.id)
    if row is None or row["State"]["Name"] in {"terminated", "shutting-down"}:
        return None
    return ec2.instance(row, target.account, target.region, target.why)
