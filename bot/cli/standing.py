"""`bursar standing`: what runs without asking, asking for it, and ending it."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.money import desk_of
from bot.cli.output import Json, document, table

if TYPE_CHECKING:
    from flows.automatic import View

app = typer.Typer(help="What runs without asking: list, ask for, or revoke it.", add_completion=False)
Some = list[str]


@app.command("list")
def list_all(*, as_json: Json = False) -> None:
    """The standing approvals that wait or are in force, and what today has taken of each."""
    from bot import main
    from flows import automatic

    with desk_of() as desk:
        found = automatic.views(desk, main.now())
    if as_json:
        document([_document(shown) for shown in found])
        return
    columns = ("id", "runbook", "state", "window", "a day at most", "today", "until (UTC)")
    table("Standing approvals", columns, [_row(shown) for shown in found])


def _document(shown: "View") -> dict[str, Any]:
    one = shown.one
    about = {"state": one.state, "hash": one.hash, "approvals": shown.approvals}
    return {**one.content(), **about, "suspended": shown.suspended, "used_today": shown.used}


def _row(shown: "View") -> tuple[str, ...]:
    one, used = shown.one, shown.used
    return (
        one.id,
        one.runbook,
        f"suspended: {shown.suspended}" if shown.suspended else one.state,
        str(one.window),
        f"{one.bounds.targets} targets, {one.bounds.amount} {one.bounds.currency}",
        f"{used.targets} targets, {used.amount} {one.bounds.currency}",
        f"{one.until:%Y-%m-%d %H:%M}",
    )


@app.command()
def request(
    runbook: Annotated[str, typer.Argument(metavar="RUNBOOK")],
    *,
    window: Annotated[str, typer.Option(help="Such as: mon-fri 09:00-17:00 Europe/Berlin.")],
    targets: Annotated[int, typer.Option(help="Targets a day at most.")],
    amount: Annotated[str, typer.Option(help="What a day's targets cost a month at most: 200 USD.")],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Its last day.")],
    reason: Annotated[str, typer.Option(help="Why nobody need be asked; its approvers read it.")],
    environment: Annotated[Some, typer.Option(help="Only what is tagged with it; may be repeated.")] = [],  # noqa: B006 - typer copies it
    account: Annotated[Some, typer.Option(help="Only in this account; may be repeated.")] = [],  # noqa: B006 - typer copies it
    tag: Annotated[Some, typer.Option(help="Only with this KEY or KEY=VALUE; may be repeated.")] = [],  # noqa: B006 - typer copies it
    team: Annotated[str | None, typer.Option(help="Only what this team owns.")] = None,
) -> None:
    """Ask for a standing approval; two approvers of the runbook have to agree to it in Slack."""
    from actions.standing import Selector
    from bot import main
    from bot.cli import person
    from flows import standing

    wish = standing.Wish(
        runbook=runbook,
        window=window,
        targets=targets,
        amount=amount,
        until=until.date(),
        reason=reason,
        selector=Selector(tuple(account), tuple(environment), team, tuple(tag)),
    )
    with desk_of() as desk:
        made = standing.request(desk, wish, actor=person(), now=main.now())
    typer.echo(f"{made.id} waits for two of {', '.join(made.approvers)}.")


@app.command()
def revoke(key: Annotated[str, typer.Argument(metavar="STANDING")]) -> None:
    """End one at once."""
    from bot import main
    from bot.cli import person
    from flows import standing

    with desk_of() as desk:
        done = standing.revoke(desk, key, actor=person(), now=main.now())
    typer.echo(f"{done.id} is {done.state}.")
