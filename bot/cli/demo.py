"""`bursar demo`: the whole bot on this machine, without credentials."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer


def demo(
    port: Annotated[int, typer.Option("--port", help="Of the local Slack page; 0 takes a free one.")] = 8123,
    seed: Annotated[int, typer.Option("--seed", help="Which world; 0 is one without an anomaly.")] = 1,
    home: Annotated[Path, typer.Option("--home", help="Where its state lives; made anew.")] = Path(
        ".bursar/demo"
    ),
    *,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
) -> None:
    """Start a local cloud, a local Slack page and the bot; end all of it with Ctrl-C."""
    from bot import main
    from bot.demo import opening
    from bot.settings import environment

    stop = main.stop_event()
    opening.play(
        seed=seed,
        port=port,
        home=home.absolute(),
        environment=environment(),
        now=main.now,
        stop=stop,
        show=webbrowser.open if browser else None,
    )
