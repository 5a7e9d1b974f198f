"""`bursar deliveries`: what became of each delivery of bills, and what was refused, tried again."""

from typing import Annotated, Any

import typer

from bot.cli.money import bar, desk_of, show_problems, show_report, viewed
from bot.cli.output import Json, document, rounded, table

app = typer.Typer(help="What became of each delivery; retry or drop a refused one.", add_completion=False)
Only = Annotated[str | None, typer.Option("--source", help="Only those of this source.")]
Key = Annotated[str, typer.Argument(metavar="DELIVERY")]


@app.callback(invoke_without_command=True)
def listed(
    context: typer.Context,
    source: Only = None,
    *,
    as_json: Json = False,
) -> None:
    """The newest deliveries, how far each source is complete, and what is wrong with it."""
    from flows import deliveries

    if context.invoked_subcommand is not None:
        return
    with desk_of() as desk:
        found = deliveries.listed(desk, source).to_data()
    if as_json:
        document(found)
        return
    columns = ("id", "at (UTC)", "source", "outcome", "rows", "newest day", "problems", "place")
    table("Deliveries", columns, [_row(one) for one in found["deliveries"]])
    for name, day in found["complete_through_by_source"].items():
        typer.echo(f"{name} is complete through {day}.")
    for one in found["watched"]:
        bill = f", account {one['bill']}" if one["bill"] else ""
        typer.echo(f"{one['source']} is {one['condition']} since {one['since']:%Y-%m-%d %H:%M} UTC{bill}.")


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    blocks = [f"{each['count']} {each['code']}" for each in one["problems"] if each["grade"] == "block"]
    warnings = [each for each in one["problems"] if each["grade"] == "warn"]
    kinds = [*blocks, f"{len(warnings)} kinds of warnings"] if warnings else blocks
    return (
        one["id"],
        f"{one['at']:%Y-%m-%d %H:%M}",
        one["source"],
        one["outcome"],
        one["rows"],
        one["newest_day"],
        ", ".join(kinds),
        one["place"],
    )


@app.command()
def show(key: Key, *, as_json: Json = False) -> None:
    """All that is known of one delivery: its bills, its problems with their places, its invoices."""
    from flows import deliveries

    with desk_of() as desk:
        viewed(desk, "delivery", delivery=key)
        found = deliveries.show(desk, key)
    if as_json:
        document(found)
        return
    typer.echo(f"{found['source']}: {found['outcome']} {found['at']:%Y-%m-%d %H:%M} UTC by {found['actor']}")
    typer.echo(f"{found['place']} ({found['format'] or 'of unknown format'}), {found['rows']:,} rows")
    bills = [
        (one["billing_account"], one["billing_period"], one["state"], one["rows"], one["last_day"], one["id"])
        for one in found["snapshots"]
    ]
    table("Bills", ("billing account", "billing period", "state", "rows", "last day", "snapshot"), bills)
    if found["invoices"]:
        show_invoices(found["invoices"])
    if found["problems"]:
        kinds = [(one["grade"], one["code"], one["count"]) for one in found["problems"]]
        table("Problems", ("grade", "code", "how many"), kinds)
        show_problems(found["places"])
    if found["quarantine"]:
        typer.echo(f"Its files are kept in {found['quarantine']}.")


def show_invoices(lines: list[dict[str, Any]]) -> None:
    """Print how invoices tie out."""
    rows = [
        (
            one["source"],
            one["invoice"] or "on no invoice",
            one["currency"],
            *(rounded(one[name]) for name in ("billed", "told", "residual")),
            one["told_by"],
        )
        for one in lines
    ]
    columns = ("source", "invoice", "currency", "its charges", "the invoice", "residual", "told by")
    table("Invoices", columns, rows)


@app.command()
def retry(
    key: Key,
    dialect: Annotated[
        str | None, typer.Option("--as", metavar="FORMAT", help="As in `bursar import`.")
    ] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="As in `bursar import`.")] = None,
    *,
    replace: Annotated[bool, typer.Option("--replace", help="As in `bursar import`.")] = False,
    as_json: Json = False,
) -> None:
    """Import a refused delivery again from where it is kept aside; exit 3 if it is refused again."""
    from bot import main
    from bot.cli import person
    from flows import ingestion
    from storage.snapshots import DeliveryRefused

    with desk_of() as desk, bar(show=not as_json) as progress:
        try:
            told = {"forced": replace, "actor": person(), "now": main.now(), "progress": progress}
            report = ingestion.retry(desk, key, dialect=dialect, currency=currency, **told)
        except DeliveryRefused as refusal:
            if as_json:
                document(refusal.report.to_data())
            raise
    show_report(report.to_data(), as_json=as_json)


@app.command()
def drop(key: Key) -> None:
    """Let the files of a refused delivery go; its report stays."""
    from bot import main
    from bot.cli import person
    from flows import deliveries

    with desk_of() as desk:
        deliveries.drop(desk, key, actor=person(), now=main.now())
    typer.echo(f"The files of {key} are gone; its report stays.")
