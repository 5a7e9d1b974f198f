"""A bucket of bills: of each the newest delivery is fetched, once, whole, and nothing else."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.core.authorization import enable_iam_authentication

from actions.clouds import assumed
from storage.sources.problems import BillRefused, Problem
from storage.sources.remote import Access, Asked, fetch
from tests.storage.lake.bills import NOW, quiet
from tests.storage.shelf import ACCOUNT, OTHER, Shelf, aws, execution, moto, shelf

__all__ = ["aws", "moto", "shelf"]

DOCS = Path(__file__).parents[2] / "docs" / "sources.md"
ROLE = f"arn:aws:iam::{OTHER}:role/bills"
NOBODY = Access()
MAY = "exports/all/data/billing_period=2026-05"


def may(number: int) -> str:
    """By what a delivery of an export in May is known."""
    return f"{execution(number)}:2026-05"


class Reader:
    """Fetches into a folder of its own each time."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._number = folder, 0
        self.met: set[str] = set()
        self.told: list[Problem] = []

    def read(
        self,
        place: str,
        *known: str,
        access: Access = NOBODY,
        progress: Callable[[int, int, str], None] = quiet,
    ) -> dict[str, str]:
        """The text of each file that came, but for manifests."""
        self._number += 1
        asked = Asked(place, self._folder / str(self._number) / "in", access, known, progress, NOW)
        fetch(asked)
        self.met, self.told = asked.met, asked.told
        files = [each for each in (self._folder / str(self._number)).rglob("*") if each.is_file()]
        found = {each.relative_to(asked.into).as_posix(): each.read_text() for each in files}
        return {name: body for name, body in found.items() if not name.endswith("Manifest.json")}

    def refused(self, place: str, **how: Any) -> str:
        """What is said of a place that is not read: one line that names it."""
        with pytest.raises(BillRefused) as refused:
            self.read(place, **how)
        said = str(refused.value)
        assert said.startswith("s3://")
        assert "\n" not in said
        return said


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """A reader."""
    return Reader(tmp_path / "fetched")


@pytest.mark.parametrize("new", [False, True], ids=["overwritten", "new files"])
def test_of_a_data_export_only_what_is_new_is_fetched(shelf: Shelf, reader: Reader, *, new: bool) -> None:
    shelf.export(1, "one", "two", new=new)
    assert sorted(reader.read(shelf.at("exports")).values()) == ["one", "two"]
    shelf.export(1, "june", month="2026-06", new=new)
    assert list(reader.read(shelf.at(), may(1)).values()) == ["june"]
    assert reader.met == {may(1)}
    shelf.export(2, "again", new=new)
    assert set(reader.read(shelf.at(), may(1)).values()) == {"again", "june"}
    june = may(1).replace("05", "06")
    assert (reader.read(shelf.at(), may(2), june), reader.told) == ({}, [])
    assert reader.met == {may(2), june}


def test_of_a_report_the_files_are_fetched_that_its_renewed_manifest_names(
    shelf: Shelf, reader: Reader
) -> None:
    period = "team/cur//report/20260501-20260601"
    for number, files in ((1, (1, 2)), (2, (1,))):
        named = [f"{period}/report-{at}.csv" for at in files]
        for key in named:
            shelf.put(key, str(number))
        said = {"assemblyId": execution(number), "billingPeriod": {"start": "20260501T000000.000Z"}}
        shelf.put(f"{period}/report-Manifest.json", {**said, "reportKeys": named})
        shelf.put(f"{period}/{execution(number)}/report-Manifest.json", {**said, "reportKeys": named})
        found = reader.read(shelf.at("team/cur/"))
        assert found == {f"report/20260501-20260601/report-{at}.csv": str(number) for at in files}
    assert reader.told == []


def test_two_exports_of_one_name_are_two_and_what_no_manifest_names_is_told(
    shelf: Shelf, reader: Reader
) -> None:
    for number, payer in enumerate(("1001", "2002"), 1):
        key = f"cur/{payer}/all/data/billing_period=2026-05/all-00001.csv"
        shelf.export(number, payer, root=f"cur/{payer}/all", dataFiles=[f"s3://copied-from-here/x/{key}"])
    shelf.put("cur/by-hand/may.csv", "?")
    assert sorted(reader.read(shelf.at("cur")).values()) == ["1001", "2002"]
    assert [(one.file, one.code) for one in reader.told] == [(shelf.at("cur/by-hand/may.csv"), "unnamed")]


def test_a_manifest_without_an_id_is_fetched_each_time(shelf: Shelf, reader: Reader) -> None:
    shelf.export(1, "one", executionId=None)
    assert len(reader.read(shelf.at())) == 1
    shelf.export(2, "two", executionId=None, new=True)
    assert (reader.read(shelf.at(), may(2)), reader.met) == ({}, {may(2)})


