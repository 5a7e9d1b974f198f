"""`bursar import | costs | digest | detect | sweep`: the bill in, and what it says."""

import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.output import Json, document, rounded, table
from flows.desk import Desk
from storage.sources.dialects import DIALECTS

Csv = Annotated[bool, typer.Option("--csv", help="Print CSV and nothing else.")]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="ID|MOMENT", help="As a digest, a snapshot or a moment (UTC) had it."),
]
#: Problems shown to a person; `--json` has all of them.
MOST_PROBLEMS = 10
#: What a person reads of a delivery that was refused.
KEPT = "It is kept aside: `bursar deliveries show {0}` has all, `bursar deliveries retry {0}` tries again."


@contextmanager
def desk_of(*, clouds: bool = False) -> Iterator[Desk]:
    """The desk of one command."""
    from bot import main
    from bot.settings import load

    desk = main.open_desk(load(), clouds=clouds)
    try:
        yield desk
    finally:
        desk.store.close()


def bring_in(
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH|SOURCE …",
            help="Files, folders or addresses (s3://…) of one delivery, or the name of a source.",
        ),
    ],
    source: Annotated[str | None, typer.Option("--source", help="The stream of bills it belongs to.")] = None,
    dialect: Annotated[
        str | None, typer.Option("--as", metavar="FORMAT", help=f"{', '.join(DIALECTS)}; recognised without.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option("--currency", help="That of a bill that names none.")
    ] = None,
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place even of what looks like a later delivery.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read a delivery of bills; exit 3 if it is refused, and then what was there before stays."""
    from bot import main
    from bot.cli import person
    from flows import ingestion
    from storage.snapshots import DeliveryRefused

    with desk_of() as desk, bar(show=not as_json) as progress:
        try:
            told = {"forced": replace, "actor": person(), "now": main.now(), "progress": progress}
            said = {"--source": source, "--as": dialect, "--currency": currency}
            if name := _named(desk, places, [option for option, value in said.items() if value]):
                report = ingestion.bring_in_source(desk, name, **told)
            else:
                report = ingestion.bring_in(
                    desk, places, dialect=dialect, currency=currency, source=source, **told
                )
        except DeliveryRefused as refusal:
            if as_json:
                document(refusal.report.to_data())
            elif refusal.report.quarantined:
                typer.echo(KEPT.format(refusal.report.delivery), err=True)
            raise
    show_report(report.to_data(), as_json=as_json)


def _named(desk: Desk, places: Sequence[str], options: Sequence[str]) -> str | None:
    """The source of the settings that is meant; a file of that name is written as ./NAME.

    Raises:
        NotFound: one word that is neither a source nor a file.
        SettingsWrong: it is not alone, or something is said of it that its settings say.
    """
    from spend.errors import SettingsWrong

    known = desk.org.sources
    name = next((one for one in places if one in known), places[0])
    if name not in known:
        word = not (set(name) & set("./:")) and not Path(name).exists()
        return desk.org.source(name).name if word and known else None
    if len(places) > 1:
        raise SettingsWrong(f"{name} is a source, and sources are imported one by one; name it alone.")
    if options:
        raise SettingsWrong(f"{options[0]} is not for a source; set it for {name} in bursar.yaml.")
    return name


def show_report(told: dict[str, Any], *, as_json: bool) -> None:
    """Print what an import did."""
    if as_json:
        document(told)
        return
    rows = [
        (
            one["source"],
            one["billing_account"],
            one["billing_period"],
            one["state"],
            one["rows"],
            ", ".join(f"{each['currency']} {each['effective_cost']}" for each in one["totals"]),
        )
        for one in told["snapshots"]
    ]
    columns = ("source", "billing account", "billing period", "state", "rows", "EffectiveCost")
    if rows:
        table("What was read", columns, rows)
    if all(one["state"] == "unchanged" for one in told["snapshots"]):
        typer.echo("Nothing new: all of it is known.")
    show_problems(told["problems"], err=True)


def show_problems(problems: Sequence[dict[str, Any]], *, err: bool = False) -> None:
    """Print the first problems of a delivery with their places."""
    for one in problems[:MOST_PROBLEMS]:
        place = ":".join(str(part) for part in (one["file"], one["line"], one["column"]) if part is not None)
        typer.echo(f"{one['grade']}: {place}: {one['message']}", err=err)
    if len(problems) > MOST_PROBLEMS:
        typer.echo(f"… and {len(problems) - MOST_PROBLEMS} more; --json lists them all.", err=err)


def costs(
    by: Annotated[str, typer.Option("--by", help="Dimensions, separated by commas.")] = "",
    where: Annotated[list[str] | None, typer.Option("--where", metavar="DIMENSION=VALUE")] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="DAY", help="First day, UTC.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="DAY", help="First day not counted.")] = None,
    as_of: AsOf = None,
    *,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """What it cost, exactly, by any dimensions; always apart by currency."""
    from flows import spending

    dimensions = [name.strip() for name in by.split(",") if name.strip()]
    with desk_of() as desk:
        viewed(desk, "costs", by=dimensions, where=where or [], start=start, end=end, as_of=as_of)
        found = spending.costs(
            desk, by=dimensions, where=_where(where or []), start=day(start), end=day(end), as_of=as_of
        ).to_data()
    if as_json:
        document(found)
        return
    columns = [
        *dimensions,
        "currency",
        "billed_cost",
        "effective_cost",
        "list_cost",
        "contracted_cost",
        "charges",
    ]
    rows = [[row[column] for column in columns] for row in found["rows"]]
    if as_csv:
        write_csv(columns, rows)
        return
    money = columns[-5:-1]
    shown = [
        [rounded(row[column]) if column in money else row[column] for column in columns]
        for row in found["rows"]
    ]
    then = f" as of {as_of}" if as_of else ""
    table(f"Costs{then}, complete through {found['complete_through'] or 'no day yet'}", columns, shown)
    if len(set(found["complete_through_by_source"].values())) > 1:
        for source, last in found["complete_through_by_source"].items():
            typer.echo(f"{source} is complete through {last}.")
    for source in found["left_out"]:
        typer.echo(f"Not counted: {source}, whose money other bills hold; --where source={source} shows it.")


def viewed(desk: Desk, report: str, **what: Any) -> None:
    """That somebody reads amounts of money is an entry of the audit log, written before they do."""
    from bot import main
    from bot.cli import person
    from flows import auditing

    auditing.viewed(desk, actor=person(), subject=report, what=what, now=main.now())


def digest(
    team: Annotated[
        str | None, typer.Argument(help="The team; without it, everything that was billed.")
    ] = None,
    week: Annotated[
        str | None, typer.Option("--week", metavar="DAY", help="A day of the week meant.")
    ] = None,
    as_of: AsOf = None,
    *,
    post: Annotated[bool, typer.Option("--post", help="Post it in the team's channel, once.")] = False,
    as_json: Json = False,
) -> None:
    """Print a team's weekly digest as it is now or as it was sent, or post it."""
    from bot import main
    from bot.cli.digest_text import lines
    from flows import digests
    from spend.errors import SettingsWrong
    from spend.period import week_of

    meant = day(week)
    span = week_of(meant) if meant else None
    with desk_of() as desk:
        now = main.now()
        if post:
            if team is None:
                raise SettingsWrong("Name the team whose digest is to be posted.")
            posted = digests.publish(desk, team, span or digests.last_week(now.date()), now)
            typer.echo("It will be posted." if posted else "This week's digest was posted before.")
            return
        viewed(desk, "digest", team=team, week=week, as_of=as_of)
        if as_of:
            found: Any = digests.sent(desk, as_of, team=team, week=span)
        else:
            found = digests.build(desk, team, span, now)
    if as_json:
        document(found.to_data())
        return
    for line in lines(found):
        typer.echo(line)


def detect(*, as_json: Json = False) -> None:
    """Look for spend that is not as expected; new findings are told to their owners."""
    from bot import main
    from flows import anomalies

    with desk_of() as desk:
        viewed(desk, "detect")
        found = anomalies.look(desk, main.now())
    _findings(found, as_json=as_json)


def sweep(*, as_json: Json = False) -> None:
    """Look through the accounts for idle and orphaned things, and propose plans."""
    from bot import main
    from flows import sweeps

    with desk_of(clouds=True) as desk:
        plans = sweeps.sweep(desk, main.now())
    if as_json:
        document([plan.content() for plan in plans])
        return
    rows = [(plan.id, plan.title, len(plan.targets), plan.tier.name, plan.quorum) for plan in plans]
    table("Proposed plans", ("id", "what", "targets", "tier", "approvals needed"), rows)


def _findings(found: Sequence[Any], *, as_json: bool) -> None:
    if as_json:
        document([row.model_dump() for row in found])
        return
    rows = [(row.team, row.title, row.since, f"{row.amount} {row.currency}") for row in found]
    table("New findings", ("team", "what", "since", "above expected"), rows)


@contextmanager
def bar(*, show: bool) -> Iterator[Any]:
    """A progress bar in bytes, on a terminal only; scripts read stdout alone."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, disable=not (show and console.is_terminal)) as bar:
        task = bar.add_task("reading", total=None)

        def progress(done: int, whole: int, what: str) -> None:
            bar.update(task, completed=done, total=whole, description=what)

        yield progress


def _where(pairs: Sequence[str]) -> dict[str, str]:
    from spend.errors import SettingsWrong

    wanted = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise SettingsWrong(f"--where takes DIMENSION=VALUE, not {pair!r}.")
        wanted[name.strip()] = value
    return wanted


def day(text: str | None) -> date | None:
    from spend.errors import SettingsWrong

    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise SettingsWrong(f"{text!r} is no day; write it as 2026-05-31.") from None


def write_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table that a spreadsheet opens as it is."""
    writer = csv.writer(sys.stdout)
    writer.writerow(columns)
    # A cell that a spreadsheet would take for a formula is quoted (OWASP ASVS 1.2.10).
    writer.writerows([[harmless(cell) for cell in row] for row in rows])


def harmless(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; a number stays one."""
    from decimal import Decimal, InvalidOperation

    if not isinstance(cell, str) or not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\0")):
        return cell
    try:
        Decimal(cell)
    except InvalidOperation:
        return f"'{cell}"
    return cell
