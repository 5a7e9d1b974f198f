"""Takes the mark for deletion off a volume."""

from actions import grace
from actions.aws import ec2, volumes
from actions.base import RECLAIM_TAG, RUN_TAG, Clouds, Grade, Params, TakesBack, Target
from actions.clouds import changing

#: What the tag says instead of a day. Written over: a right to delete tags could strip protecting ones.
WITHDRAWN = "withdrawn"


class UnmarkVolume(TakesBack):
    """Write over the day of a mark, so that nothing is deleted on its account."""

    name = "aws.unmark_volume"
    kind = "volume"
    grade = Grade.A
    repeatable = True
    no_undo = "the runbook that marked it can propose it anew"
    permissions = ("ec2:DescribeVolumes", "ec2:DescribeInstances", "ec2:CreateTags")

    def read(self, clouds: Clouds, target: Target) -> Target | None:
        return volumes.read_volume(clouds, target)

    def apply(self, clouds: Clouds, target: Target, params: Params, *, run: str, key: str) -> None:
        client = clouds.client(target.account, "ec2", target.region, mutating=True)
        tags = ec2.as_tags({RUN_TAG: run, RECLAIM_TAG: WITHDRAWN})
        ec2.rehearse(target, client.create_tags, Resources=[target.id], Tags=tags)
        with changing(target.id):
            client.create_tags(Resources=[target.id], Tags=tags)

    def reached(self, clouds: Clouds, target: Target, params: Params, *, key: str) -> Target | None:
        now = self.read(clouds, target)
        return now if now is not None and grace.since(now) is None else None
