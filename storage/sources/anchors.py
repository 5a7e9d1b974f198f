"""Where checkpoints are kept outside the database: a file, a bucket with object lock, a git remote."""

import json
import os
import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from spend import canonical
from spend.errors import BursarError, Conflict, NotFound
from storage.sources import gitremote

BUCKET, GIT = "s3://", "git+"
_NAME = re.compile(r"(?:[\w-]+/)?\d{10}\.json")
_FIELDS: Mapping[str, Any] = {
    **dict.fromkeys(("at", "hash", "head", "key", "previous", "signature"), str),
    **dict.fromkeys(("number", "size"), int),
    "next_key": str | None,
}
#: A start waits for an answer: a bucket that cannot be reached must not keep it for minutes.
PATIENCE: Mapping[str, Any] = {"connect_timeout": 5, "read_timeout": 20, "retries": {"total_max_attempts": 2}}
Line = Mapping[str, Any]
#: Under which names checkpoints are kept, one after the other; whoever takes them closes it.
Names = Generator[str, None, None]


class Place(Protocol):
    """A place that the database's credentials do not open."""

    def put(self, checkpoints: Sequence[Line], branch: str) -> Names:
        """Keep these in order, and tell after each under which name; one that is there may come again.

        Args:
            branch: what the log has been since its database was last restored; its numbers come once.
        """

    def read(self) -> list[Line]:
        """All that is kept there, of every branch.

        Raises:
            NotFound: the place is not there, or does not hold checkpoints.
        """

    def newest(self) -> list[Line]:
        """The last one of each branch; nothing where there is none yet.

        Raises:
            NotFound: the place does not answer, or does not hold checkpoints.
        """


def place(name: str) -> Place:
    """The place of this name: `s3://BUCKET/PREFIX`, `git+URL`, or the path of a file."""
    if name.startswith(BUCKET):
        return _Bucket(name)
    return _Git(name) if name.startswith(GIT) else _File(Path(name))


