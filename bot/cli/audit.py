"""`bursar audit`: verify the chain, show the story of one record, export the log."""

import json
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from bot.cli.output import Json, document, table

WHEN = "%Y-%m-%d %H:%M:%S"

app = typer.Typer(help="Verify, show or export the audit log.", add_completion=False)


@app.command()
def verify(*, as_json: Json = False) -> None:
    """Walk the chain from its first row; exit 1 and name the row if one was changed or is missing."""
    from bot.main import open_store
    from bot.settings import load
    from storage import audit

    store = open_store(load())
    with store.reading() as session:
        verdict = audit.verify(session)
    store.close()
    if as_json:
        document(
            {"ok": verdict.broken is None, "rows": verdict.rows, "head": verdict.head}
            | {"broken": verdict.broken, "reason": verdict.reason}
        )
    elif verdict.broken is None:
        typer.echo(f"The audit log holds: {verdict.rows} rows, head {verdict.head}.")
    else:
        typer.echo(f"The audit log was tampered with: {verdict.reason}; {verdict.rows} rows before it hold.")
    if verdict.broken is not None:
        raise typer.Exit(1)


@app.command()
def show(key: Annotated[str, typer.Argument(metavar="ID")], *, as_json: Json = False) -> None:
    """Tell the whole story of one record: a plan, a finding, a dispute, a claim."""
    from bot.main import open_desk
    from bot.settings import load
    from flows import story

    desk = open_desk(load())
    told = story.tell(desk, key)
    desk.store.close()
    if as_json:
        document(told)
        return
    _print(key, told)


def _print(key: str, told: dict[str, Any]) -> None:
    """The story for a person: what was decided, what was done to what, and every entry of the log."""
    if plan := told.get("plan"):
        typer.echo(f"{plan['title']}: {plan['state']}{', ' + plan['outcome'] if plan['outcome'] else ''}")
        typer.echo(f"Asked for by {plan['requested_by']}: {plan['reason']}")
        linked = [("Takes back", told["undo_of"])] + [("Taken back by", one) for one in told["undone_by"]]
        for what, other in linked:
            if other:
                typer.echo(f"{what} {other}")
        names = {target["id"]: target["name"] for target in plan["targets"]}
        votes = [
            (vote["person"], vote["decision"], f"{vote['at']:{WHEN}}", vote["reason"])
            for vote in told["votes"]
        ]
        table("Votes", ("who", "said", "when (UTC)", "why"), votes)
        steps = [
            (step.wave, names.get(step.target, step.target), step.action, step.state, step.detail)
            for step in told["steps"]
        ]
        table("Steps", ("wave", "target", "action", "state", "detail"), steps)
    rows = [
        (one["seq"], f"{one['at']:{WHEN}}", one["event"], one["actor"], _gist(one)) for one in told["entries"]
    ]
    table(f"The audit entries of {key}", ("row", "when (UTC)", "what", "who", "why or what"), rows)


def _gist(entry: dict[str, Any]) -> str | None:
    """The reason, or which target a step's entry is about."""
    after = entry["after"] or {}
    return entry["reason"] or (after.get("target") if isinstance(after, dict) else None)


@app.command()
def export(
    out: Annotated[Path | None, typer.Option("--out", help="Write to this file, not to stdout.")] = None,
) -> None:
    """Write every entry, in order, as one JSON object per line."""
    from bot.main import open_store
    from bot.settings import load
    from spend import canonical
    from storage import audit

    store = open_store(load())
    with store.reading() as session, _opened(out) as file:
        for row in audit.rows(session):
            file.write(json.dumps(canonical.data(row), ensure_ascii=False) + "\n")
    store.close()


def _opened(out: Path | None) -> AbstractContextManager[TextIO]:
    return nullcontext(sys.stdout) if out is None else out.open("w", encoding="utf-8")
