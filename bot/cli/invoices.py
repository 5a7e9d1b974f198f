"""`bursar invoices`: what invoices say, what their charges add up to, and what is left between them."""

from typing import Annotated

import typer

from bot.cli.deliveries import Only, show_invoices
from bot.cli.money import desk_of, viewed
from bot.cli.output import Json, document

app = typer.Typer(help="What invoices say, what their charges add up to, and the rest.", add_completion=False)

Invoice = Annotated[str, typer.Argument(metavar="INVOICE", help="Its number, as the charges name it.")]
Source = Annotated[str, typer.Option("--source", help="Whose bills it is for.")]
Currency = Annotated[str, typer.Option("--currency", help="Such as USD.")]


@app.callback(invoke_without_command=True)
def listed(
    context: typer.Context,
    source: Only = None,
    *,
    as_json: Json = False,
) -> None:
    """Every invoice with the BilledCost of its charges, what it says, and the residual."""
    from flows import invoices

    if context.invoked_subcommand is not None:
        return
    with desk_of() as desk:
        viewed(desk, "invoices", source=source)
        found = [line.to_data() for line in invoices.lines(desk, source)]
    if as_json:
        document({"invoices": found})
    else:
        show_invoices(found)


@app.command()
def add(
    invoice: Invoice,
    *,
    source: Source,
    amount: Annotated[str, typer.Option("--amount", help="What is to be paid, such as 123.45.")],
    currency: Currency,
    as_json: Json = False,
) -> None:
    """Tell what an invoice says; it stands against what a file says of it."""
    from bot import main
    from bot.cli import person
    from flows import invoices
    from spend.errors import SettingsWrong
    from storage.sources.invoices import amount_of

    if (says := amount_of(amount)) is None:
        raise SettingsWrong(f"{amount!r} is no amount; write it as 123.45.")
    with desk_of() as desk:
        line = invoices.tell(
            desk, invoice, source=source, amount=says, currency=currency, actor=person(), now=main.now()
        )
    if as_json:
        document(line.to_data())
    else:
        show_invoices([line.to_data()])


@app.command()
def remove(invoice: Invoice, *, source: Source, currency: Currency) -> None:
    """Take back what was told of an invoice."""
    from bot import main
    from bot.cli import person
    from flows import invoices

    with desk_of() as desk:
        invoices.remove(desk, invoice, source=source, currency=currency, actor=person(), now=main.now())
    typer.echo(f"What was told of {invoice} is taken back.")
