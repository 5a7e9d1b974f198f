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
#: Problems shown to a person; `--json` has all of them.
MOST_PROBLEMS = 10


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
            help="Files, folders or addresses of one delivery, or the name of a source.",
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
    as_json: Json = False,
) -> None:
    """Read a delivery of bills; exit 3 if it is refused, and then what was there before stays."""
    from bot import main
    from bot.cli import person
    from flows import ingestion
    from storage.snapshots import DeliveryRefused

    with desk_of() as desk, _bar(show=not as_json) as progress:
        try:
            told = {"actor": person(), "now": main.now(), "progress": progress}
            if len(places) == 1 and places[0] in desk.org.sources and not Path(places[0]).exists():
                report = ingestion.bring_in_source(desk, places[0], **told)
            else:
                report = ingestion.bring_in(
                    desk, places, dialect=dialect, currency=currency, source=source, **told
                )
        except DeliveryRefused as refusal:
            if as_json:
                document(refusal.report.to_data())
            raise
    if as_json:
        document(report.to_data())
        return
    told = report.to_data()
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
    table("What was read", columns, rows)
    problems = told["problems"]
    for one in problems[:MOST_PROBLEMS]:
        place = ":".join(str(part) for part in (one["file"], one["line"]) if part is not None)
        typer.echo(f"{one['grade']}: {place} {one['column'] or ''}: {one['message']}", err=True)
    if len(problems) > MOST_PROBLEMS:
        typer.echo(f"… and {len(problems) - MOST_PROBLEMS} more; --json lists them all.", err=True)


def costs(
    by: Annotated[str, typer.Option("--by", help="Dimensions, separated by commas.")] = "",
    where: Annotated[list[str] | None, typer.Option("--where", metavar="DIMENSION=VALUE")] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="DAY", help="First day, UTC.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="DAY", help="First day not counted.")] = None,
    *,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """What it cost, exactly, by any dimensions; always apart by currency."""
    from flows import spending

    dimensions = [name.strip() for name in by.split(",") if name.strip()]
    with desk_of() as desk:
        _viewed(desk, "costs", by=dimensions, where=where or [], start=start, end=end)
        found = spending.costs(
            desk, by=dimensions, where=_where(where or []), start=_day(start), end=_day(end)
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
        _write_csv(columns, rows)
        return
    money = columns[-5:-1]
    shown = [
        [rounded(row[column]) if column in money else row[column] for column in columns]
        for row in found["rows"]
    ]
    table(f"Costs, complete through {found['complete_through'] or 'no day yet'}", columns, shown)


def _viewed(desk: Desk, report: str, **what: Any) -> None:
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
    *,
    post: Annotated[bool, typer.Option("--post", help="Post it in the team's channel, once.")] = False,
    as_json: Json = False,
) -> None:
    """Print a team's weekly digest, or post it."""
    from bot import main
    from bot.cli.digest_text import lines
    from flows import digests
    from spend.errors import SettingsWrong
    from spend.period import week_of

    day = _day(week)
    span = week_of(day) if day else None
    with desk_of() as desk:
        now = main.now()
        if post:
            if team is None:
                raise SettingsWrong("Name the team whose digest is to be posted.")
            posted = digests.publish(desk, team, span or digests.last_week(now.date()), now)
            typer.echo("It will be posted." if posted else "This week's digest was posted before.")
            return
        _viewed(desk, "digest", team=team, week=week)
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
        _viewed(desk, "detect")
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
def _bar(*, show: bool) -> Iterator[Any]:
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


def _day(text: str | None) -> date | None:
    from spend.errors import SettingsWrong

    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise SettingsWrong(f"{text!r} is no day; write it as 2026-05-31.") from None


def _write_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
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
