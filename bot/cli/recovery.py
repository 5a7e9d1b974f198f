"""`bursar recovery`: what was found of a restored database, and the word of two people that it may go on."""

from typing import Annotated

import typer

from bot.cli.money import desk_of
from bot.cli.output import Json, document

app = typer.Typer(help="Look at a restored database, and resume it.", add_completion=False)


@app.command()
def show(*, as_json: Json = False) -> None:
    """What waits, and why; exit 1 if the bot may not act."""
    from flows import recovery as flow
    from storage import recovery

    with desk_of() as desk, desk.store.reading() as session:
        row = recovery.waiting(session)
        head = recovery.head(session)
        seen = flow.view(desk, row.id) if row else None
    if as_json:
        document({"waiting": row.model_dump() if row else None, "head": {"seq": head.seq, "hash": head.hash}})
    elif row is None or seen is None:
        typer.echo(f"Nothing waits: the audit log goes on from what was last seen, to row {head.seq}.")
    else:
        typer.echo(flow.sentence(row))
        for title in seen.void:
            typer.echo(f"Void: {title}")
        for name, what in seen.looks:
            typer.echo(f"Look at {name}: {what}")
        for who, why in seen.said:
            typer.echo(f"{who} resumed it: {why}. A second person has to agree.")
    if row is not None:
        raise typer.Exit(1)


@app.command()
def resume(
    reason: Annotated[str, typer.Option("--reason", help="What you looked at; the audit log keeps it.")],
) -> None:
    """Say that the restored database may be worked on; the second person's word lets the bot act."""
    from bot import main
    from bot.cli import person
    from flows import recovery as flow
    from storage.work import RecoveryState

    who = person()
    with desk_of() as desk:
        row = flow.resume(desk, actor=who, reason=reason, now=main.now())
    over = row.state == RecoveryState.RESUMED
    typer.echo("It is resumed; the bot acts again." if over else "Noted; a second person has to agree.")
