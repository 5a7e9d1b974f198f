"""Takes a snapshot of a volume, so that what follows can be undone."""

from dataclasses import replace

from actions.aws import ec2, volumes
from actions.aws.volumes import VolumeParams
from actions.base import RUN_TAG, STEP_TAG, Clouds, Grade, Target
from actions.clouds import changing
from actions.errors import ActionFailed


class SnapshotVolume(volumes.OnVolumes):
    """Take a snapshot that carries the run and the step in its tags; the volume itself is not touched."""

    name = "aws.snapshot_volume"
    grade = Grade.A
    repeatable = True  # it looks for the snapshot of its step first
    marks = False
    snapshots = True
    no_undo = "the snapshot is kept, because it is the way back"
    permissions = (
        "ec2:DescribeVolumes",
        "ec2:DescribeInstances",
        "ec2:DescribeSnapshots",
        "ec2:CreateSnapshot",
        "ec2:CreateTags",
        "cloudwatch:GetMetricData",
    )

    def apply(self, clouds: Clouds, target: Target, params: VolumeParams, *, run: str, key: str) -> None:
        if volumes.snapshots(clouds, target, tag=STEP_TAG, value=key):
            return
        tags = {
            **{k: v for k, v in target.tags.items() if k not in {RUN_TAG, STEP_TAG}},
            RUN_TAG: run,
            STEP_TAG: key,
        }
        client = clouds.client(target.account, "ec2", target.region, mutating=True)
        request = {
            "VolumeId": target.id,
            "Description": f"{target.name}, before Bursar's run {run}",
            "TagSpecifications": [{"ResourceType": "snapshot", "Tags": ec2.as_tags(tags)}],
        }
        ec2.rehearse(target, client.create_snapshot, **request)
        with changing(target.id):
            client.create_snapshot(**request)

    def reached(self, clouds: Clouds, target: Target, params: VolumeParams, *, key: str) -> Target | None:
        rows = volumes.snapshots(clouds, target, tag=STEP_TAG, value=key)
        if rows and all(row["State"] == "error" for row in rows):
            raise ActionFailed(target.id, "SnapshotFailed", "the snapshot ended in an error")
        found = volumes.completed(rows)
        now = self.read(clouds, target) if found else None
        return replace(now, why=f"snapshot {found['SnapshotId']} is complete") if now else None
