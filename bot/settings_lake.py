"""The settings of where the lake lies, and of how long it keeps what nobody points to any more."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from bot.settings_types import Part
from storage.bucket import Bucket
from storage.parts import Folder, Place
from storage.sources.objects import BUCKET, Objects
from storage.sources.remote import Access

_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9._-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()/=-]*)?")
GIGABYTE = 10**9


class LakePlacePart(Part):
    """Where the line items lie: a folder, or a bucket with copies on this machine."""

    url: str | None = None
    endpoint: str | None = None
    region: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    cache_gb: int = Field(default=20, ge=1)
    keep_days: int = Field(default=30, ge=1)

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.url is None or Path(self.url).is_absolute():
            if self.endpoint or self.region or self.role_arn or self.external_id:
                raise ValueError(
                    "endpoint, region and role belong to a bucket; add its url, s3://BUCKET/PREFIX"
                )
        elif self.url.startswith("gs://"):
            raise ValueError(
                "a bucket of Google's is named s3://BUCKET/PREFIX, "
                "with endpoint: https://storage.googleapis.com and HMAC keys"
            )
        elif not _BUCKET.fullmatch(self.url):
            raise ValueError(f"{self.url!r} is neither a folder, from / on, nor s3://BUCKET/PREFIX")
        if self.endpoint and urlsplit(self.endpoint).scheme not in {"http", "https"}:
            raise ValueError("the endpoint must begin with http:// or https://")
        return self

    def place(self, home: Path) -> Place:
        """What keeps the parts."""
        if self.url is None or not self.url.startswith(BUCKET):
            return Folder(Path(self.url) if self.url else home / "lake")
        access = Access(self.role_arn, self.external_id)
        objects = Objects(self.url, access, region=self.region, endpoint=self.endpoint)
        return Bucket(objects, home, self.cache_gb * GIGABYTE)

    @property
    def keep(self) -> timedelta:
        """How long a snapshot stays after another one took its place."""
        return timedelta(days=self.keep_days)
