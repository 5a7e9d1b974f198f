"""The demo's opening: sets the stage, starts the bot, brings the bill in and has everything posted."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

from bot import main
from bot.demo import company, stage
from bot.settings import adopt, load
from flows import ingestion
from flows.desk import Desk
from spend.errors import BursarError
from storage import jobs, outbox

#: Seconds in which everything has to be posted, on a slow machine.
POSTED_WITHIN = 120


class NotPosted(BursarError):
    """The bot did not come up, or did not post, in time."""


def play(
    *,
    seed: int,
    port: int,
    home: Path,
    environment: Mapping[str, str],
    now: Callable[[], datetime],
    stop: threading.Event,
    show: Callable[[str], Any] | None,
) -> None:
    """Run the demo until it is told to stop.

    Raises:
        NotPosted: the bot did not post in time; its log says why.
    """
    from rich.console import Console

    console = Console()
    began = monotonic()

    @contextmanager
    def part(what: str) -> Iterator[None]:
        with console.status(f"Making {what} …"):
            yield
        console.print(f"[green]✓[/green] {what}")

    with stage.staged(
        seed=seed,
        now=now(),
        home=home,
        environment=environment,
        adopt=adopt,
        port=port,
        part=part,
        meanwhile=stage.running,
    ) as made:
        process = made.process
        assert process is not None  # noqa: S101 - narrows: `meanwhile` started it

        def alive() -> bool:
            return process.poll() is None

        desk = main.open_desk(load(made.environment))
        with part("every message of a Monday morning"):
            open_monday(desk, made, now, wait=stop.wait, alive=alive)
        desk.store.close()
        console.print(f"\nReady after {monotonic() - began:.0f} s: [bold]{made.page.url}[/bold]")
        console.print(f"Act as {', '.join(person.name for person in company.PEOPLE)}. Ctrl-C ends it.")
        console.print(
            "In another terminal, `bursar audit verify` and the others work on it with:\n"
            f"  export BURSAR_HOME={home} BURSAR_CONFIG={home / 'bursar.yaml'}",
            soft_wrap=True,
        )
        if show:
            show(made.page.url)
        while not stop.wait(0.5) and alive():
            pass
    console.print("Ended.")


def open_monday(
    desk: Desk,
    made: stage.Stage,
    now: Callable[[], datetime],
    *,
    wait: Callable[[float], bool],
    alive: Callable[[], bool] = lambda: True,
) -> None:
    """Bring the bill in, then let the worker detect, sweep and post the digests; return once all is posted.

    Raises:
        NotPosted: it did not happen in time, or the bot ended.
    """
    ingestion.bring_in(desk, made.bills, source=None, actor="demo", now=now())
    for kinds in (("detect", "sweep"), ("digest",)):
        with desk.store.writing(now()) as unit:
            for kind in kinds:
                unit.enqueue(kind, "opening")
        _until(lambda kinds=kinds: jobs.ended(desk.store, kinds, "opening"), made, wait, alive)  # type: ignore[misc]
    _until(lambda: _delivered(desk), made, wait, alive)


def _delivered(desk: Desk) -> bool:
    with desk.store.reading() as session:
        return outbox.pending(session) == 0


def _until(
    done: Callable[[], bool], made: stage.Stage, wait: Callable[[float], bool], alive: Callable[[], bool]
) -> None:
    until = monotonic() + POSTED_WITHIN
    while not done():
        log = Path(made.environment["BURSAR_HOME"]) / "bot.log"
        if not alive():
            raise NotPosted(f"The bot ended while the demo was opening; {log} says why.")
        if monotonic() > until:
            raise NotPosted(f"The demo was not posted within {POSTED_WITHIN} s; {log} says what is slow.")
        if wait(0.1):
            raise NotPosted("Stopped while the demo was opening.")
