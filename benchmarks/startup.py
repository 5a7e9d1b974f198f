"""What `bursar --help` costs in CPU, and what an idle talker holds in memory, beside bare peers."""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import _scene as scene

TIMES, HELP_LIMIT, MEMORY_LIMIT = 7, 0.3, 90
#: Two commands with a help line each, in the library that our command line is made with.
TYPER = """
import typer
app = typer.Typer()
@app.command()
def one() -> None: "First."
@app.command()
def two() -> None: "Second."
app()
"""
#: The libraries of a talker, imported, with one app built, and nothing of ours.
LIBRARIES = """
import sys, threading
import sqlmodel, starlette.applications, uvicorn
from slack_bolt import App
app = App(token="xoxb-1", signing_secret="s", token_verification_enabled=False)
print("ready", flush=True)
threading.Event().wait()
"""


def main() -> None:
    """Measure both."""
    _help()
    _memory()


def _help() -> None:
    bursar = [str(Path(sys.executable).with_name("bursar")), "--help"]
    figures = {
        "bursar --help": _cpu(bursar),
        "python -c pass": _cpu([sys.executable, "-c", "pass"]),
        "a Typer app of two commands --help": _cpu([sys.executable, "-c", TYPER, "--help"]),
    }
    for name, seconds in figures.items():
        print(f"{name}: {seconds:.3f} CPU s (median of {TIMES})")
    first, *peers = figures
    scene.verdict(first, figures[first], HELP_LIMIT, "CPU s")
    for peer in peers:
        print(f"{first} / {peer}: {figures[first] / figures[peer]:.2f}")


def _cpu(command: Sequence[str]) -> float:
    """CPU seconds, user and system, of a command; the median of some runs after a first one."""
    found = []
    for _ in range(TIMES + 1):
        before = _spent()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found.append(_spent() - before)
    return statistics.median(found[1:])


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _memory() -> None:
    with tempfile.TemporaryDirectory() as folder, scene.surroundings() as around:
        given = scene.environment(around, Path(folder))
        upgrade = [sys.executable, "-P", "-m", "bot.cli", "db", "upgrade"]
        subprocess.run(upgrade, env=given, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port = scene.free_port()
        with scene.talker(given, port) as pid:
            time.sleep(3)
            idle = scene.resident(pid)
            for _ in range(50):
                scene.press(port, "approval.approve", "plan-none:0", person=scene.STRANGER)
            busy = scene.resident(pid)
    libraries = _bare(given)
    print(f"its libraries alone: {libraries:.0f} MB; the talker after 50 clicks: {busy:.0f} MB")
    scene.verdict("idle talker in HTTP mode", idle, MEMORY_LIMIT, "MB")
    print(f"idle talker / its libraries alone: {idle / libraries:.2f}")


def _bare(given: Mapping[str, str]) -> float:
    command = [sys.executable, "-c", LIBRARIES]
    with subprocess.Popen(command, env=dict(given), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = scene.resident(process.pid)
        process.kill()
    return found


if __name__ == "__main__":
    main()
