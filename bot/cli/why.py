"""`bursar why`: who stopped my box, who is about to, and how it is taken back."""

from typing import Annotated

import typer

from bot.cli.money import desk_of
from bot.cli.output import Json, document


def why(
    resource: Annotated[str, typer.Argument(help="Its id, its name, or the run in its tag bursar:run.")],
    *,
    as_json: Json = False,
) -> None:
    """Who did what to a resource and why, what is planned for it, and who keeps it."""
    from bot import main
    from bot.blocks import why as words
    from flows import why as flow

    with desk_of() as desk:
        answers = flow.why(desk, resource, now=main.now())
    if as_json:
        document(answers)
        return
    typer.echo("\n\n".join("\n".join(words.plain(answer)) for answer in answers))
