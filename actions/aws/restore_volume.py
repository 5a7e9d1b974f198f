"""Makes a deleted volume again from the snapshot that its run took."""

from dataclasses import replace
from typing import Any

from actions.aws import ec2, volumes
from actions.base import RECLAIM_TAG, RUN_TAG, STEP_TAG, Clouds, Grade, Params, TakesBack, Target
from actions.clouds import answer, changing, pages
from actions.errors import ActionFailed

#: Volume types whose speed is bought apart from their size.
_WITH_IOPS = frozenset({"io1", "io2", "gp3"})


class RestoreVolume(TakesBack):
    """Make a volume from the snapshot: same size, type, zone and tags, but a new id."""

    name = "aws.restore_volume"
    kind = "volume"
    grade = Grade.B
    repeatable = True  # EC2 makes one volume per client token
    no_undo = "the volume is back; the runbook that deleted it can propose it anew"
    permissions = (
        "ec2:DescribeVolumes",
        "ec2:DescribeInstances",
        "ec2:DescribeSnapshots",
        "ec2:CreateVolume",
        "ec2:CreateTags",
    )

    def read(self, clouds: Clouds, target: Target) -> Target | None:
        """The volume as deleted; if it is still there, as it is."""
        return volumes.read_volume(clouds, target) or replace(target, state="deleted")

    def apply(self, clouds: Clouds, target: Target, params: Params, *, run: str, key: str) -> None:
        kept = _kept(clouds, target)
        if kept is None:
            raise ActionFailed(target.id, "SnapshotMissing", "its snapshot is gone, so it cannot come back")
        facts = target.facts
        speed = {"Iops": int(facts["iops"])} if facts.get("type") in _WITH_IOPS and "iops" in facts else {}
        if facts.get("type") == "gp3" and "throughput" in facts:
            speed["Throughput"] = int(facts["throughput"])
        kept_tags = {key: value for key, value in target.tags.items() if key != RECLAIM_TAG}
        tags = ec2.as_tags({**kept_tags, RUN_TAG: run, STEP_TAG: key})
        client = clouds.client(target.account, "ec2", target.region, mutating=True)
        request = {
            "SnapshotId": kept,
            "AvailabilityZone": facts["zone"],
            "VolumeType": facts["type"],
            "TagSpecifications": [{"ResourceType": "volume", "Tags": tags}],
            "ClientToken": key,
            **speed,
        }
        ec2.rehearse(target, client.create_volume, **request)
        with changing(target.id):
            client.create_volume(**request)

    def reached(self, clouds: Clouds, target: Target, params: Params, *, key: str) -> Target | None:
        client = clouds.client(target.account, "ec2", target.region)
        wanted = [{"Name": f"tag:{STEP_TAG}", "Values": [key]}]
        where = f"the volume made for {target.id}"
        rows: list[Any] = [*pages(where, client, "describe_volumes", "Volumes", Filters=wanted)]
        if len(rows) != 1 or rows[0]["State"] not in {"available", "in-use"}:
            return None
        return ec2.volume(rows[0], target.account, target.region, f"made anew in place of {target.id}")


def _kept(clouds: Clouds, target: Target) -> str | None:
    """The completed snapshot that the record names, if it is still there."""
    client = clouds.client(target.account, "ec2", target.region)
    wanted = target.facts.get("snapshot")
    if not wanted:
        return None
    found = answer(
        wanted,
        lambda: client.describe_snapshots(SnapshotIds=[wanted]),
        gone=("InvalidSnapshot.NotFound",),
    )
    row = volumes.completed((found or {}).get("Snapshots", []))
    return wanted if row is not None and row["SnapshotId"] == wanted else None
