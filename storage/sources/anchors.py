"""Where checkpoints are kept outside the database: a file that only grows, or a bucket with object lock."""

import json
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from spend import canonical
from spend.errors import BursarError, Conflict, NotFound

BUCKET = "s3://"
#: A start waits for an answer: a bucket that cannot be reached must not keep it for minutes.
PATIENCE: Mapping[str, Any] = {"connect_timeout": 5, "read_timeout": 20, "retries": {"total_max_attempts": 2}}
Line = Mapping[str, Any]


class Place(Protocol):
    """A place that the database's credentials do not open."""

    def put(self, checkpoint: Line) -> str:
        """Keep a checkpoint, and tell under which name; the same one twice is kept once or twice alike."""

    def read(self) -> list[Line]:
        """All that is kept there.

        Raises:
            NotFound: the place is not there, or does not hold checkpoints.
        """

    def newest(self) -> Line | None:
        """The last one that is kept there; None where there is none yet.

        Raises:
            NotFound: the place does not answer, or does not hold checkpoints.
        """


def place(name: str) -> Place:
    """The place of this name: `s3://BUCKET/PREFIX`, or the path of a file."""
    return _Bucket(name) if name.startswith(BUCKET) else _File(Path(name))


class _File:
    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, checkpoint: Line) -> str:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(canonical.text(checkpoint) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise BursarError(f"The checkpoint cannot be added to {self._path}: {error.strerror}.") from error
        return f"line of checkpoint {checkpoint['number']}"

    def read(self) -> list[Line]:
        try:
            found = self._path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise NotFound(f"The checkpoints kept in {self._path} cannot be read: {error}.") from error
        return [_parsed(one, str(self._path)) for one in found]

    def newest(self) -> Line | None:
        try:
            return max(self.read(), key=_number, default=None)
        except NotFound as refusal:
            if isinstance(refusal.__cause__, FileNotFoundError):
                return None
            raise


class _Bucket:
    """One object for each checkpoint. What counts is its first version: a later one is somebody else's."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._bucket, _, prefix = name.removeprefix(BUCKET).partition("/")
        self._prefix = f"{prefix.rstrip('/')}/" if prefix else ""

    @cached_property
    def _client(self) -> Any:
        from boto3.session import Session
        from botocore.config import Config

        return Session().client("s3", config=Config(**PATIENCE))

    def put(self, checkpoint: Line) -> str:
        from botocore.exceptions import BotoCoreError, ClientError

        key, body = f"{self._prefix}{checkpoint['number']:010}.json", canonical.encode(checkpoint)
        try:
            answer = self._client.put_object(Bucket=self._bucket, Key=key, Body=body, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise self._refused(error) from error
        except BotoCoreError as error:
            raise self._refused(error) from error
        else:
            return f"{key} version {answer.get('VersionId', 'only')}"
        if any(one["number"] == checkpoint["number"] and one != checkpoint for one in self.read()):
            raise Conflict(f"{self._name} holds another checkpoint {checkpoint['number']}: look into both.")
        return key

    def read(self) -> list[Line]:
        return self._look(slice(None))

    def newest(self) -> Line | None:
        return next(iter(self._look(slice(-1, None))), None)

    def _look(self, which: slice) -> list[Line]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return [self._kept(*one) for one in self._first_versions()[which]]
        except (BotoCoreError, ClientError) as error:
            raise NotFound(f"The checkpoints kept in {self._name} cannot be read: {error}.") from error

    def _kept(self, key: str, version: str) -> Line:
        found = self._client.get_object(Bucket=self._bucket, Key=key, VersionId=version)
        return _parsed(found["Body"].read().decode(), self._name)

    def _first_versions(self) -> list[tuple[str, str]]:
        pages = self._client.get_paginator("list_object_versions").paginate(
            Bucket=self._bucket, Prefix=self._prefix
        )
        first: dict[str, Any] = {}
        for page in pages:
            for version in page.get("Versions", ()):  # the newest of a key comes first
                first[version["Key"]] = version["VersionId"]
        return sorted(first.items())

    def _refused(self, error: Exception) -> BursarError:
        return BursarError(f"{self._name} does not take the checkpoint: {error}")


def _number(one: Line) -> int:
    return int(one["number"])


def _parsed(text: str, where: str) -> Line:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    wanted = {"at", "hash", "head", "key", "next_key", "number", "previous", "signature", "size"}
    if not isinstance(found, dict) or found.keys() != wanted or not isinstance(found["number"], int):
        raise NotFound(f"{where} holds something that is no checkpoint: {text[:60]!r}.")
    return found
