"""`bursar kill-switch`: stop all remediations at once, or let them go on."""

from enum import StrEnum
from typing import Annotated

import typer

app = typer.Typer(help="Stop all remediations, or let them go on.", add_completion=False)


class Position(StrEnum):
    """Where the switch is to stand."""

    ON = "on"
    OFF = "off"


@app.command()
def throw(
    to: Annotated[Position, typer.Argument(metavar="on|off")],
    reason: Annotated[str, typer.Option("--reason", help="Why; the audit log keeps it.")],
) -> None:
    """Throw the switch: while it is on, no remediation makes another call."""
    from bot import main
    from bot.cli import person
    from bot.settings import load
    from flows import switches

    desk = main.open_desk(load())
    switches.throw(desk, on=to is Position.ON, actor=person(), reason=reason, now=main.now())
    desk.store.close()
    typer.echo(f"The kill switch is {to}.")