class _File:
    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, checkpoints: Sequence[Line], branch: str) -> Names:
        for one in checkpoints:
            self._append(one)
            yield f"line of checkpoint {one['number']}"

    def _append(self, one: Line) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(canonical.text(one) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise BursarError(f"The checkpoint cannot be added to {self._path}: {error.strerror}.") from error

    def read(self) -> list[Line]:
        try:
            found = self._path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise NotFound(f"The checkpoints kept in {self._path} cannot be read: {error}.") from error
        return [_parsed(one, str(self._path)) for one in found]

    def newest(self) -> list[Line]:
        try:
            kept = self.read()
        except NotFound as refusal:
            if isinstance(refusal.__cause__, FileNotFoundError):
                return []
            raise
        named = {one["previous"] for one in kept}
        return list({one["hash"]: one for one in kept if one["hash"] not in named}.values())


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

    def put(self, checkpoints: Sequence[Line], branch: str) -> Names:
        for one in checkpoints:
            yield self._add(one, f"{self._prefix}{_name(one, branch)}")

    def _add(self, one: Line, key: str) -> str:
        from botocore.exceptions import BotoCoreError, ClientError

        body = canonical.encode(one)
        try:
            answer = self._client.put_object(Bucket=self._bucket, Key=key, Body=body, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise self._refused(error) from error
        except BotoCoreError as error:
            raise self._refused(error) from error
        else:
            return f"{key} version {answer.get('VersionId', 'only')}"
        if self._look(lambda _: [key]) != [one]:
            raise Conflict(f"{self._name} holds another checkpoint {one['number']}: look into both.")
        return key

    def read(self) -> list[Line]:
        return self._look(sorted)

    def newest(self) -> list[Line]:
        return self._look(_last_of_each)

    def _look(self, which: Callable[[Iterable[str]], list[str]]) -> list[Line]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            versions = self._first_versions()
            return [self._kept(key, versions[key]) for key in which(versions)]
        except (BotoCoreError, ClientError) as error:
            raise NotFound(f"The checkpoints kept in {self._name} cannot be read: {error}.") from error

    def _kept(self, key: str, version: str) -> Line:
        found = self._client.get_object(Bucket=self._bucket, Key=key, VersionId=version)
        return _parsed(found["Body"].read().decode(errors="replace"), self._name)

    def _first_versions(self) -> dict[str, str]:
        pages = self._client.get_paginator("list_object_versions").paginate(
            Bucket=self._bucket, Prefix=self._prefix
        )
        first: dict[str, str] = {}
        for page in pages:
            for version in page.get("Versions", ()):  # the newest of a key comes first
                first[version["Key"]] = version["VersionId"]
        return first

    def _refused(self, error: Exception) -> BursarError:
        return BursarError(f"{self._name} does not take the checkpoint: {error}")


class _Git:
    """One file for each checkpoint, each in a commit of its own."""

    def __init__(self, name: str) -> None:
        self._name, self._url = name, name.removeprefix(GIT)

    def put(self, checkpoints: Sequence[Line], branch: str) -> Names:
        with gitremote.copy(self._url) as copy:
            names = set(self._kept(copy))
            for one in checkpoints:
                self._goes_on(copy, names, one)
                name, text = _name(one, branch), canonical.text(one)
                if name not in names:
                    at = int(datetime.fromisoformat(one["at"]).timestamp())
                    copy.add(name, text, says=f"Checkpoint {one['number']}", at=at)
                    names.add(name)
                elif copy.text(name) != text:
                    raise Conflict(f"{self._name} holds another checkpoint {one['number']}: look into both.")
                yield f"{name} commit {copy.tip}"

    def _goes_on(self, copy: gitremote.Copy, names: Iterable[str], one: Line) -> None:
        """A remote that was written anew is told by what is missing before a checkpoint."""
        before = [name for name in names if name.endswith(_file(one["number"] - 1))]
        hashes = {_parsed(copy.text(name), self._name)["hash"] for name in before}
        if one["number"] > 1 and one["previous"] not in hashes:
            raise Conflict(
                f"{self._name} does not hold checkpoint {one['number'] - 1} as it was signed: look into who "
                "wrote it anew, and name a new place in audit.anchors."
            )

    def read(self) -> list[Line]:
        with gitremote.copy(self._url, whole=True) as copy:
            return [_parsed(text, self._name) for text in copy.texts(self._kept(copy))]

    def newest(self) -> list[Line]:
        with gitremote.copy(self._url) as copy:
            return [_parsed(copy.text(name), self._name) for name in _last_of_each(self._kept(copy))]

    @staticmethod
    def _kept(copy: gitremote.Copy) -> list[str]:
        """Where the checkpoints are: an auditor may keep other files beside them."""
        return sorted(name for name in copy.names() if _NAME.fullmatch(name))


def _file(number: int) -> str:
    return f"{number:010}.json"


def _name(one: Line, branch: str) -> str:
    """Where a checkpoint is kept: a restored log has a folder of its own, as it writes old numbers anew."""
    return f"{branch}/{_file(one['number'])}" if branch else _file(one["number"])


def _last_of_each(names: Iterable[str]) -> list[str]:
    """The last name in each folder: numbers have ten digits."""
    return list({name.rpartition("/")[0]: name for name in sorted(names)}.values())


def _parsed(text: str, where: str) -> Line:
    try:
        found = json.loads(text)
        whole = isinstance(found, dict) and found.keys() == _FIELDS.keys()
        whole = whole and all(isinstance(found[name], kind) for name, kind in _FIELDS.items())
        if whole and datetime.fromisoformat(found["at"]).tzinfo and canonical.text(found):
            return dict(found)
    except ValueError:
        pass
    raise NotFound(f"{where} holds something that is no checkpoint: {text[:60]!r}.")
