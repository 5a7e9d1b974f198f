"""The places outside the database that hold checkpoints: a file, a bucket and a git remote."""

import json
from contextlib import closing
from pathlib import Path
from socket import socket
from typing import Any

import boto3
import pytest

from spend.errors import BursarError, Conflict, NotFound
from storage.sources import anchors, gitremote
from tests.storage.buckets import bucket
from tests.storage.remotes import git, remote

__all__ = ["bucket", "remote"]
KINDS = ["file", "bucket", "remote"]


def line(number: int, **changes: Any) -> dict[str, Any]:
    usual = {"at": "2026-03-02T12:00:00.000000Z", "number": number, "size": number, "next_key": None}
    chained = {"hash": f"hash {number}", "previous": f"hash {number - 1}"}
    return {**usual, **dict.fromkeys(("head", "key", "signature"), "00"), **chained, **changes}


def put(name: str, *lines: dict[str, Any], branch: str = "") -> list[str]:
    with closing(anchors.place(name).put(lines, branch)) as names:
        return list(names)


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "kept.jsonl")


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest) -> str:
    """Each kind of place."""
    return str(request.getfixturevalue(request.param))


def test_a_place_that_is_new_holds_no_newest_one(place: str) -> None:
    assert anchors.place(place).newest() == []


@pytest.mark.case("V16.4.3")
def test_what_is_put_is_read_back_in_order(place: str) -> None:
    references = put(place, line(1), line(2)) + put(place, line(3))
    assert len(set(references)) == 3
    assert anchors.place(place).read() == [line(1), line(2), line(3)]
    assert anchors.place(place).newest() == [line(3)]
    put(place, line(3))  # the job came back after a crash
    assert {one["number"] for one in anchors.place(place).read()} == {1, 2, 3}
    assert anchors.place(place).newest() == [line(3)]


def test_a_log_that_was_restored_is_kept_beside_the_one_that_was_lost(place: str) -> None:
    put(place, line(1), line(2), line(3))
    other = line(2, hash="hash 2 of the fork")
    put(place, other, branch="recovery-1")
    kept = anchors.place(place)
    assert sorted(kept.read(), key=str) == sorted([line(1), line(2), line(3), other], key=str)
    assert sorted(kept.newest(), key=str) == sorted([line(3), other], key=str)


@pytest.mark.parametrize("kind", ["bucket", "remote"])
def test_another_checkpoint_of_the_same_number_is_not_taken(
    kind: str, request: pytest.FixtureRequest
) -> None:
    name = request.getfixturevalue(kind)
    put(name, line(1))
    with pytest.raises(Conflict, match="holds another checkpoint 1"):
        put(name, line(1, head="11"))
    assert anchors.place(name).read() == [line(1)]


def test_the_first_version_of_an_object_is_the_one_that_counts(bucket: str) -> None:
    put(bucket, line(1))
    client = boto3.client("s3")
    name = bucket.split("/")[2]
    client.put_object(Bucket=name, Key="bursar/0000000001.json", Body=b"{}")
    client.delete_object(Bucket=name, Key="bursar/0000000001.json")
    client.close()
    assert anchors.place(bucket).read() == [line(1)]


@pytest.mark.usefixtures("bucket")
def test_a_place_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    with pytest.raises(BursarError, match="s3://nowhere does not take the checkpoint"):
        put("s3://nowhere", line(1))
    gone = str(tmp_path / "gone" / "kept.jsonl")
    with pytest.raises(BursarError, match="cannot be added to"):
        put(gone, line(1))
    with pytest.raises(NotFound, match="cannot be read"):
        anchors.place(gone).read()
    for look in (anchors.place("s3://nowhere").read, anchors.place("s3://nowhere").newest):
        with pytest.raises(NotFound, match="kept in s3://nowhere cannot be read"):
            look()


def test_each_checkpoint_is_a_file_in_a_commit_of_its_own_beside_what_others_keep_there(remote: str) -> None:
    first, second = put(remote, line(1), line(2))
    told = git(remote, "log", "--format=%H %an %aI %s", "bursar").splitlines()
    when = "2026-03-02T12:00:00+00:00"
    assert told == [
        f"{second.split()[-1]} Bursar {when} Checkpoint 2",
        f"{first.split()[-1]} Bursar {when} Checkpoint 1",
    ]
    assert json.loads(git(remote, "show", "bursar:0000000002.json")) == line(2)


@pytest.mark.case("V16.4.2")
def test_a_remote_that_was_written_anew_takes_no_more_and_is_named(remote: str) -> None:
    put(remote, line(1), line(2))
    git(remote, "update-ref", "refs/heads/bursar", git(remote, "rev-parse", "bursar~").strip())
    with pytest.raises(Conflict, match="does not hold checkpoint 2 as it was signed: look into who wrote it"):
        put(remote, line(3))
    assert anchors.place(remote).newest() == [line(1)]


def test_a_push_that_would_not_go_on_from_what_is_there_is_refused(remote: str) -> None:
    with closing(anchors.place(remote).put([line(1), line(2)], "")) as slow:
        next(slow)
        put(remote, line(1), line(2), line(3))
        with pytest.raises(BursarError, match=r"refused `git push`: ! .rejected"):
            next(slow)
    assert anchors.place(remote).newest() == [line(3)]


def test_a_remote_that_takes_the_call_and_never_answers_is_given_up() -> None:
    with socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/audit.git"
        with (
            pytest.raises(NotFound, match="did not answer `git ls-remote` in time"),
            gitremote.copy(url, patience=1),
        ):
            pass


def test_a_remote_that_is_away_or_is_none_is_named(tmp_path: Path) -> None:
    away = f"git+file://{tmp_path}/away.git"
    for look in (anchors.place(away).read, anchors.place(away).newest):
        with pytest.raises(NotFound, match=r"away.git refused `git ls-remote`: fatal: .* does not appear"):
            look()
    for wrong in ("git+ext::sh -c true", "git+--upload-pack=x", "git+https://me:secret@host/x", "git+/srv/x"):
        with pytest.raises(NotFound, match="without a password"):
            put(wrong, line(1))


@pytest.mark.parametrize(
    "text",
    ["no JSON", "[]", '{"number": 1}']
    + [json.dumps(line(2, **one)) for one in ({"size": 10**30}, {"key": "\ud800"}, {"at": "2026-03-02"})],
    ids=["words", "a list", "a field", "a huge number", "half a character", "no moment"],
)
def test_something_that_is_no_checkpoint_is_not_read_as_one(file: str, text: str) -> None:
    put(file, line(1))
    with Path(file).open("a", encoding="utf-8") as opened:
        opened.write(text)
    with pytest.raises(NotFound, match="holds something that is no checkpoint"):
        anchors.place(file).read()