def test_without_manifests_every_bill_of_the_folder_is_fetched_and_none_leaves_it(
    shelf: Shelf, reader: Reader
) -> None:
    for key in ("f/may.csv.gz", "f//deep/a b=ü.parquet", "f/\u202e\\\0.csv", "f/costs.json"):
        shelf.put(key, "1")
    for key in ("f/_tmp/x.csv", "f/../../../x.csv", "f/.csv", "f/x.txt", "f/x.csv/", "fa/x.csv", "x.csv"):
        shelf.put(key, "2")
    for key in ("/etc/x.csv", "//etc/y.csv", "../x.csv"):
        shelf.put(key, "3")
    named = {"may.csv.gz", "deep/a b=ü.parquet", "%E2%80%AE%5C%00.csv", "costs.json"}
    assert reader.read(shelf.at("f")) == dict.fromkeys(named, "1")
    assert reader.read(shelf.at("/etc")) == {"x.csv": "3"}
    assert reader.read(shelf.at("f/may.csv.gz")) == {"may.csv.gz": "1"}
    assert len(reader.read(shelf.at())) == len(named) + 4
    shelf.put("etc/y.csv", "3")
    assert "differ in slashes only" in reader.refused(shelf.at())
    shelf.put(f"f/{'x' * 300}.csv", "1")
    assert "cannot be written here" in reader.refused(shelf.at("f"))


def no_bucket(shelf: Shelf, _: pytest.MonkeyPatch) -> str:
    return shelf.at("x").replace("bills", "bells")


def bad_name(shelf: Shelf, _: pytest.MonkeyPatch) -> str:
    assert shelf
    return "s3://Bad_Name!/x"


def nothing_there(shelf: Shelf, _: pytest.MonkeyPatch) -> str:
    shelf.put("focus2/may.csv", "1")
    shelf.put("focus/all-Manifest.json", "[" * 100_000)
    return shelf.at("focus")


def no_credentials(shelf: Shelf, patch: pytest.MonkeyPatch) -> str:
    patch.delenv("AWS_ACCESS_KEY_ID")
    return shelf.at()


def no_profile(shelf: Shelf, patch: pytest.MonkeyPatch) -> str:
    patch.setenv("AWS_PROFILE", "nobody")
    return shelf.at()


def nobody_listens(shelf: Shelf, patch: pytest.MonkeyPatch) -> str:
    patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    return shelf.at()


def a_missing_file(shelf: Shelf, _: pytest.MonkeyPatch) -> str:
    shelf.export(1, "one", "two")
    shelf.remove(f"{MAY}/all-00001.csv")
    return shelf.at()


def a_zip(shelf: Shelf, _: pytest.MonkeyPatch) -> str:
    shelf.put("r/r-Manifest.json", {**REPORT, "reportKeys": ["r/1.csv.zip"]})
    return shelf.at()


def two_manifests(shelf: Shelf, _: pytest.MonkeyPatch) -> str:
    for name in ("one", "two"):
        shelf.put(f"r/{name}/r-Manifest.json", {**REPORT, "assemblyId": name, "reportKeys": ["r/1.csv"]})
    return shelf.at()


def one_file_for_two(shelf: Shelf, _: pytest.MonkeyPatch) -> str:
    for number, root in enumerate(("one", "two"), 1):
        shelf.export(
            number, "1", root=root, dataFiles=[f"s3://x/one/{MAY.partition('/all/')[2]}/all-00001.csv"]
        )
    return shelf.at()


def two_deliveries(shelf: Shelf, _: pytest.MonkeyPatch) -> str:
    for number in (1, 2):
        shelf.export(number, "1", new=True)
    return shelf.at("exports/all/data")


def a_manifest(shelf: Shelf, _: pytest.MonkeyPatch) -> str:
    return shelf.at("r/r-Manifest.json")


def an_archive(shelf: Shelf, _: pytest.MonkeyPatch) -> str:
    shelf.put("old.csv", "1", StorageClass="GLACIER")
    return shelf.at()


def no_room(shelf: Shelf, _: pytest.MonkeyPatch) -> str:
    shelf.pretend("large.csv", 1 << 60)
    return shelf.at()


REPORT = {"assemblyId": "one", "billingPeriod": {"start": "20260501"}}
WRONG = {
    no_bucket: "there is no bucket bells",
    bad_name: "no address of a bucket; write s3://BUCKET/PREFIX",
    nothing_there: "no CSV, CSV.gz or Parquet file is in here; check the address",
    no_credentials: "this machine has no credentials of AWS",
    no_profile: r"config profile \(nobody\) could not be found",
    nobody_listens: "AWS does not answer at 127.0.0.1:9; check the network",
    a_missing_file: r"all-Manifest.json: the manifest names s3://.*all-00001.csv, and it is not here",
    a_zip: "ZIP is not read",
    two_manifests: "the oldest first",
    one_file_for_two: "name the same file",
    two_deliveries: "two deliveries of one period",
    a_manifest: "name the folder",
    an_archive: "lies in an archive",
    no_room: "1152921504606846976 bytes, and .* are free",
}


