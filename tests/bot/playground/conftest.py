"""One page and one Bolt app for each test; one browser for all of them."""

from collections.abc import Callable, Iterator

import pytest

from tests.bot.playground.browser import CHROMIUM, Browser
from tests.bot.playground.stage import ANA, Stage

Look = Callable[..., Browser]


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A workspace, its page and a Bolt app without listeners."""
    made = Stage()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless browser; tests that need one are skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("no chromium here: apt-get install chromium runs these")
    made = Browser()
    yield made
    made.close()


@pytest.fixture
def look(stage: Stage, browser: Browser) -> Iterator[Look]:
    """Open the page, as Ana in her channel unless told otherwise, at a width in pixels."""

    def open_page(path: str = f"/?as={ANA.id}&channel=C0CHECK", width: int = 1280) -> Browser:
        browser.size(width, 900)
        browser.errors.clear()
        browser.open(stage.page.url + path)
        browser.until("document.querySelector('#title')?.textContent")
        return browser

    yield open_page
    browser.open("about:blank")
