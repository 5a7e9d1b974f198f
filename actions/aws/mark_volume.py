"""Marks a volume for deletion, so that its owners have their days of grace."""

from collections.abc import Iterator
from datetime import datetime

from pydantic import Field

from actions import grace
from actions.aws import ec2, volumes
from actions.aws.volumes import VolumeParams
from actions.base import RECLAIM_TAG, RUN_TAG, Clouds, Grade, Scope, Target
from actions.clouds import changing


class MarkParams(VolumeParams):
    """Which volumes, and the day that is written on them: the day on which their owners are told."""

    day: str = Field(default="", pattern=r"^(\d{4}-\d{2}-\d{2})?$")


class MarkVolume(volumes.OnVolumes):
    """Tag an unattached volume with the day from which its grace counts; nothing else is touched."""

    name = "aws.mark_volume"
    grade = Grade.A
    undo = "aws.unmark_volume"
    saves = False
    repeatable = True
    interrupts = "marks for deletion"
    permissions = (
        "ec2:DescribeVolumes",
        "ec2:DescribeInstances",
        "ec2:CreateTags",
        "cloudwatch:GetMetricData",
    )
    Params = MarkParams

    def find(self, clouds: Clouds, scope: Scope, params: VolumeParams) -> Iterator[Target]:
        return (one for one in super().find(clouds, scope, params) if grace.since(one) is None)

    def frozen(self, params: MarkParams, now: datetime) -> MarkParams:
        return params.model_copy(update={"day": str(now.date())})

    def apply(self, clouds: Clouds, target: Target, params: MarkParams, *, run: str, key: str) -> None:
        client = clouds.client(target.account, "ec2", target.region, mutating=True)
        tags = ec2.as_tags({RUN_TAG: run, RECLAIM_TAG: params.day})
        ec2.rehearse(target, client.create_tags, Resources=[target.id], Tags=tags)
        with changing(target.id):
            client.create_tags(Resources=[target.id], Tags=tags)

    def reached(self, clouds: Clouds, target: Target, params: MarkParams, *, key: str) -> Target | None:
        now = self.read(clouds, target)
        return now if now is not None and grace.since(now) is not None else None
