"""Lakes in buckets of the loopback."""

from functools import cache
from pathlib import Path

import pytest

from storage.bucket import Bucket
from storage.lake import Lake
from storage.sources.objects import Objects
from tests.storage.shelf import Shelf

MANY = 10**9


@pytest.fixture
def bucket(shelf: Shelf) -> str:
    """The address of an empty place in a bucket."""
    return shelf.at("bursar/lake")


@cache
def _objects(url: str) -> Objects:
    """Each of them makes a client of its own, which takes longer than most tests."""
    return Objects(url)


def lake_in(url: str, home: Path, *, most: int = MANY) -> Lake:
    """A lake in a bucket, as one machine sees it."""
    return Lake(home, Bucket(_objects(url), home, most))
