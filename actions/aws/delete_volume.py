"""Deletes a volume of which this run has taken a snapshot."""

from dataclasses import replace

from actions.aws import ec2, volumes
from actions.aws.volumes import VolumeParams
from actions.base import Clouds, Grade, Target
from actions.clouds import changing
from actions.errors import ActionFailed


class DeleteVolume(volumes.OnVolumes):
    """Delete an unattached volume; refuses unless this run's own snapshot of it is complete."""

    name = "aws.delete_volume"
    grade = Grade.B
    undo = "aws.restore_volume"
    deletes = True
    marks = False
    interrupts = "deletes"
    permissions = (
        "ec2:DescribeVolumes",
        "ec2:DescribeInstances",
        "ec2:DescribeSnapshots",
        "ec2:DeleteVolume",
        "cloudwatch:GetMetricData",
    )

    def apply(self, clouds: Clouds, target: Target, params: VolumeParams, *, run: str, key: str) -> None:
        if volumes.completed(volumes.snapshots(clouds, target, value=run)) is None:
            raise ActionFailed(target.id, "SnapshotMissing", "this run has no completed snapshot of it")
        client = clouds.client(target.account, "ec2", target.region, mutating=True)
        ec2.rehearse(target, client.delete_volume, VolumeId=target.id)
        with changing(target.id):
            client.delete_volume(VolumeId=target.id)

    def reached(self, clouds: Clouds, target: Target, params: VolumeParams, *, key: str) -> Target | None:
        if self.read(clouds, target) is not None:
            return None
        kept = volumes.completed(volumes.snapshots(clouds, target))
        way_back = {"snapshot": kept["SnapshotId"]} if kept else {}
        return replace(target, state="deleted", facts={**target.facts, **way_back})
