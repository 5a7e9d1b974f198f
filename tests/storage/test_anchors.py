"""The places outside the database that hold checkpoints: a file, and a bucket whose first versions count."""

from pathlib import Path
from typing import Any

import boto3
import pytest

from spend.errors import BursarError, Conflict, NotFound
from storage.sources import anchors
from tests.storage.buckets import bucket

__all__ = ["bucket"]


def line(number: int, **changes: Any) -> dict[str, Any]:
    usual = {"at": "2026-03-02T12:00:00.000000Z", "number": number, "size": number, "next_key": None}
    return {**usual, **dict.fromkeys(("hash", "head", "key", "previous", "signature"), "00"), **changes}


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "kept.jsonl")


@pytest.mark.parametrize("kind", ["file", "bucket"])
def test_a_place_that_is_new_holds_no_newest_one(kind: str, request: pytest.FixtureRequest) -> None:
    assert anchors.place(request.getfixturevalue(kind)).newest() is None


@pytest.mark.case("V16.4.3")
@pytest.mark.parametrize("kind", ["file", "bucket"])
def test_what_is_put_is_read_back_in_order(kind: str, request: pytest.FixtureRequest) -> None:
    place = anchors.place(request.getfixturevalue(kind))
    references = [place.put(line(number)) for number in (1, 2, 11)]
    assert len(set(references)) == 3
    assert place.read() == [line(1), line(2), line(11)]
    assert place.newest() == line(11)
    place.put(line(11))  # the job came back after a crash
    assert {one["number"] for one in place.read()} == {1, 2, 11}


def test_a_bucket_does_not_take_another_checkpoint_of_the_same_number(bucket: str) -> None:
    place = anchors.place(bucket)
    place.put(line(1))
    with pytest.raises(Conflict, match="holds another checkpoint 1"):
        place.put(line(1, head="11"))
    assert place.read() == [line(1)]


def test_the_first_version_of_an_object_is_the_one_that_counts(bucket: str) -> None:
    place = anchors.place(bucket)
    place.put(line(1))
    client = boto3.client("s3")
    name = bucket.split("/")[2]
    client.put_object(Bucket=name, Key="bursar/0000000001.json", Body=b"{}")
    client.delete_object(Bucket=name, Key="bursar/0000000001.json")
    client.close()
    assert place.read() == [line(1)]


@pytest.mark.usefixtures("bucket")
def test_a_place_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    nowhere = anchors.place("s3://nowhere")
    with pytest.raises(BursarError, match="s3://nowhere does not take the checkpoint"):
        nowhere.put(line(1))
    with pytest.raises(NotFound, match="kept in s3://nowhere cannot be read"):
        nowhere.read()
    with pytest.raises(NotFound, match="kept in s3://nowhere cannot be read"):
        nowhere.newest()
    gone = anchors.place(str(tmp_path / "gone" / "kept.jsonl"))
    with pytest.raises(BursarError, match="cannot be added to"):
        gone.put(line(1))
    with pytest.raises(NotFound, match="cannot be read"):
        gone.read()


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"number": 1}'])
def test_something_that_is_no_checkpoint_is_not_read_as_one(file: str, text: str) -> None:
    place = anchors.place(file)
    place.put(line(1))
    with Path(file).open("a", encoding="utf-8") as opened:
        opened.write(text)
    with pytest.raises(NotFound, match="holds something that is no checkpoint"):
        place.read()
