"""`bursar lake show | gc`: what the lake holds, and the collection of what nobody needs any more."""

from datetime import datetime
from typing import Annotated, Any

import typer

from bot.cli.money import desk_of
from bot.cli.output import Json, document, table

UNITS = ("B", "kB", "MB", "GB", "TB")
STEP = 1000

app = typer.Typer(
    help="What the lake holds, and collecting what nobody needs any more.", add_completion=False
)


@app.command()
def show(*, as_json: Json = False) -> None:
    """Show every snapshot of the lake with its size, whether it stays, and until when."""
    from bot import main
    from flows import collecting

    with desk_of() as desk:
        found = collecting.stock(desk)
        where = desk.lake.place.shown
    if as_json:
        document(
            {
                "place": where,
                "snapshots": [one.to_data() for one in found.snapshots],
                "unknown": found.unknown,
            }
        )
        return
    rows = [(*_named(one), size(one.bytes), _stays(one, main.now())) for one in found.snapshots]
    whole = sum(one.bytes for one in found.snapshots)
    title = f"{len(rows)} snapshots, {size(whole)}, in {where}"
    table(title, ("snapshot", "source", "account", "period", "state", "rows", "size", "stays"), rows)
    _tell_unknown(found.unknown, where)


def _named(one: Any) -> tuple[Any, ...]:
    row = one.row
    return row.id, row.source, row.billing_account, row.billing_period, row.state, row.rows


def _stays(one: Any, now: datetime) -> str:
    if one.goes is not None:
        return "until the next collection" if one.goes <= now else f"until {one.goes:%Y-%m-%d}"
    if not one.whole:
        return "its files are not all there: import the bill again"
    return "yes, it is pinned" if one.pinned else "yes"


def _tell_unknown(unknown: dict[str, int], where: str) -> None:
    if unknown:
        typer.echo(
            f"{where} holds {len(unknown)} more snapshots ({size(sum(unknown.values()))}) that this database "
            "does not know; nothing touches them (--json lists them).",
            err=True,
        )


@app.command()
def gc(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be collected.")] = False,
    as_json: Json = False,
) -> None:
    """Collect what nobody needs any more; a worker does the same every day by itself."""
    from bot import main
    from bot.cli import person
    from flows import collecting

    with desk_of() as desk:
        now = main.now()
        found = collecting.stock(desk)
        if not dry_run:
            collecting.collect(desk, actor=person(), now=now)
        where = desk.lake.place.shown
    taken = found.due(now)
    freed = sum(one.bytes for one in taken)
    if as_json:
        document(
            {"collected": [one.to_data() for one in taken], "bytes": freed, "unknown": found.unknown}
            | {"dry_run": dry_run}
        )
        return
    rows = [(*_named(one), size(one.bytes)) for one in taken]
    title = f"{'Would be collected' if dry_run else 'Collected'}: {size(freed)}"
    table(title, ("snapshot", "source", "account", "period", "state", "rows", "size"), rows)
    _tell_unknown(found.unknown, where)


def size(number: int) -> str:
    """A number of bytes, as a person reads it."""
    amount, unit = float(number), UNITS[0]
    for larger in UNITS[1:]:
        if amount < STEP:
            break
        amount, unit = amount / STEP, larger
    return f"{number} B" if unit == "B" else f"{amount:.1f} {unit}"
