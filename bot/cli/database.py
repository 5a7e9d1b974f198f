"""`bursar db`: bring the schema up to date, and compare it with what this version needs."""

import typer

from bot.cli.output import Json, document

app = typer.Typer(help="Upgrade or check the database.", add_completion=False)


@app.command()
def upgrade(*, as_json: Json = False) -> None:
    """Bring the schema, its triggers and its grants up to date, as DATABASE_OWNER_URL."""
    from bot.settings import load
    from storage import schema
    from storage.store import Store

    settings = load()
    store = Store(settings.owner_url)
    try:
        schema.upgrade(store.engine, settings.app_role)
    finally:
        store.close()
    if as_json:
        document({"revision": schema.HEAD})
    else:
        typer.echo(f"The database is at revision {schema.HEAD}.")


@app.command()
def check(*, as_json: Json = False) -> None:
    """Compare the schema, its triggers and its grants with what this version needs; exit 1 if they differ."""
    from bot.settings import load
    from storage import schema
    from storage.store import Store

    settings = load()
    store = Store(settings.owner_url)
    try:
        found = schema.problems(store.engine, settings.app_role) or schema.drift(store.engine)
    finally:
        store.close()
    if as_json:
        document({"ok": not found, "problems": found})
    else:
        typer.echo("\n".join(found) if found else "The database is as it should be.")
    if found:
        raise typer.Exit(1)
