"""Where the lake lies, as the settings say it."""

from datetime import timedelta
from pathlib import Path

import pytest

from storage.bucket import Bucket
from storage.parts import Folder
from tests.bot.test_settings import problems, read


def test_without_a_word_the_lake_is_a_folder_of_the_home(tmp_path: Path) -> None:
    settings = read(tmp_path, "zone: UTC\n")
    place = settings.file.lake.place(settings.home)
    assert isinstance(place, Folder)
    assert place.root == tmp_path / "lake"
    assert settings.org().keep == timedelta(days=30)


def test_the_lake_can_be_another_folder(tmp_path: Path) -> None:
    place = read(tmp_path, "lake: {url: /srv/lake, keep_days: 90}\n").file.lake.place(tmp_path)
    assert place.root == Path("/srv/lake")


def test_the_lake_can_be_a_bucket_with_copies_in_the_home(tmp_path: Path) -> None:
    role = "role_arn: arn:aws:iam::012345678901:role/bursar-lake, external_id: x, region: eu-west-1"
    place = read(tmp_path, f"lake: {{url: s3://bills-of-us/bursar, {role}}}\n").file.lake.place(tmp_path)
    assert isinstance(place, Bucket)
    assert (place.shown, place.root) == ("s3://bills-of-us/bursar", tmp_path / "cache")


@pytest.mark.parametrize(
    ("lake", "words"),
    [
        ("{url: lake}", "'lake' is neither a folder, from / on, nor s3://BUCKET/PREFIX"),
        ("{url: s3://}", "neither a folder"),
        ("{url: s3://UPPER/x}", "neither a folder"),
        ("{url: gs://bills/x}", "a bucket of Google's is named s3://BUCKET/PREFIX, with endpoint"),
        ("{region: eu-west-1}", "endpoint, region and role belong to a bucket"),
        ("{url: /srv/lake, endpoint: https://x}", "endpoint, region and role belong to a bucket"),
        ("{url: s3://bills/x, endpoint: x}", "the endpoint must begin with http:// or https://"),
        ("{keep_days: 0}", "greater than or equal to 1"),
    ],
)
def test_a_place_that_is_none_is_refused_with_its_line(tmp_path: Path, lake: str, words: str) -> None:
    (problem,) = problems(tmp_path, f"lake: {lake}\n")
    assert problem.startswith("bursar.yaml:1 lake")
    assert words in problem
