"""A Slack on the loopback for the talker under fire."""

from collections.abc import Iterator

import pytest

from tests.bot import slack as loopback


@pytest.fixture
def slack() -> Iterator[loopback.Slack]:
    """A Slack on the loopback."""
    with loopback.serving() as served:
        yield served
