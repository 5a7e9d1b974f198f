"""What the cloud says of the demo's things, asked with boto3 alone."""

from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

from bot.demo import company, stage
from bot.demo.world import REGION
from tests.watching import BY_HAND

Json = dict[str, Any]


class Cloud:
    """The three accounts behind the stage, seen from outside the bot."""

    def __init__(self, made: stage.Stage) -> None:
        self._endpoint = made.environment["AWS_ENDPOINT_URL"]
        self._made = made
        self._keys: dict[str, Mapping[str, str]] = {}

    def _client(self, account: str, service: str) -> Any:
        make: Any = boto3.client
        where = {"region_name": REGION, "endpoint_url": self._endpoint}
        if account not in self._keys:
            sts = make("sts", aws_access_key_id="story", aws_secret_access_key="story", **where)
            role = company.ROLE.format(account=account)
            given = sts.assume_role(RoleArn=role, RoleSessionName="story")["Credentials"]
            self._keys[account] = {
                "aws_access_key_id": given["AccessKeyId"],
                "aws_secret_access_key": given["SecretAccessKey"],
                "aws_session_token": given["SessionToken"],
            }
        return make(service, **self._keys[account], **where, config=Config(user_agent_extra=BY_HAND))

    def _of(self, name: str, service: str) -> Any:
        return self._client(self._made.world.thing(name).account, service)

    def instance(self, name: str) -> tuple[str, dict[str, str]]:
        """State and tags of an instance."""
        answer = self._of(name, "ec2").describe_instances(InstanceIds=[self._made.ids[name]])
        found = answer["Reservations"][0]["Instances"][0]
        return found["State"]["Name"], _tags(found)

    def start(self, name: str) -> None:
        """Start an instance by hand."""
        self._of(name, "ec2").start_instances(InstanceIds=[self._made.ids[name]])

    def has_volume(self, name: str) -> bool:
        """Whether a volume is still there."""
        found = self._of(name, "ec2").describe_volumes()["Volumes"]
        return self._made.ids[name] in {each["VolumeId"] for each in found}

    def snapshots(self, name: str) -> list[tuple[str, dict[str, str]]]:
        """State and tags of every snapshot of a volume."""
        found = self._of(name, "ec2").describe_snapshots(
            Filters=[{"Name": "volume-id", "Values": [self._made.ids[name]]}]
        )["Snapshots"]
        return [(each["State"], _tags(each)) for each in found]

    def reserved(self, name: str) -> int | None:
        """The reserved concurrency of a function."""
        answer = self._of(name, "lambda").get_function_concurrency(FunctionName=self._made.ids[name])
        limit: int | None = answer.get("ReservedConcurrentExecutions")
        return limit


def _tags(found: Json) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}
