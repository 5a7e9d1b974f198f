"""Puts the demo on: a local cloud, a local Slack page, and the real bot as processes of its own."""

import base64
import http.client
import logging
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.demo import bill, cloud, company, world
from bot.playground.server import Server, create_app, serve
from bot.playground.workspace import Workspace
from spend.errors import Refused

#: A folder is wiped at the next start only if this file says that a demo made it.
MARK = "made-by-bursar-demo"
SETTINGS = "bursar.yaml"
TOKEN = "xoxb-playground"  # noqa: S105 - the local page's own token; it opens nothing else
STOP_WITHIN = 30
#: Shows that one part is being worked on.
Part = Callable[[str], AbstractContextManager[Any]]
#: Starts something that runs while the stage is being set, given its environment.
Meanwhile = Callable[[Mapping[str, str]], AbstractContextManager["subprocess.Popen[bytes] | None"]]


@dataclass(frozen=True, slots=True)
class Stage:
    """What stands while the demo is on.

    Attributes:
        page: the local Slack page.
        workspace: its state.
        environment: what a process of the bot is given; `bursar` commands work with it too.
        world: what the cloud and the bill were made from.
        ids: cloud ids of the world's things, by name.
        bills: the files of the bill.
        process: the bot, where it was started while the cloud was being filled.
    """

    page: Server
    workspace: Workspace
    environment: Mapping[str, str]
    world: world.World
    ids: Mapping[str, str]
    bills: tuple[Path, ...]
    process: subprocess.Popen[bytes] | None = None


@contextmanager
def staged(
    *,
    seed: int,
    now: datetime,
    home: Path,
    environment: Mapping[str, str],
    adopt: Callable[[Mapping[str, str]], None],
    port: int = 0,
    wave_pause: int = 1,
    part: Part = lambda _: nullcontext(),
    meanwhile: Meanwhile = lambda _: nullcontext(),
) -> Iterator[Stage]:
    """The cloud with its things, the bill, the page, the settings; the bot only if it is asked for.

    Args:
        home: the folder for state; it is made anew.
        environment: this process's environment, which the bot's processes inherit.
        adopt: puts variables into this process's environment, for the cloud SDK.
        part: shows which part is being worked on.
        meanwhile: what to start, given its environment, while the cloud is being filled (`running`).

    Raises:
        Refused: the folder holds something that no demo made.
    """
    _fresh(home)
    bot_port, signing = _free_port(), secrets.token_hex(16)
    workspace = _workspace()
    page = serve(
        create_app(
            workspace,
            bot_url=f"http://127.0.0.1:{bot_port}",
            signing_secret=signing,
            token=TOKEN,
            clock=time.time,
        ),
        port=port,
    )
    with _moto() as endpoint:
        try:
            of_cloud = _of_cloud(endpoint)
            adopt(of_cloud)
            (home / SETTINGS).write_text(company.settings(wave_pause=wave_pause), encoding="utf-8")
            of_bot = {**environment, **of_cloud, **_of_bot(home, page.url, signing, bot_port)}
            made = world.build(seed, now.date() - timedelta(days=1))
            with meanwhile(of_bot) as process:
                with part(f"a cloud with {len(made.things)} things in {len(world.ACCOUNTS)} accounts"):
                    ids = cloud.populate(made, _clouds(), now)
                with part("its bill of 60 days"):
                    bills = bill.write(made, ids, home / "bill")
                yield Stage(page, workspace, of_bot, made, ids, tuple(bills), process)
        finally:
            page.stop()


def _workspace() -> Workspace:
    return Workspace(
        company.PEOPLE,
        company.CHANNELS,
        bot=company.BOT,
        commands=[("/bursar", "spend, findings, approvals or help")],
        shortcuts=[("dispute_message", "Dispute a charge")],
    )


def _of_cloud(endpoint: str) -> dict[str, str]:
    """Variables that lead a cloud SDK to the local cloud."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_DEFAULT_REGION": world.REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def bot(stage: Stage) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """The real bot on this stage, until the block ends."""
    return running(stage.environment)


@contextmanager
def running(environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The real bot, talker and worker, as `bursar run` starts them; stopped as an orchestrator would."""
    command = [sys.executable, "-m", "bot.cli", "run", "--http", environment["BURSAR_DEMO_HTTP"]]
    log = Path(environment["BURSAR_HOME"]) / "bot.log"
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
            command, env=dict(environment), stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _of_bot(home: Path, page: str, signing: str, port: int) -> dict[str, str]:
    """What a process of the bot is told beside the cloud's address."""
    return {
        "BURSAR_HOME": str(home),
        "BURSAR_CONFIG": str(home / SETTINGS),
        "SLACK_API_URL": f"{page}/api/",
        "SLACK_BOT_TOKEN": TOKEN,
        "SLACK_SIGNING_SECRET": signing,
        "BURSAR_AUDIT_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "BURSAR_DEMO_HTTP": f"127.0.0.1:{port}",
    }


def _clouds() -> Any:
    from actions.clouds import AccountAccess, AwsClouds

    return AwsClouds({key: AccountAccess(company.ROLE.format(account=key)) for key in world.ACCOUNTS})


@contextmanager
def _moto() -> Iterator[str]:
    """Moto's server in this process, so that ages can be set; its address. It begins empty."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line per cloud call is no news
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        link = http.client.HTTPConnection(host, port)
        link.request("POST", "/moto-api/reset")  # its memory is the process's, and outlives a server
        link.getresponse().read()
        link.close()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _fresh(home: Path) -> None:
    if home.exists() and any(home.iterdir()):
        if not (home / MARK).exists():
            raise Refused(f"{home} holds something that no demo made; name another folder with --home.")
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    (home / MARK).write_text("The next `bursar demo` starts this folder anew.\n", encoding="utf-8")
