"""Volumes that nothing uses, and the snapshots that Bursar took of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from actions.aws import ec2, metrics
from actions.base import RUN_TAG, Action, Clouds, Params, Scope, Target
from actions.clouds import answer, pages

GONE = "InvalidVolume.NotFound"


class VolumeParams(Params):
    """How long a volume must have been without an instance."""

    unattached_days: int = Field(default=30, ge=7, le=365)


class OnVolumes(Action):
    """What acts on unattached volumes: they are found and read in one way."""

    kind = "volume"
    Params = VolumeParams

    def find(self, clouds: Clouds, scope: Scope, params: VolumeParams) -> Iterator[Target]:
        return unattached(clouds, scope, params)

    def fleet(self, clouds: Clouds, scope: Scope) -> Iterator[Target]:
        return fleet(clouds, scope)

    def read(self, clouds: Clouds, target: Target) -> Target | None:
        return read_volume(clouds, target)


def fleet(clouds: Clouds, scope: Scope) -> Iterator[Target]:
    """Every volume that is there, attached or not."""
    for account in scope.accounts:
        for region in scope.regions:
            yield from every(clouds, account, region)


def every(clouds: Clouds, account: str, region: str) -> Iterator[Target]:
    """Every volume of a region, attached or not."""
    client = clouds.client(account, "ec2", region)
    where = f"the volumes of {account} in {region}"
    rows = pages(where, client, "describe_volumes", "Volumes")
    yield from (ec2.volume(row, account, region) for row in rows)


def unattached(clouds: Clouds, scope: Scope, params: VolumeParams) -> Iterator[Target]:
    """Volumes older than the bound that no instance has, or had within it.

    EC2 does not say when a volume was detached; while attached it sends metrics, so a figure
    within the days speaks against it. That it is paid for is the bill's evidence, joined later.
    """
    start = ec2.midnight(scope.now, days_ago=params.unattached_days)
    for account in scope.accounts:
        for region in scope.regions:
            where = f"the volumes of {account} in {region}"
            rows = [row for row in _available(clouds, account, region, where) if row["CreateTime"] <= start]
            cloudwatch = clouds.client(account, "cloudwatch", region)
            used = _recently_used(cloudwatch, where, [row["VolumeId"] for row in rows], start, scope.now)
            for row in rows:
                if row["VolumeId"] not in used:
                    age = scope.now - row["CreateTime"]
                    why = (
                        f"attached to nothing, {age // timedelta(days=1)} days old, "
                        f"no reads for {params.unattached_days} days"
                    )
                    yield ec2.volume(row, account, region, why)


def _available(clouds: Clouds, account: str, region: str, where: str) -> Iterator[Any]:
    client = clouds.client(account, "ec2", region)
    wanted = [{"Name": "status", "Values": ["available"]}]
    for row in pages(where, client, "describe_volumes", "Volumes", Filters=wanted):
        if row["State"] == "available" and not row.get("Attachments"):
            yield row


def _recently_used(
    cloudwatch: Any, where: str, ids: Sequence[str], start: datetime, end: datetime
) -> frozenset[str]:
    wanted = [metrics.Query("AWS/EBS", "VolumeReadOps", "VolumeId", i, "Sum") for i in ids]
    found = metrics.read(cloudwatch, where, wanted, metrics.Span(start, end))
    return frozenset(query.value for query, series in found.items() if series)


def read_volume(clouds: Clouds, target: Target) -> Target | None:
    """One volume as it is now, or None where EC2 says that there is none.

    Raises:
        Unreadable: EC2 did not answer, or its answer does not hold the volume; empty is no evidence.
    """
    client = clouds.client(target.account, "ec2", target.region)
    found = answer(target.id, lambda: client.describe_volumes(VolumeIds=[target.id]), gone=(GONE,))
    if found is None:
        return None
    row = ec2.the(target.id, found.get("Volumes", []), "VolumeId")
    if row["State"] == "deleted":
        return None
    held = ec2.volume(row, target.account, target.region, target.why)
    return replace(held, inherited=_of_its_instances(client, row))


def _of_its_instances(client: Any, row: Any) -> dict[str, str]:
    """The tags of the instances that a volume is attached to."""
    wanted = [one["InstanceId"] for one in row.get("Attachments", []) if "InstanceId" in one]
    if not wanted:
        return {}
    where = f"the instances of {row['VolumeId']}"
    found = pages(where, client, "describe_instances", "Reservations", InstanceIds=wanted)
    rows = (one for reservation in found for one in reservation["Instances"])
    return {key: value for one in rows for key, value in ec2.tags_of(one).items()}


def snapshots(clouds: Clouds, target: Target, *, tag: str = RUN_TAG, value: str | None = None) -> list[Any]:
    """Bursar's snapshots of this volume, the newest first: by tag, never all that the account owns."""
    client = clouds.client(target.account, "ec2", target.region)
    wanted = [
        {"Name": "volume-id", "Values": [target.id]},
        {"Name": "tag-key", "Values": [tag]} if value is None else {"Name": f"tag:{tag}", "Values": [value]},
    ]
    where = f"the snapshots of {target.id}"
    found = [
        row
        for row in pages(where, client, "describe_snapshots", "Snapshots", Filters=wanted)
        if row["VolumeId"] == target.id and tag in ec2.tags_of(row)
    ]
    return sorted(found, key=lambda row: row["StartTime"], reverse=True)


def completed(rows: Sequence[Any]) -> Any:
    """The newest snapshot that is complete, or None."""
    return next((row for row in rows if row["State"] == "completed"), None)
