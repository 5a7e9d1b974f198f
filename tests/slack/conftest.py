"""What the story on local-slack shares: the browser, and a reason where it cannot be played."""

from collections.abc import Iterator

import pytest

from tests.bot.playground.browser import Browser
from tests.slack.peer import missing


@pytest.fixture(scope="package", autouse=True)
def local_slack() -> None:
    """Skip all of it, with the way out, where local-slack is not installed."""
    if reason := missing():
        pytest.skip(reason)


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A real browser in which modals are filled in."""
    opened = Browser()
    yield opened
    opened.close()
