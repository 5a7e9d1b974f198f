"""What the tests of the bot share: a loopback Slack, a desk, a clock."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from bot.render import TEMPLATES
from flows.desk import Desk
from storage.store import Store
from tests.actions.conftest import clouds, clouds_of_all, gate, moto_address, proxy, world
from tests.bot import slack as loopback
from tests.bot.world import TurnedClock, desk_on, sentence
from tests.databases import Database

__all__ = ["clouds", "clouds_of_all", "gate", "moto_address", "proxy", "world"]


@pytest.fixture
def slack() -> Iterator[loopback.Slack]:
    """A Slack on the loopback."""
    with loopback.serving() as served:
        yield served


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    """A desk on each kind of database."""
    return desk_on(store, tmp_path)


@pytest.fixture
def sqlite_desk(sqlite: Database, tmp_path: Path) -> Iterator[Desk]:
    """A desk on SQLite, where the database does not matter."""
    store = sqlite.store()
    yield desk_on(store, tmp_path)
    store.close()


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that commands are called in: without settings, and with a home of its own."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "BURSAR_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BURSAR_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def clock(now: datetime) -> TurnedClock:
    """A clock that tests turn."""
    return TurnedClock(now)


@pytest.fixture
def template() -> Iterator[str]:
    """The name of a template that says its text."""
    TEMPLATES["test_sentence"] = sentence
    yield "test_sentence"
    del TEMPLATES["test_sentence"]
