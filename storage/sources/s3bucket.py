"""A bucket of S3 as a folder of bills: what lies there, fetching it, and its errors in words."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit

from actions import clouds
from storage.sources.files import CHUNK, ENDINGS
from storage.sources.manifests import PATTERN
from storage.sources.problems import BillRefused, refusal
from storage.sources.remote import Access

#: How often a call is sent at most; who waits for an address that does not answer is told soon.
TRIES = 3
#: Bytes of a manifest; the largest are those of reports with thousands of columns.
LONGEST_MANIFEST = 64 * CHUNK
#: A bill, or what may be one: OpenCost writes JSON.
BILLS = (*ENDINGS, ".json")
SESSION = "bursar-bills"
#: What AWS takes for the name of a bucket; old ones have capitals.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")

GONE = frozenset({"404", "NoSuchKey", "412", "PreconditionFailed"})
DENIED = frozenset({"403", "AccessDenied", "AllAccessDisabled", "AccountProblem"})
WORTHLESS = frozenset(
    {"ExpiredToken", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidToken", "SignatureDoesNotMatch"}
)


class Changed(Exception):
    """An object is not what it was when it was listed."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as it was listed; `path` is where it lies below the address."""

    key: str
    path: Path
    size: int
    etag: str
    modified: datetime

    @property
    def manifest(self) -> bool:
        """Whether it may be a manifest."""
        return self.path.match(PATTERN)


class Bucket:
    """What lies under `s3://BUCKET/PREFIX`, where PREFIX is a folder or one file."""

    def __init__(self, place: str, access: Access) -> None:
        self._place, self._access = place, access
        self.name, _, key = place.removeprefix("s3://").partition("/")
        self._key = key.rstrip("/")
        if not NAME.fullmatch(self.name):
            raise refusal(place, "address", "this is no address of a bucket; write s3://BUCKET/PREFIX")
        if PurePosixPath(self._key).match(PATTERN):
            raise refusal(place, "not_found", "this is a manifest; name the folder with it and its files")

    @cached_property
    def _client(self) -> Any:
        session = clouds.session_of(self._access.role_arn, self._access.external_id, SESSION)
        return session.client("s3", config=clouds.config(TRIES))

    def shown(self, stored: Stored) -> str:
        """The address of an object."""
        return f"s3://{self.name}/{_printable(stored.key)}"

    def listing(self) -> tuple[list[Stored], datetime]:
        """All manifests, bills and what may be one, in a fixed order, and the time that the bucket has.

        Raises:
            BillRefused: the bucket cannot be listed, or two keys would be one file.
        """
        alone = self._key.lower().endswith(BILLS)
        prefix = self._key if alone or not self._key else f"{self._key}/"
        found: dict[Path, Stored] = {}
        at = datetime.max.replace(tzinfo=UTC)
        with self.in_words():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
            for page in pages:
                at = _time(page, at)
                for one in page.get("Contents", ()):
                    path = _path(PurePosixPath(prefix).name if alone else one["Key"].removeprefix(prefix))
                    if path is None or (alone and one["Key"] != prefix):
                        continue
                    stored = Stored(one["Key"], path, one["Size"], one["ETag"], one["LastModified"])
                    if (other := found.setdefault(path, stored)) is not stored:
                        reason = (
                            f"this and {self.shown(other)} differ in slashes only; name a folder further down"
                        )
                        raise refusal(self.shown(stored), "same_file", reason)
        return [found[path] for path in sorted(found)], at

    def read(self, stored: Stored) -> bytes:
        """A manifest.

        Raises:
            Changed: it is another one by now.
            BillRefused: it cannot be read, or is far too long for one.
        """
        if stored.size > LONGEST_MANIFEST:
            reason = f"a manifest of {stored.size} bytes is none; remove it or name another folder"
            raise refusal(self.shown(stored), "manifest", reason)
        with self.in_words(stored):
            answer = self._client.get_object(Bucket=self.name, Key=stored.key, IfMatch=stored.etag)
            found: bytes = answer["Body"].read()
            return found

    def download(self, stored: Stored, into: Path, done: Callable[[int], None]) -> None:
        """Bring an object into a file, telling how many bytes more there are.

        Raises:
            Changed: it is not what it was when it was listed.
            BillRefused: it cannot be read, or the file cannot be written.
        """
        from boto3.s3.transfer import TransferConfig

        alone = TransferConfig(use_threads=False)
        with self.in_words(stored):
            into.parent.mkdir(parents=True, exist_ok=True)
            self._client.download_file(self.name, stored.key, str(into), Callback=done, Config=alone)
            if into.stat().st_size != stored.size:
                raise Changed

    @contextmanager
    def in_words(self, stored: Stored | None = None) -> Iterator[None]:
        """Turn what S3 and the system say into a sentence with the way out."""
        from boto3.exceptions import RetriesExceededError
        from botocore.exceptions import BotoCoreError, ClientError
        from s3transfer.exceptions import S3DownloadFailedError

        shown = self.shown(stored) if stored else self._place
        try:
            yield
        except ClientError as error:
            if stored and clouds.code_of(error) in GONE:
                raise Changed from error
            raise refusal(shown, *self._said(error)) from error
        except S3DownloadFailedError as error:
            raise Changed from error
        except (BotoCoreError, RetriesExceededError) as error:
            raise refusal(shown, *_unsent(error)) from error
        except OSError as error:
            raise unwritable(shown, error) from error

    def _said(self, error: Any) -> tuple[str, str]:
        code, said = clouds.code_of(error), error.response.get("Error", {}).get("Message") or "no reason"
        role = self._access.role_arn
        if error.operation_name == "AssumeRole":
            return "role", (
                f"the role {role} cannot be assumed ({said}); its trust policy has to name the identity of "
                "this machine, and external_id what the policy asks for"
            )
        if code == "NoSuchBucket":
            return "no_bucket", f"there is no bucket {self.name}; check the address"
        if code in WORTHLESS:
            return "credentials", f"the credentials are not good ({code}); renew them"
        if code in DENIED:
            who = f"the role {role} is" if role else "the credentials of this machine are"
            other = "" if role else ", or name a role that is as role_arn of the source"
            return "denied", (
                f"{who} not allowed to read it; allow s3:ListBucket on arn:aws:s3:::{self.name} and "
                f"s3:GetObject on what lies in it (and kms:Decrypt where a key encrypts it){other}"
            )
        if code == "InvalidObjectState":
            return "archived", "it lies in an archive; restore it, or keep bills out of the archive's rule"
        return "unreadable", f"S3 does not give it ({code}: {said})"


