"""`bursar sources`: where bills come from and how far they tell; what Google bills, and its list prices."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.money import Csv, desk_of, write_csv
from bot.cli.output import Json, document, table
from spend.money import plain

if TYPE_CHECKING:
    from flows.sources import Billed
    from storage.sources.gcp_billing import UnitPrice

app = typer.Typer(help="Where bills come from, and what Google bills and asks for.", add_completion=False)
#: How a project stands, by whether the bill has charges of it.
STANDS = {True: "in the bill", False: "billed, no charges yet", None: "no bill of this account is here"}


@app.callback(invoke_without_command=True)
def listed(context: typer.Context, *, as_json: Json = False) -> None:
    """Each source with its format, how fresh it is, and the last day that is complete."""
    from flows import sources

    if context.invoked_subcommand is not None:
        return
    with desk_of() as desk:
        found = sources.listed(desk)
    if as_json:
        document({"sources": found})
        return
    rows = [
        (
            one.source,
            one.format,
            one.freshness,
            "" if one.settles is None else f"{one.settles} days",
            f"{one.outcome} {one.delivered_at:%Y-%m-%d %H:%M}" if one.delivered_at else "never",
            one.complete_through,
            ", ".join(one.watched),
            one.place or "not in the settings",
        )
        for one in found
    ]
    columns = (
        "source",
        "format",
        "fresh",
        "settles in",
        "last delivery (UTC)",
        "complete through",
        "",
        "place",
    )
    table("Sources", columns, rows)


@app.command()
def gcp(
    account: Annotated[
        str | None, typer.Argument(metavar="ACCOUNT", help="A billing account, such as 01A2B3-C4D5E6-F7A8B9.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """The accounts and projects that Google bills, and which of them no bill has charges of."""
    from flows import sources
    from storage.sources.gcp_billing import connect

    with desk_of() as desk:
        show_billed(sources.billed(desk, connect(), account), as_json=as_json)


def show_billed(found: "Sequence[Billed]", *, as_json: bool) -> None:
    """Print what Google bills."""
    if as_json:
        document({"billing_accounts": found})
        return
    for one in found:
        account = one.account
        title = f"{account.id} {account.name} ({account.currency}){'' if account.open else ', closed'}"
        rows = [
            (each.project, "on" if each.enabled else "stopped", STANDS[each.charges]) for each in one.projects
        ]
        table(title, ("project", "billing", "charges"), rows)


@app.command()
def prices(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="Such as `Compute Engine`, or its id.")],
    region: Annotated[str | None, typer.Option("--region", help="Such as europe-west3, or global.")] = None,
    currency: Annotated[str, typer.Option("--currency", help="A code of ISO 4217.")] = "USD",
    *,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Google's list prices of a service, before any discount."""
    from storage.sources.gcp_billing import connect

    found = connect().unit_prices(service, region=region, currency=currency)
    show_prices(found, as_json=as_json, as_csv=as_csv)


def show_prices(found: "Sequence[UnitPrice]", *, as_json: bool = False, as_csv: bool = False) -> None:
    """Print prices, one line for each tier."""
    if as_json:
        document({"prices": found})
        return
    columns = ("sku", "description", "usage", "regions", "unit", "beyond", "price", "currency")
    rows = [
        (
            one.sku,
            one.description,
            one.usage,
            " ".join(one.regions),
            one.unit,
            plain(tier.beyond),
            plain(tier.price),
            one.currency,
        )
        for one in found
        for tier in one.tiers
    ]
    if as_csv:
        write_csv(columns, rows)
    else:
        table("List prices", columns, rows)
