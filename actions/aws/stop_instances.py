"""Stops idle development instances."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from actions import environments
from actions.aws import ec2, instances
from actions.aws.idleness import Bounds, idle
from actions.base import Action, Clouds, Grade, Params, Scope, Target
from actions.clouds import changing


class StopParams(Params):
    """Which instances count as idle; percentages of CPU, megabytes a day of network."""

    environments: list[str] = Field(min_length=1)
    idle_days: int = Field(default=14, ge=7, le=60)
    cpu_average_below: int = Field(default=3, ge=1, le=10)
    cpu_peak_below: int = Field(default=5, ge=1, le=30)
    network_mb_a_day_below: int = Field(default=50, ge=1, le=1000)


class StopInstances(Action):
    """Stop running instances that neither computed nor talked for two weeks; disks and name stay."""

    name = "aws.stop_instances"
    kind = "instance"
    grade = Grade.A
    repeatable = True
    undo = "aws.start_instances"
    interrupts = "stops"
    permissions = (
        "ec2:DescribeInstances",
        "ec2:StopInstances",
        "ec2:CreateTags",
        "cloudwatch:GetMetricData",
    )
    Params = StopParams

    def find(self, clouds: Clouds, scope: Scope, params: StopParams) -> Iterator[Target]:
        bounds = Bounds(
            params.idle_days, params.cpu_average_below, params.cpu_peak_below, params.network_mb_a_day_below
        )
        oldest = scope.now - timedelta(days=params.idle_days)
        for account in scope.accounts:
            for region in scope.regions:
                where = f"the instances of {account} in {region}"
                rows = {
                    row["InstanceId"]: row
                    for row in instances.running(clouds, account, region, where)
                    if environments.is_within(ec2.tags_of(row), params.environments)
                    and row["LaunchTime"] <= oldest
                }
                found = idle(clouds.client(account, "cloudwatch", region), where, [*rows], bounds, scope.now)
                yield from (ec2.instance(rows[i], account, region, why) for i, why in found.items())

    def fleet(self, clouds: Clouds, scope: Scope) -> Iterator[Target]:
        return instances.fleet(clouds, scope)

    def read(self, clouds: Clouds, target: Target) -> Target | None:
        return instances.read(clouds, target)

    def unfit(self, target: Target) -> str | None:
        if target.facts.get("root") != "ebs":
            return "its root disk is an instance store, which a stop would lose"
        if target.facts.get("lifecycle") != "on-demand":
            return f"it is a {target.facts.get('lifecycle')} instance, which may not come back after a stop"
        if group := target.tags.get(ec2.SCALING_GROUP):
            return f"the auto-scaling group {group} would replace it"
        return None

    def apply(self, clouds: Clouds, target: Target, params: StopParams, *, run: str, key: str) -> None:
        client = clouds.client(target.account, "ec2", target.region, mutating=True)
        ec2.rehearse(target, client.stop_instances, InstanceIds=[target.id])
        ec2.mark(client, target, run)
        with changing(target.id):
            client.stop_instances(InstanceIds=[target.id])

    def reached(self, clouds: Clouds, target: Target, params: StopParams, *, key: str) -> Target | None:
        now = self.read(clouds, target)
        return now if now is not None and now.state == "stopped" else None
