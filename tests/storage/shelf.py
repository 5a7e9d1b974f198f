"""A bucket on the loopback, in which deliveries of bills lie as providers put them there."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.backends import get_backend
from moto.server import ThreadedMotoServer

from tests.storage.lake.bills import text

ACCOUNT, OTHER = "123456789012", "222222222222"
REGION = "eu-central-1"
NAMES = count(1)


def bill(*amounts: str, month: str = "2026-05") -> str:
    """A small FOCUS bill of a month."""
    period = {"BillingPeriodStart": f"{month}-01T00:00:00Z", "ChargePeriodStart": f"{month}-03T00:00:00Z"}
    return text([{**period, "BilledCost": amount} for amount in amounts])


def execution(number: int) -> str:
    """The id of a delivery."""
    return f"{number:08}-0000-4000-8000-000000000000"


class Shelf:
    """One bucket, and the hand that puts things into it."""

    def __init__(self, client: Any, account: str = ACCOUNT) -> None:
        self.name, self._account, self._client = f"bills-{next(NAMES)}", account, client
        self._client.create_bucket(Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": REGION})

    def at(self, key: str = "") -> str:
        """The address of a key or a prefix."""
        return f"s3://{self.name}/{key}"

    def put(self, key: str, body: bytes | str | Mapping[str, Any], **how: Any) -> None:
        """Put an object; a mapping is written as JSON."""
        data = json.dumps(body) if isinstance(body, Mapping) else body
        self._client.put_object(Bucket=self.name, Key=key, Body=data, **how)

    def put_all(self, folder: Path) -> None:
        """Put every file below a folder under its path."""
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                self.put(file.relative_to(folder).as_posix(), file.read_bytes())

    def export(
        self,
        number: int,
        *bodies: str,
        month: str = "2026-05",
        new: bool = False,
        root: str = "exports/all",
        **says: Any,
    ) -> str:
        """Deliver a month of a data export: its files, over the former ones or new, then its manifest.

        Args:
            number: of the delivery.
            new: whether former files stay.
            says: what the manifest says besides, or instead.

        Returns:
            The key of the manifest.
        """
        partition, folder = f"billing_period={month}", f"20260602T0900{number:02}Z-{execution(number)}/" * new
        keys = [f"{root}/data/{partition}/{folder}all-{at:05}.csv" for at in range(1, len(bodies) + 1)]
        for key, body in zip(keys, bodies, strict=True):
            self.put(key, body)
        manifest = {
            "executionId": execution(number),
            "exportArn": f"arn:aws:bcm-data-exports:us-east-1:1001:export/{root}",
            "dataFiles": [f"s3://{self.name}/{key}" for key in keys],
            **says,
        }
        for place in sorted({folder, ""}):
            self.put(f"{root}/metadata/{partition}/{place}all-Manifest.json", manifest)
        return f"{root}/metadata/{partition}/all-Manifest.json"

    def remove(self, key: str) -> None:
        """Take an object away."""
        self._client.delete_object(Bucket=self.name, Key=key)

    def age(self, key: str, **by: Any) -> None:
        """Make an object older than it is."""
        self._kept(key).last_modified -= timedelta(**by)

    def pretend(self, key: str, size: int) -> None:
        """Put an object that is listed as larger than it is."""
        self.put(key, "1")
        self._kept(key).contentsize = size

    def _kept(self, key: str) -> Any:
        return get_backend("s3")[self._account]["aws"].buckets[self.name].keys[key]


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a cloud that the machine's own settings lead to."""
    for name, value in {
        "AWS_ENDPOINT_URL": moto,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    return moto


@pytest.fixture
def shelf(aws: str) -> Shelf:
    """A bucket of the machine's own account."""
    # The common session keeps what it read of S3's model, but also the first credentials it saw.
    keys: Any = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return Shelf(boto3.client("s3", endpoint_url=aws, region_name=REGION, **keys))
