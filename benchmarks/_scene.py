"""What the measurements share: a loopback cloud and Slack apart, the bot's real processes, and clicks."""

import http.client
import multiprocessing
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from socket import create_server
from typing import Any

from actions.aws import ec2
from actions.plan import Plan
from flows import proposals
from flows.desk import Desk
from tests.actions.proxy import Proxy
from tests.bot.slack import SIGNING, click, serving, signed

ACCOUNT, REGION = "123456789012", "eu-central-1"
#: No two clicks happen at the same moment: a second delivery of one is not a second click.
MOMENTS = count(1)
APPROVER, STRANGER = "U_DAN", "U_OTTO"
SETTINGS = f"""\
mode: act
teams:
  search: {{ channel: C_SEARCH, owners: [U_ANN] }}
finance: {{ channel: C_FINANCE, people: [U_FAY] }}
oncall: {{ channel: C_ONCALL }}
approvers:
  platform-oncall: [{APPROVER}, U_EVA]
accounts:
  - {{ id: "{ACCOUNT}", act: true }}
"""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Slack and the cloud, in a process of their own so that they cost the bot nothing but their answers."""

    slack: str
    cloud: str
    pipe: Any

    def calls(self, operation: str) -> list[str]:
        """The bodies of all calls of this operation that arrived at the cloud."""
        self.pipe.send(operation)
        found: list[str] = self.pipe.recv()
        return found

    def accepted(self, operation: str) -> list[str]:
        """What each call of this operation that the cloud took was about, in order."""
        self.pipe.send(f"accepted {operation}")
        found: list[str] = self.pipe.recv()
        return found


@contextmanager
def surroundings(*, stop_takes: float = 0, throttled: int = 0) -> Iterator[Surroundings]:
    """A cloud (moto) behind a door that counts calls, and a Slack.

    Args:
        stop_takes: seconds for which each StopInstances is held back.
        throttled: how many of a hundred calls are refused as too many.
    """
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_surround, args=(there, stop_takes, throttled)
    )
    process.start()
    there.close()
    slack, cloud = here.recv()
    try:
        yield Surroundings(slack, cloud, here)
    finally:
        here.send(None)
        process.join(20)
        process.kill()


def _surround(pipe: Connection, stop_takes: float, throttled: int) -> None:
    import logging
    import random

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)

    draw = random.Random(1)

    def fault(operation: str, _body: str) -> str | None:
        if operation == "StopInstances":
            time.sleep(stop_takes)
        return "throttle" if draw.random() * 100 < throttled else None

    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    with serving() as slack, Proxy(f"http://{host}:{port}") as door:
        door.fault = fault
        pipe.send((slack.url, door.address))
        while (operation := pipe.recv()) is not None:
            wanted = operation.removeprefix("accepted ")
            taken = [one.resource for one in door.requests if one.action == wanted and one.accepted]
            pipe.send(door.of(operation) if wanted == operation else taken)
    moto.stop()


def environment(around: Surroundings, home: Path) -> dict[str, str]:
    """What the bot's processes are given: its settings, the loopback Slack and the loopback cloud."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "bursar.yaml").write_text(SETTINGS, encoding="utf-8")
    return {
        "PATH": os.environ["PATH"],
        "BURSAR_HOME": str(home),
        "BURSAR_CONFIG": str(home / "bursar.yaml"),
        "SLACK_BOT_TOKEN": "xoxb-benchmark",
        "SLACK_SIGNING_SECRET": SIGNING,
        "SLACK_API_URL": around.slack,
        "AWS_ENDPOINT_URL": around.cloud,
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def process(arguments: Sequence[str], given: Mapping[str, str], log: Path) -> Iterator[int]:
    """A Python process that is ended with the block; its id."""
    with log.open("ab") as out:
        started = subprocess.Popen([sys.executable, *arguments], env=dict(given), stdout=out, stderr=out)
    try:
        yield started.pid
    finally:
        started.terminate()
        try:
            started.wait(30)
        except subprocess.TimeoutExpired:
            started.kill()


@contextmanager
def talker(given: Mapping[str, str], port: int) -> Iterator[int]:
    """A real talker in HTTP mode that is ready; its process id."""
    command = ["-P", "-m", "bot.cli", "talk", "--http", f"127.0.0.1:{port}"]
    with process(command, given, Path(given["BURSAR_HOME"]) / "talker.log") as pid:
        until(lambda: ready(port), "the talker is ready")
        yield pid


@contextmanager
def worker(given: Mapping[str, str]) -> Iterator[int]:
    """A real worker that is at work; its process id."""
    log = Path(given["BURSAR_HOME"]) / "worker.log"
    with process(["-P", "-m", "bot.cli", "work"], given, log) as pid:
        until(lambda: log.exists() and "is at work" in log.read_text(), "the worker is at work")
        yield pid


def until(true: Callable[[], object], what: str, seconds: float = 120) -> None:
    """Look again and again until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(0.05)


def free_port() -> int:
    """A port that nobody listens at."""
    with create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def ready(port: int) -> bool:
    """Whether a server answers there that it is ready."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        link.request("GET", "/readyz")
        return link.getresponse().status == 200
    except OSError:
        return False
    finally:
        link.close()


@dataclass(frozen=True, slots=True)
class Ack:
    """What one click was answered, and after how many milliseconds."""

    status: int
    milliseconds: float


def press(port: int, action: str, value: str, *, person: str) -> Ack:
    """Send one signed click as Slack does, and wait for its ack."""
    body = click(action, value, person=person, at=f"1700000000.{next(MOMENTS)}")
    headers = signed(body, datetime.now(UTC))
    began = time.perf_counter()
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    link.request("POST", "/slack/events", body, headers)
    answer = link.getresponse()
    answer.read()
    took = (time.perf_counter() - began) * 1000
    link.close()
    return Ack(answer.status, took)


def press_together(port: int, action: str, values: Sequence[str], *, person: str) -> list[Ack]:
    """Click all of these at once, each from a connection of its own."""
    found: list[Ack] = []
    gate = threading.Barrier(len(values))

    def one(value: str) -> None:
        gate.wait()
        found.append(press(port, action, value, person=person))

    threads = [threading.Thread(target=one, args=(value,)) for value in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def proposed(desk: Desk, rows: Sequence[Mapping[str, Any]]) -> Plan:
    """One plan for these machines, as a sweep proposes it."""
    return proposals.propose(
        desk,
        desk.runbooks["stop-idle-dev"],
        [ec2.instance(row, ACCOUNT, REGION, "idle for 14 days") for row in rows],
        [],
        findings=[],
        requested_by="bursar",
        reason="a measurement",
        now=datetime.now(UTC),
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """A percentile of some figures."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def resident(pid: int) -> float:
    """Megabytes of memory that a process holds now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def verdict(what: str, value: float, limit: float, unit: str) -> None:
    """Print a figure beside its limit."""
    word = "within" if value <= limit else "OVER"
    print(f"{what}: {value:.3g} {unit}, {word} the limit of {limit:g} {unit} ({value / limit:.2f} of it)")
