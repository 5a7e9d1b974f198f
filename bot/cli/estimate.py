"""`bursar estimate`: what was spent since the bill ends, as far as what runs tells it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from bot.cli.money import desk_of
from bot.cli.output import Json, document, rounded, table
from flows.desk import Desk
from spend import canonical
from spend.estimate import Accuracy

AN_ESTIMATE = "An estimate from what runs and what it cost lately; no bill, and no part of any other figure."


def told(
    *,
    look: Annotated[
        bool, typer.Option("--look", help="Look at what runs in this hour first, as the hourly job does.")
    ] = False,
    reconciled: Annotated[
        bool, typer.Option("--reconciled", help="The days of which the bill has told since, with the error.")
    ] = False,
    as_json: Json = False,
) -> None:
    """What was spent since the bill's last complete day: an estimate, with the hours that nobody looked."""
    from bot import main
    from bot.cli import person
    from flows import auditing, estimating

    now = main.now()
    with desk_of(clouds=look) as desk:
        if look:
            estimating.look(desk, now)
        what = {"reconciled": reconciled}
        auditing.viewed(desk, actor=person(), subject="estimate", what=what, now=now)
        found = _reckoned(desk, now) if reconciled else _since(desk, now)
    if as_json:
        document(found)
    elif reconciled:
        _show_reckoned(found)
    else:
        _show_since(found)


def _since(desk: Desk, now: datetime) -> Mapping[str, Any]:
    from flows import estimating

    found = estimating.since_bill(desk, now)
    data: Mapping[str, Any] = canonical.data(
        {
            "estimate": True,
            "complete_through": found.complete_through,
            "rows": found.days,
            "coverage": found.coverage,
            "totals": [{"currency": each, "amount": amount} for each, amount in found.totals().items()],
            "accuracy": found.accuracy,
        }
    )
    return data


def _reckoned(desk: Desk, now: datetime) -> Mapping[str, Any]:
    from flows import estimating
    from spend.estimate import accuracy

    found = estimating.reckoned(desk, now)
    rows = [{**canonical.data(one), "error_percent": canonical.data(one.error)} for one in found]
    return {"estimate": True, "rows": rows, "accuracy": canonical.data(accuracy(found))}


def _show_since(found: Mapping[str, Any]) -> None:
    if not found["coverage"]:
        typer.echo("Nothing was looked at since the bill ends; schedule the job `estimate`, or add --look.")
        return
    hours = {(one["day"], one["account"]): one for one in found["coverage"]}
    rows = [
        (
            one["day"],
            one["account"],
            one["team"],
            rounded(one["amount"]),
            one["currency"],
            _looked(hours, one),
        )
        for one in found["rows"]
    ]
    columns = ("day", "account", "team", "estimate", "currency", "hours looked at")
    table(f"Estimate since {found['complete_through'] or 'the first look'}", columns, rows)
    for one in found["totals"]:
        typer.echo(f"In all about {rounded(one['amount'])} {one['currency']}.")
    typer.echo(AN_ESTIMATE)
    for one in found["coverage"]:
        if one["hours"] < one["of_hours"]:
            typer.echo(f"{one['day']} {one['account']}: {_looked(hours, one)}; the rest is not filled in.")
    for line in _unpriced(found["coverage"]):
        typer.echo(line)
    _show_accuracy(found["accuracy"])


def _looked(hours: Mapping[tuple[str, str], Mapping[str, Any]], one: Mapping[str, Any]) -> str:
    here = hours[one["day"], one["account"]]
    return f"{here['hours']} of {here['of_hours']}"


def _unpriced(coverage: Iterable[Mapping[str, Any]]) -> list[str]:
    most: dict[tuple[str, str], int] = {}
    for one in coverage:
        for sort, count in one["unpriced"].items():
            most[one["account"], sort] = max(count, most.get((one["account"], sort), 0))
    return [
        f"Without a price, so not in it: {count} {sort} in {account}."
        for (account, sort), count in sorted(most.items())
    ]


def _show_reckoned(found: Mapping[str, Any]) -> None:
    if not found["rows"]:
        typer.echo("The bill has told of no day that was estimated.")
        return
    rows = [
        (
            one["day"],
            one["account"],
            rounded(one["estimated"]),
            rounded(one["billed"]),
            one["currency"],
            f"{one['hours']} of 24",
            one["error_percent"],
        )
        for one in found["rows"]
    ]
    columns = ("day", "account", "estimate", "billed", "currency", "hours looked at", "error in %")
    table("Estimates, and what the bill said of the same things (EffectiveCost)", columns, rows)
    _show_accuracy(found["accuracy"])


def _show_accuracy(found: Iterable[Mapping[str, Any]]) -> None:
    for one in found:
        known = Accuracy(**one)
        days = "the last day" if known.days == 1 else f"each of the last {known.days} days"
        typer.echo(
            f"{known.currency}: {days} that was looked at whole came within {known.within} % of its bill."
        )
