"""Starts instances that a run stopped."""

from actions.aws import ec2, instances
from actions.base import Clouds, Grade, Params, TakesBack, Target
from actions.clouds import changing


class StartInstances(TakesBack):
    """Start stopped instances again."""

    name = "aws.start_instances"
    kind = "instance"
    grade = Grade.A
    repeatable = True
    no_undo = "what ran before runs again; the runbook that stopped it can propose it anew"
    permissions = ("ec2:DescribeInstances", "ec2:StartInstances", "ec2:CreateTags")

    def read(self, clouds: Clouds, target: Target) -> Target | None:
        return instances.read(clouds, target)

    def apply(self, clouds: Clouds, target: Target, params: Params, *, run: str, key: str) -> None:
        client = clouds.client(target.account, "ec2", target.region, mutating=True)
        ec2.rehearse(target, client.start_instances, InstanceIds=[target.id])
        ec2.mark(client, target, run)
        with changing(target.id):
            client.start_instances(InstanceIds=[target.id])

    def reached(self, clouds: Clouds, target: Target, params: Params, *, key: str) -> Target | None:
        now = self.read(clouds, target)
        return now if now is not None and now.state == "running" else None