def unwritable(shown: str, error: OSError) -> BillRefused:
    """A file of the bucket that finds no place here."""
    reason = f"it cannot be written here ({error.strerror}); check the disk of BURSAR_HOME"
    return refusal(shown, "unwritable", reason)


def _time(page: Any, before: datetime) -> datetime:
    said = page["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(said) if said else before


def _path(key: str) -> Path | None:
    """Where a key lies below the address, never outside; None for what is no bill, or hidden."""
    parts = [_printable(part) for part in key.split("/") if part]
    if not parts or not key.lower().endswith(BILLS) or any(part.startswith((".", "_")) for part in parts):
        return None
    return Path(*parts)


def _printable(text: str) -> str:
    """The text without characters that a terminal or a path would take for more than a letter."""
    return "".join(each if each.isprintable() and each != "\\" else quote(each) for each in text)


def _unsent(error: Exception) -> tuple[str, str]:
    from botocore import exceptions as known

    if isinstance(error, known.NoCredentialsError | known.PartialCredentialsError):
        return "credentials", (
            "this machine has no credentials of AWS; give it some (AWS_PROFILE, AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or the role of the machine)"
        )
    if isinstance(error, known.ConnectionError | known.HTTPClientError):
        host = urlsplit(str(error.kwargs.get("endpoint_url", ""))).netloc or "its end"
        return "no_answer", f"AWS does not answer at {host}; check the network and AWS_ENDPOINT_URL"
    said = " ".join(str(error).split())
    return "unreadable", f"S3 cannot be asked ({said}); check the address and the settings of AWS"
