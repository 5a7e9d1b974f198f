"""Reads instances: all that run in a region, or one."""

from collections.abc import Iterator
from typing import Any

from actions.aws import ec2
from actions.base import Clouds, Scope, Target
from actions.clouds import answer, pages

#: States of what EC2 still shows for a while after its end.
GONE = frozenset({"terminated", "shutting-down"})


def running(clouds: Clouds, account: str, region: str, where: str) -> Iterator[Any]:
    """Every running instance of a region, as EC2 describes it."""
    client = clouds.client(account, "ec2", region)
    wanted = [{"Name": "instance-state-name", "Values": ["running"]}]
    for reservation in pages(where, client, "describe_instances", "Reservations", Filters=wanted):
        yield from reservation["Instances"]


def fleet(clouds: Clouds, scope: Scope) -> Iterator[Target]:
    """Every instance that is there, running or not."""
    for account in scope.accounts:
        for region in scope.regions:
            client = clouds.client(account, "ec2", region)
            where = f"the instances of {account} in {region}"
            for reservation in pages(where, client, "describe_instances", "Reservations"):
                rows = (row for row in reservation["Instances"] if row["State"]["Name"] not in GONE)
                yield from (ec2.instance(row, account, region) for row in rows)


def read(clouds: Clouds, target: Target) -> Target | None:
    """One instance as it is now; a terminated one is gone.

    Raises:
        Unreadable: EC2 did not answer, or its answer does not hold the instance; empty is no evidence.
    """
    client = clouds.client(target.account, "ec2", target.region)
    found = answer(
        target.id,
        lambda: client.describe_instances(InstanceIds=[target.id]),
        gone=("InvalidInstanceID.NotFound",),
    )
    if found is None:
        return None
    rows = [row for reservation in found.get("Reservations", []) for row in reservation["Instances"]]
    row = ec2.the(target.id, rows, "InstanceId")
    if row["State"]["Name"] in GONE:
        return None
    return ec2.instance(row, target.account, target.region, target.why)
