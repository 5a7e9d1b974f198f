"""`bursar run`, `talk` and `work`: the long-running processes."""

from typing import Annotated

import typer

Http = Annotated[
    str | None,
    typer.Option("--http", metavar="HOST:PORT", help="Receive Slack's requests here, not by Socket Mode."),
]
Health = Annotated[
    str | None,
    typer.Option("--health", metavar="HOST:PORT", help="Serve /healthz, /readyz and /metrics here."),
]
Parent = Annotated[int | None, typer.Option("--parent", hidden=True, help="Stop when this process is gone.")]


def run(http: Http = None, health: Health = None) -> None:
    """Talk to Slack and work, on one machine."""
    from bot import main

    main.run(main.settings_for_process(), http=_place(http), health=_place(health))


def talk(http: Http = None, health: Health = None) -> None:
    """Talk to Slack."""
    from bot import main

    main.talk(main.settings_for_process(), http=_place(http), health=_place(health))


def work(health: Health = None, parent: Parent = None) -> None:
    """Do due jobs and approved runs, and deliver messages."""
    from bot import main

    main.work(main.settings_for_process(), health=_place(health), parent=parent)


def _place(text: str | None) -> tuple[str, int] | None:
    from bot.http import address

    return None if text is None else address(text)
