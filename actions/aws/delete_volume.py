"""Deletes a volume of which this run has taken a snapshot."""

from dataclasses import replace
from typing import Any

from actions.aws import volumes
from actions.aws.volumes import VolumeParams
from actions.base import Clouds, Grade, Target
from actions.clouds import changing
from actions.errors import ActionFailed, OutcomeUnknown


class DeleteVolume(volumes.OnVolumes):
    """Delete an unattached volume; refuses unless this run's own snapshot of it is complete."""

    name = "aws.delete_volume"
    grade = Grade.B
    undo = "aws.restore_volume"
    deletes = True
    permissions = (
        "ec2:DescribeVolumes",
        "ec2:DescribeSnapshots",
        "ec2:DeleteVolume",
        "cloudwatch:GetMetricData",
    )

    def apply(self, clouds: Clouds, target: Target, params: VolumeParams, *, run: str, key: str) -> None:
        if volumes.completed(volumes.snapshots(clouds, target, value=run)) is None:
            raise ActionFailed(target.id, "SnapshotMissing", "this run has no completed snapshot of it")
        client = clouds.client(target.account, "ec2", target.region, mutating=True)
        _rehearse(client, target)
        with changing(target.id):
            client.delete_volume(VolumeId=target.id)

    def reached(self, clouds: Clouds, target: Target, params: VolumeParams, *, key: str) -> Target | None:
        if self.read(clouds, target) is not None:
            return None
        kept = volumes.completed(volumes.snapshots(clouds, target))
        way_back = {"snapshot": kept["SnapshotId"]} if kept else {}
        return replace(target, state="deleted", facts={**target.facts, **way_back})


def _rehearse(client: Any, target: Target) -> None:
    """Ask EC2 whether it would delete; its yes is an error code, and nothing is deleted yet."""
    try:
        with changing(target.id):
            client.delete_volume(VolumeId=target.id, DryRun=True)
    except ActionFailed as answer:
        if answer.code != "DryRunOperation":
            raise
    except OutcomeUnknown as error:
        raise ActionFailed(target.id, "NotRehearsed", f"the dry run failed; {error.detail}") from error
