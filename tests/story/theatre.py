"""Sets the demo's stage for the story and brings the bill in: the real bot, as processes of its own."""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from bot import main
from bot.demo import opening, stage
from bot.settings import load
from tests.story.books import Books
from tests.story.cloud import Cloud
from tests.story.driver import Driver
from tests.story.told import Story
from tests.watching import watching_server

#: Seconds between waves: long enough to see a run under way.
WAVE_PAUSE = 1
Bot = Callable[[stage.Stage], AbstractContextManager["subprocess.Popen[bytes]"]]


@contextmanager
def set_up(seed: int, home: Path) -> Iterator[stage.Stage]:
    """The cloud, the bill, the settings and the local page of a seed."""
    with pytest.MonkeyPatch.context() as ours:

        def adopt(values: Mapping[str, str]) -> None:
            for key, value in values.items():
                ours.setenv(key, value)

        with stage.staged(
            seed=seed,
            now=main.now(),
            home=home,
            environment={"PATH": os.environ["PATH"]},
            adopt=adopt,
            wave_pause=WAVE_PAUSE,
        ) as made:
            yield made


@contextmanager
def opened(made: stage.Stage, slack: Driver, scratch: Path, bot: Bot = stage.bot) -> Iterator[Story]:
    """The story's opening: the bot runs, the bill is in, and everything of a Monday is posted."""
    log = Path(made.environment["BURSAR_HOME"]) / "bot.log"
    with bot(made) as process:
        desk = main.open_desk(load(made.environment))
        try:
            pause = threading.Event()
            opening.open_monday(desk, made, main.now, wait=pause.wait, alive=lambda: process.poll() is None)
            with watching_server(desk.store, lambda: desk.org.caps):
                yield Story(slack, Cloud(made), Books(desk.store, made.environment), made, scratch)
        finally:
            desk.store.close()
            print(log.read_text(encoding="utf-8")[-4000:])
    assert process.returncode == 0, log.read_text(encoding="utf-8")
