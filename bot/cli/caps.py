"""`bursar caps`: what may still be touched today, and which plan has taken how much."""

from typing import Any

import typer

from bot.cli.money import desk_of
from bot.cli.output import Json, document, rounded, table


def caps(*, as_json: Json = False) -> None:
    """Today's ledger of what plans may touch: taken, left, and by which plan."""
    from bot import main
    from spend import canonical
    from storage import blast

    with desk_of() as desk, desk.store.reading() as session:
        most, now = desk.org.caps, main.now()
        rows = blast.of_day(session, most.day(now))
    used = blast.total(rows)
    told: dict[str, Any] = canonical.data(
        {
            "day": most.day(now),
            "zone": most.zone,
            "caps": most,
            "used": used,
            "plans": [
                {
                    "plan": row.plan,
                    "state": row.state,
                    "standing": row.standing,
                    "targets": row.targets,
                    "amount": row.amount,
                    "currency": row.currency,
                    "fleets": row.fleets,
                }
                for row in rows
            ],
        }
    )
    if as_json:
        document(told)
        return
    typer.echo(
        f"{most.day(now)} ({most.zone}): {used.targets} of {most.targets_per_day} targets, "
        f"{rounded(str(used.amount))} of {rounded(str(most.amount_per_day))} {most.currency} a month, "
        f"at most {most.percent_of_fleet} % of a fleet; {most.frees(now)}."
    )
    shown = [
        (one["plan"], one["state"], one["targets"], rounded(one["amount"]), _fleets(one))
        for one in told["plans"]
    ]
    table("Taken today", ("plan", "state", "targets", most.currency, "fleets"), shown)


def _fleets(one: dict[str, Any]) -> str:
    return ", ".join(f"{many} of {fleet}" for fleet, many in sorted(one["fleets"].items()))
