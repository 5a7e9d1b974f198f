"""A real moto server on loopback with one demo world in it, and clients of its accounts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config

from bot.demo.cloud import populate
from bot.demo.world import World, build

UNTIL = date(2026, 11, 20)
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
#: A seed whose failing machine is planted.
SEED = 3


class LocalClouds:
    """Clients of each account by STS, as the product makes them; each is made once."""

    def __init__(self) -> None:
        self.clients: dict[tuple[str, str], Any] = {}
        self.keys: dict[str, Any] = {}

    def client(self, account: str, service: str, region: str = "eu-central-1") -> Any:
        if account not in self.keys:
            role = f"arn:aws:iam::{account}:role/bursar"
            sts: Any = boto3.client("sts", region_name=region)
            self.keys[account] = sts.assume_role(RoleArn=role, RoleSessionName="bursar")["Credentials"]
        if (account, service) not in self.clients:
            key, make = self.keys[account], boto3.client
            self.clients[account, service] = make(  # type: ignore[call-overload]  # the service is a name
                service,
                region_name=region,
                aws_access_key_id=key["AccessKeyId"],
                aws_secret_access_key=key["SecretAccessKey"],
                aws_session_token=key["SessionToken"],
                config=Config(retries={"max_attempts": 0}),
            )
        return self.clients[account, service]


@dataclass(frozen=True)
class Demo:
    """The populated cloud: its world, its ids, and its clients."""

    world: World
    ids: dict[str, str]
    clouds: LocalClouds


@pytest.fixture(scope="package")
def demo() -> Iterator[Demo]:
    """One filled cloud for all tests; a test that changes it puts it back."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        world, clouds = build(SEED, UNTIL), LocalClouds()
        yield Demo(world, populate(world, clouds, NOW), clouds)
    server.stop()
