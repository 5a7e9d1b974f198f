"""`bursar stepup`: who can confirm a deletion in production with a code of their own authenticator."""

import re
from typing import Annotated

import typer

from bot.cli.money import desk_of

app = typer.Typer(help="Enrol people for the step-up outside Slack.", add_completion=False)


@app.callback()
def root() -> None:
    """Keep `enrol` a word of its own while it is the only one."""


@app.command()
def enrol(person: Annotated[str, typer.Argument(metavar="PERSON", help="A member id, U….")]) -> None:
    """Make a person's secret and print it once, for their authenticator alone."""
    from bot import main, stepup
    from bot.cli import person as typing
    from bot.settings import load
    from spend.errors import Refused

    if not re.fullmatch(r"[UW][A-Z0-9_]{1,20}", person):
        raise Refused(f"{person} is no Slack member id (U…); copy it from the person's profile.")
    with desk_of() as desk:
        uri = stepup.enrol(load().step_up, person)
        with desk.store.writing(main.clock_of(desk.store)()) as unit:
            unit.record("stepup.enrol", actor=typing(), subject=person)
    typer.echo(uri)
