"""Starts local-slack, a Slack server written by others, with the demo's people and channels in it."""

import hashlib
import http.client
import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import create_server
from time import monotonic
from typing import Any

from bot.demo import company
from tests.bot.playground.browser import CHROMIUM

Json = dict[str, Any]
VERSION = "0.1.8"
#: What the binary of this version hashes to; nothing else is started.
SHA256 = "3332007b797969d835f694b463ac526f7ef1fc66afac93f950f585105fe4815f"
BINARY = Path(__file__).parents[2] / "node_modules" / "local-slack-linux-x64" / "bin" / "local-slack"
START_SECONDS = 20.0
APP = "A0BURSAR"
BOT_TOKEN, APP_TOKEN = "xoxb-local-slack", "xapp-local-slack"


def missing() -> str | None:
    """Why local-slack cannot be started here, or None."""
    if not BINARY.exists():
        return f"local-slack {VERSION} is not here; `make test-slack` fetches it"
    if hashlib.sha256(BINARY.read_bytes()).hexdigest() != SHA256:
        return f"{BINARY.name} is not the binary of version {VERSION}; remove node_modules"
    if CHROMIUM is None:
        return "no browser is installed, and local-slack's modals can be filled in with one only"
    return None


@dataclass(frozen=True)
class Peer:
    """A running local-slack, and the control interface that its own page has no need of."""

    port: int

    @property
    def url(self) -> str:
        """Where its page and its Web API answer."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str) -> Json:
        """Read something of the control interface."""
        return self._talk("GET", path, None)

    def tell(self, path: str, body: Mapping[str, Any]) -> None:
        """Do something through the control interface, and wait until the app has answered."""
        answer = self._talk("POST", path, body)
        assert answer.get("ok"), answer

    def _talk(self, verb: str, path: str, body: Mapping[str, Any] | None) -> Json:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            sent = None if body is None else json.dumps(body)
            link.request(verb, f"/_control/{path}", sent, {"Content-Type": "application/json"})
            said: Json = json.loads(link.getresponse().read())
            return said
        finally:
            link.close()


@contextmanager
def running(folder: Path, *, signing_secret: str, request_url: str | None) -> Iterator[Peer]:
    """A local-slack in Socket Mode, or, with a request URL, one that calls the bot over HTTP."""
    folder.mkdir()
    settings = folder / "workspace.json"
    settings.write_text(json.dumps(_workspace(signing_secret, request_url)), encoding="utf-8")
    with create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    command = [str(BINARY), "--config", str(settings), "--port", str(port)]
    command += ["--base-host", "127.0.0.1", "--files-dir", str(folder / "files")]
    with (folder / "local-slack.log").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder, env={})
    peer = Peer(port)
    try:
        _until_up(peer, process)
        yield peer
    finally:
        process.terminate()
        process.wait(10)


def _until_up(peer: Peer, process: "subprocess.Popen[bytes]") -> None:
    deadline, pause = monotonic() + START_SECONDS, threading.Event()
    while process.poll() is None and monotonic() < deadline:
        try:
            peer.ask("state")
        except OSError:
            pause.wait(0.1)
        else:
            return
    raise TimeoutError(f"local-slack did not answer within {START_SECONDS:g} s")


def _workspace(signing_secret: str, request_url: str | None) -> Json:
    everybody = [company.BOT.id, *(person.id for person in company.PEOPLE)]
    app = {
        "appId": APP,
        "botUserId": company.BOT.id,
        "botName": "bursar",
        "botToken": BOT_TOKEN,
        "appToken": APP_TOKEN,
        "signingSecret": signing_secret,
        "mode": "events" if request_url else "socket",
        **({"requestUrl": request_url} if request_url else {}),
    }
    return {
        "workspace": {"name": "Demo", "domain": "demo", "teamId": "T0DEMO"},
        "apps": [app],
        "users": [
            {"id": person.id, "name": person.name.split()[0].lower(), "real_name": person.name}
            for person in company.PEOPLE
        ],
        "channels": [
            {"id": channel.id, "name": channel.name, "members": everybody} for channel in company.CHANNELS
        ],
    }