@pytest.mark.parametrize(("wrong", "said"), WRONG.items(), ids=[each.__name__ for each in WRONG])
def test_what_cannot_be_read_is_refused_in_a_sentence_with_the_way_out(
    shelf: Shelf,
    reader: Reader,
    monkeypatch: pytest.MonkeyPatch,
    wrong: Callable[[Shelf, pytest.MonkeyPatch], str],
    said: str,
) -> None:
    assert re.search(said, reader.refused(wrong(shelf, monkeypatch)))


def test_a_bucket_of_another_account_is_read_by_its_role_and_not_without(
    aws: str, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert aws
    monkeypatch.setenv("MOTO_S3_ALLOW_CROSSACCOUNT_ACCESS", "false")
    theirs = Shelf(assumed(ROLE, None, "tests").client("s3"), OTHER)
    theirs.put("focus/may.csv", "theirs")
    said = reader.refused(theirs.at())
    assert f"allow s3:ListBucket on arn:aws:s3:::{theirs.name} and s3:GetObject" in said
    assert "role_arn" in said
    assert list(reader.read(theirs.at(), access=Access(ROLE, "ours")).values()) == ["theirs"]


def allowing(*actions: str, **to: Any) -> str:
    """A policy for the test's cloud, which tells no resources apart."""
    statement = {"Effect": "Allow", "Action": list(actions), **(to or {"Resource": "*"})}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_the_policy_in_the_documents_is_what_a_reader_needs(
    shelf: Shelf, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.export(1, "one")
    section = DOCS.read_text(encoding="utf-8").partition("\n## s3\n")[2].partition("\n## ")[0]
    [block] = re.findall(r"^```json\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    needed = [action for statement in json.loads(block)["Statement"] for action in statement["Action"]]
    roles = {"all": needed} | {one.split(":")[1]: [each for each in needed if each != one] for one in needed}
    iam = boto3.client("iam")
    for name, granted in roles.items():
        trust = allowing("sts:AssumeRole", Principal={"AWS": "*"})
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=allowing(*granted))
    iam.create_user(UserName="worker")
    iam.put_user_policy(UserName="worker", PolicyName="enter", PolicyDocument=allowing("sts:AssumeRole"))
    key = iam.create_access_key(UserName="worker")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    with enable_iam_authentication():
        for one in needed:
            role = f"arn:aws:iam::{ACCOUNT}:role/{one.split(':')[1]}"
            said = reader.refused(shelf.at(), access=Access(role))
            assert f"the role {role} is not allowed" in said
            assert one in said
        assert "the credentials of this machine are not" in reader.refused(shelf.at())
        assert reader.read(shelf.at(), access=Access(f"arn:aws:iam::{ACCOUNT}:role/all"))
    iam.delete_user_policy(UserName="worker", PolicyName="enter")
    with enable_iam_authentication():
        said = reader.refused(shelf.at(), access=Access(f"arn:aws:iam::{ACCOUNT}:role/all"))
        assert "cannot be assumed" in said
        assert "trust policy" in said


class Writer:
    """Makes the next one of these deliveries each time when the first file of the former one is there."""

    def __init__(self, shelf: Shelf, *numbers: int) -> None:
        self._shelf, self._numbers = shelf, iter(numbers)

    def __call__(self, done: int, whole: int, what: str) -> None:
        assert done <= whole
        if what == "fetching all-00001.csv" and (number := next(self._numbers, None)):
            self._shelf.export(number, f"{number}", f"rest of {number}")


def test_a_delivery_that_changes_while_it_is_read_is_read_again_once(shelf: Shelf, reader: Reader) -> None:
    shelf.export(1, "1", "rest of 1")
    assert sorted(reader.read(shelf.at(), progress=Writer(shelf, 2)).values()) == ["2", "rest of 2"]
    assert "written while it was read" in reader.refused(shelf.at(), progress=Writer(shelf, 3, 4))


def test_a_large_file_that_changes_between_two_of_its_parts_is_read_again(
    shelf: Shelf, reader: Reader
) -> None:
    shelf.put("may.csv", "1" * (9 << 20))
    seen: list[int] = []

    def write_over(done: int, _whole: int, _what: str) -> None:
        seen.append(done)
        if len(seen) == 1:
            shelf.put("may.csv", "2" * (9 << 20))

    assert set(reader.read(shelf.at(), progress=write_over)["may.csv"]) == {"2"}
    assert max(seen) == 9 << 20


def test_a_delivery_that_is_being_written_over_is_refused_and_a_copy_that_rests_is_read(
    shelf: Shelf, reader: Reader
) -> None:
    manifest = shelf.export(1, "one")
    shelf.age(manifest, minutes=5)
    assert "a delivery is under way" in reader.refused(shelf.at())
    for each in (manifest, f"{MAY}/all-00001.csv"):
        shelf.age(each, hours=2)
    assert reader.read(shelf.at())
    shelf.age(shelf.export(2, "two", new=True), minutes=5)
    assert list(reader.read(shelf.at()).values()) == ["two"]
