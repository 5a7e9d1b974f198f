"""The whole story on the local page, with the real bot as processes, over several seeds."""

from pathlib import Path

import pytest

from tests.story.company import FAY
from tests.story.page import Page
from tests.story.script import play
from tests.story.theatre import opened, set_up


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(0, id="a calm world", marks=pytest.mark.slow),
        pytest.param(1, id="a ramp of transfer"),
        pytest.param(3, id="a stop that the cloud refuses", marks=pytest.mark.slow),
    ],
)
def test_the_story_works_on_the_local_page(seed: int, tmp_path: Path) -> None:
    with set_up(seed, tmp_path / "home") as made, opened(made, Page(made.page.url, FAY), tmp_path) as story:
        play(story)
        assert story.left_out == []
