"""Files as objects of a bucket: put, fetched and compared, listed, removed; errors in one sentence."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from actions import clouds
from actions.crash import crashpoint
from spend.errors import BursarError, NotFound, SettingsWrong
from storage.sources.remote import Access

BUCKET = "s3://"
#: An object is sent and read in pieces of this size.
PIECE = 8 << 20
#: How often a call is sent, and a download begun, when its line breaks.
TRIES = 4
SESSION = "bursar-lake"
NO_ROLE = Access()
DENIED = frozenset({"AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"})
GONE = frozenset({"NoSuchKey", "404"})


class Objects:
    """The objects under one prefix of a bucket, by their keys below it.

    Args:
        url: `s3://BUCKET/PREFIX`.
        access: the role that enters it; None of it means the credentials of the machine.
        region: of the bucket; what the machine is set to when None.
        endpoint: of another service that speaks S3's protocol; AWS when None.
    """

    def __init__(
        self, url: str, access: Access = NO_ROLE, *, region: str | None = None, endpoint: str | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self._bucket, _, prefix = self.url.removeprefix(BUCKET).partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._access, self._region, self._endpoint = access, region, endpoint

    @cached_property
    def _client(self) -> Any:
        from botocore.config import Config

        session = clouds.session_of(self._access.role_arn, self._access.external_id, SESSION)
        # Each piece carries its MD5 sum, which all such services know; not all know the newer checksums.
        sums = Config(
            request_checksum_calculation="when_required", response_checksum_validation="when_required"
        )
        config = clouds.config(TRIES).merge(sums)
        return session.client("s3", region_name=self._region, endpoint_url=self._endpoint, config=config)

    def put(self, key: str, file: Path) -> None:
        """Send a file. The object is not there, in no part, before all of it arrived as it was sent.

        Raises:
            SettingsWrong: the bucket is not there, or does not let us.
            BursarError: it does not answer.
        """
        told = {"Bucket": self._bucket, "Key": self._prefix + key}
        with self._in_words(), file.open("rb") as content:
            begun = self._client.create_multipart_upload(**told, Metadata={"sha256": _sha256(content)})
            told["UploadId"] = begun["UploadId"]
            crashpoint("object.begun")
            content.seek(0)
            parts: list[dict[str, Any]] = []
            while (piece := content.read(PIECE)) or not parts:
                sent = self._client.upload_part(
                    **told, PartNumber=len(parts) + 1, Body=piece, ContentMD5=_md5(piece)
                )
                parts.append({"PartNumber": len(parts) + 1, "ETag": sent["ETag"]})
                crashpoint("object.sent")
            self._client.complete_multipart_upload(**told, MultipartUpload={"Parts": parts})

    def fetch(self, key: str, into: Path) -> None:
        """Write an object to a file, byte for byte as it was put.

        Raises:
            NotFound: it is not there.
            BursarError: it is not what was put there, or the bucket does not answer.
        """
        from botocore.exceptions import BotoCoreError

        for left in reversed(range(TRIES)):
            try:
                with self._in_words(key), into.open("wb") as file:
                    self._fetch(key, file)
            except BursarError as error:
                if not left or not isinstance(error.__cause__, BotoCoreError):
                    raise
            else:
                return

    def _fetch(self, key: str, file: IO[bytes]) -> None:
        found = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
        digest = hashlib.sha256()
        for piece in found["Body"].iter_chunks(PIECE):
            digest.update(piece)
            file.write(piece)
        if found["Metadata"].get("sha256", digest.hexdigest()) != digest.hexdigest():
            raise BursarError(
                f"{self.url}/{key} is not what was put there; restore it, or import the bill again."
            )

    def sizes(self) -> dict[str, int]:
        """Every object's key with its size in bytes.

        Raises:
            SettingsWrong: the bucket is not there, or does not let us.
            BursarError: it does not answer.
        """
        with self._in_words():
            return {
                one["Key"].removeprefix(self._prefix): one["Size"]
                for one in self._pages("list_objects_v2", "Contents")
            }

    def remove(self, key: str) -> None:
        """Remove an object; none is fine."""
        with self._in_words():
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def unfinished(self) -> list[tuple[str, str]]:
        """The keys that are still being sent, or whose sender died, each with the id of its upload."""
        with self._in_words():
            return [
                (one["Key"].removeprefix(self._prefix), one["UploadId"])
                for one in self._pages("list_multipart_uploads", "Uploads")
            ]

    def abort(self, key: str, upload: str) -> None:
        """Give up an upload, and free what it holds; none is fine."""
        from botocore.exceptions import ClientError

        with self._in_words():
            try:
                self._client.abort_multipart_upload(
                    Bucket=self._bucket, Key=self._prefix + key, UploadId=upload
                )
            except ClientError as error:
                if clouds.code_of(error) != "NoSuchUpload":
                    raise

    def _pages(self, operation: str, items: str) -> Iterator[Any]:
        pages = self._client.get_paginator(operation).paginate(Bucket=self._bucket, Prefix=self._prefix)
        for page in pages:
            yield from page.get(items, ())

    @contextmanager
    def _in_words(self, key: str = "") -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            code = clouds.code_of(error)
            if code == "NoSuchBucket":
                said = f"There is no bucket {self._bucket}; make it, or correct lake.url."
                raise SettingsWrong(said) from error
            if code in DENIED:
                said = (
                    f"{self.url} does not let Bursar in ({code} at {error.operation_name}); "
                    "check lake.role_arn and what the role may do."
                )
                raise SettingsWrong(said) from error
            if code in GONE:
                raise NotFound(f"{self.url}/{key} is not there any more; ask again.") from error
            raise BursarError(f"{self.url} does not do as asked: {error}") from error
        except BotoCoreError as error:
            raise BursarError(f"{self.url} cannot be reached: {error}") from error


def _sha256(content: IO[bytes]) -> str:
    return hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type] # any file will do


def _md5(piece: bytes) -> str:
    return b64encode(hashlib.md5(piece, usedforsecurity=False).digest()).decode()
