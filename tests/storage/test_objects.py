"""Files as objects of a bucket: whole or not there, compared when they are fetched, and errors in words."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import pytest

from actions import crash
from spend.errors import BursarError, NotFound, SettingsWrong
from storage.lake import Lake
from storage.sources.objects import PIECE, Objects
from storage.store import Store
from tests.databases import Database
from tests.storage.lake.bills import current_ids, load, text, write
from tests.storage.lake.lakes import bucket, lake_in
from tests.storage.shelf import aws, moto, shelf

__all__ = ["aws", "bucket", "moto", "shelf"]
BILLED = Path("bill.csv")


@pytest.fixture
def lake_store(sqlite: Database) -> Iterator[Store]:
    opened = sqlite.store()
    yield opened
    opened.close()


@contextmanager
def answering(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A service whose every answer this is."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_large_file_goes_in_pieces_and_is_there_only_when_all_of_it_arrived(
    bucket: str, tmp_path: Path
) -> None:
    objects, file = Objects(bucket), tmp_path / "large"
    file.write_bytes(os.urandom(PIECE + 1))
    seen = []

    def hook(point: str) -> None:
        seen.append((point, objects.sizes(), [key for key, _ in objects.unfinished()]))

    crash.arm(hook)
    objects.put("a/large", file)
    crash.arm(None)
    assert seen == [(point, {}, ["a/large"]) for point in ("object.begun", "object.sent", "object.sent")]
    assert (objects.sizes(), objects.unfinished()) == ({"a/large": PIECE + 1}, [])
    objects.fetch("a/large", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == file.read_bytes()


def test_what_was_begun_can_be_given_up_and_what_is_gone_can_be_removed(bucket: str) -> None:
    objects = Objects(bucket)
    name, _, prefix = bucket.removeprefix("s3://").partition("/")
    begun = boto3.client("s3").create_multipart_upload(Bucket=name, Key=f"{prefix}/half")
    assert objects.unfinished() == [("half", begun["UploadId"])]
    for _ in range(2):
        objects.abort("half", begun["UploadId"])
        objects.remove("half")
    assert objects.unfinished() == []


def test_an_object_that_somebody_wrote_anew_is_not_taken_for_what_was_put(
    bucket: str, tmp_path: Path
) -> None:
    objects = Objects(bucket)
    objects.put("part", write(tmp_path / "part", "true"))
    name, _, prefix = bucket.removeprefix("s3://").partition("/")
    told = boto3.client("s3").head_object(Bucket=name, Key=f"{prefix}/part")["Metadata"]
    boto3.client("s3").put_object(Bucket=name, Key=f"{prefix}/part", Body=b"fake", Metadata=told)
    with pytest.raises(BursarError, match="is not what was put there"):
        objects.fetch("part", tmp_path / "copy")


def test_each_error_of_a_bucket_is_one_sentence_with_the_way_out(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="part is not there any more"):
        Objects(bucket).fetch("part", tmp_path / "copy")
    with pytest.raises(SettingsWrong, match=r"no bucket nowhere; make it, or correct lake\.url"):
        Objects("s3://nowhere/x").sizes()
    with pytest.raises(SettingsWrong, match="no bucket nowhere"):
        Objects("s3://nowhere/x").put("part", write(tmp_path / "part", "true"))
    denied = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"

    def refuse(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(403)
        handler.send_header("content-length", str(len(denied)))
        handler.end_headers()
        handler.wfile.write(denied)

    with answering(refuse) as endpoint, pytest.raises(SettingsWrong, match="AccessDenied at ListObjectsV2"):
        Objects(bucket, endpoint=endpoint).sizes()


def test_a_machine_without_credentials_is_told_so(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(BursarError, match="cannot be reached: Unable to locate credentials"):
        Objects(bucket).sizes()


def test_a_line_that_breaks_in_the_middle_is_tried_again(bucket: str, tmp_path: Path) -> None:
    asked: list[str] = []

    def hang_up(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        handler.send_response(200)
        handler.send_header("content-length", "4")
        handler.end_headers()
        handler.wfile.write(b"true" if len(asked) > 2 else b"tr")

    with answering(hang_up) as endpoint:
        Objects(bucket, endpoint=endpoint).fetch("part", tmp_path / "copy")
    assert (len(asked), (tmp_path / "copy").read_text()) == (3, "true")


def test_copies_are_bounded_by_what_was_used_last_and_fetched_again_when_asked_for(
    bucket: str, lake_store: Store, tmp_path: Path
) -> None:
    lake = lake_in(bucket, tmp_path / "home", most=1)
    first, second = (imported(lake, lake_store, tmp_path, amount) for amount in ("1", "2"))
    lake = lake_in(bucket, tmp_path / "other", most=1)
    lake.paths([first])
    (left := tmp_path / "other" / "cache" / "passing" / "left").write_text("of a dead fetch")
    lake.paths([second])
    assert copies(lake) == {first, second}  # both were asked for within the hour
    for old in (*lake.root.glob(f"*/*/snapshot={first}"), left):
        os.utime(old, (0, 0))
    third = imported(lake_in(bucket, tmp_path / "home"), lake_store, tmp_path, "3")
    lake.paths([second, third])
    assert copies(lake) == {second, third}
    assert list((lake.root / "passing").iterdir()) == []
    (path,) = lake.paths([first])
    assert path.exists()


def test_a_machine_without_room_for_copies_is_told_so(bucket: str, lake_store: Store, tmp_path: Path) -> None:
    snapshot = imported(lake_in(bucket, tmp_path / "home"), lake_store, tmp_path, "1")
    write(tmp_path / "other" / "cache", "a file")
    with pytest.raises(SettingsWrong, match="cannot be written"):
        lake_in(bucket, tmp_path / "other").paths([snapshot])


def imported(lake: Lake, store: Store, folder: Path, amount: str) -> str:
    load(lake, store, write(folder / BILLED, text([{"BilledCost": amount}])))
    (snapshot,) = current_ids(store)
    return snapshot


def copies(lake: Lake) -> set[str]:
    return {folder.name.removeprefix("snapshot=") for folder in lake.root.glob("*/*/snapshot=*")}
