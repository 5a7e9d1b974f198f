"""The same story as on the local page, against local-slack: first in Socket Mode, then over HTTP."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.demo import stage
from tests.bot.playground.browser import Browser
from tests.slack.localslack import LACKS, LocalSlack
from tests.slack.peer import APP_TOKEN, BOT_TOKEN, Peer, running
from tests.story.script import play
from tests.story.theatre import opened, set_up

pytestmark = [pytest.mark.slow, pytest.mark.local_slack]
#: What the script itself leaves out there.
LEFT_OUT = ["number_input", "message_shortcut"]


def test_the_story_works_on_local_slack_in_socket_mode(tmp_path: Path, browser: Browser) -> None:
    with (
        set_up(1, tmp_path / "home") as made,
        running(tmp_path / "peer", signing_secret="unused", request_url=None) as peer,
        opened(_towards(peer, made), LocalSlack(peer, browser), tmp_path, _in_socket_mode) as story,
    ):
        play(story)
        assert story.left_out == LEFT_OUT


def test_the_story_works_on_local_slack_over_http(tmp_path: Path, browser: Browser) -> None:
    with set_up(3, tmp_path / "home") as made:
        secret = made.environment["SLACK_SIGNING_SECRET"]
        url = f"http://{made.environment['BURSAR_DEMO_HTTP']}/slack/events"
        with (
            running(tmp_path / "peer", signing_secret=secret, request_url=url) as peer,
            opened(_towards(peer, made), LocalSlack(peer, browser), tmp_path) as story,
        ):
            play(story)
            assert story.left_out == LEFT_OUT


@pytest.mark.parametrize("what", LACKS)
def test_what_local_slack_cannot_do_is_left_to_the_local_page(what: str) -> None:
    pytest.skip(f"{what}: {LACKS[what]}")


def _towards(peer: Peer, made: stage.Stage) -> stage.Stage:
    """The same stage with local-slack in the place of the local page."""
    there = {
        "SLACK_API_URL": f"{peer.url}/api/",
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_APP_TOKEN": APP_TOKEN,
    }
    return replace(made, environment={**made.environment, **there})


@contextmanager
def _in_socket_mode(made: stage.Stage) -> Iterator["subprocess.Popen[bytes]"]:
    """The real bot as `bursar run` starts it by default."""
    log = Path(made.environment["BURSAR_HOME"]) / "bot.log"
    with log.open("ab") as out:
        command = [sys.executable, "-P", "-m", "bot.cli", "run"]
        process = subprocess.Popen(command, env=dict(made.environment), stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(stage.STOP_WITHIN)
