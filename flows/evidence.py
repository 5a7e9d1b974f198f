"""What stands behind a charge: its lines, the rule that gave it to a team, its ledger entries."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from flows import allocating, cards, claims, disputes
from flows.desk import Desk
from spend import money
from spend.digest import Digest, Move
from spend.errors import BursarError, Refused
from spend.ledger import Entry
from storage import allocated, ledger, records, tables

#: Lines shown in a modal and in a thread; the selection itself is complete.
MOST_LINES = 20
#: What makes a charge part of a ledger entry.
PLACE = ("day", "billing_account_id", "sub_account_id", "service_name", "charge_category", "charge_class")


@dataclass(frozen=True, slots=True)
class _Books:
    """What the ledger and the bills say of a team's week at one moment."""

    standing: list[Entry]
    snapshots: list[tables.Snapshot]


def of_move(desk: Desk, digest: Digest, currency: str, move: Move) -> dict[str, Any]:
    """The frozen selection of a disputed charge: lines, totals, rule, and its part of each ledger entry.

    Raises:
        Refused: nothing in the ledger stands behind it any more.
    """
    with desk.store.reading() as session:
        # One look, so that the frozen selection names the very snapshots it was taken from.
        books = _Books(
            ledger.standing(session, team=digest.team, period=digest.week),
            records.counted_snapshots(session, desk.org.counts),
        )
    if move.pool is not None:
        parts, lines, rule = _pool_share(books.standing, currency, move)
    elif move.service is None and move.resource is None and move.meter is None:
        raise Refused("This line sums up corrections; dispute the charges behind it instead.")
    else:
        parts, lines, rule = _direct(desk, digest, currency, move, books)
    if not parts:
        raise Refused("This charge is not this team's any more: it was claimed, ruled on or restated.")
    effective = money.total(part[0] for part in parts.values())
    billed = money.total(part[1] for part in parts.values())
    return {
        "name": move.name,
        "week": [digest.week.start.isoformat(), digest.week.end.isoformat()],
        "service": move.service,
        "resource": move.resource or move.meter,
        "rule": rule,
        "currency": currency,
        "effective": money.plain(effective),
        "billed": money.plain(billed),
        "snapshots": [row.id for row in books.snapshots],
        "lines": lines,
        "entries": {
            key: {"effective": money.plain(used), "billed": money.plain(owed)}
            for key, (used, owed) in sorted(parts.items())
        },
    }


Parts = dict[str, tuple[Decimal, Decimal]]


def _pool_share(standing: list[Entry], currency: str, move: Move) -> tuple[Parts, list[dict[str, Any]], str]:
    mine = [
        entry
        for entry in standing
        if (entry.currency, entry.service, entry.method) == (currency, move.service, f"pool:{move.pool}")
    ]
    lines = [{"resource": entry.day.isoformat(), "amount": money.plain(entry.effective)} for entry in mine]
    rule = f"{move.pool}, split by the teams' direct cost"
    return {entry.id: (entry.effective, entry.billed) for entry in mine}, lines[:MOST_LINES], rule


def _direct(
    desk: Desk, digest: Digest, currency: str, move: Move, books: _Books
) -> tuple[Parts, list[dict[str, Any]], str]:
    where = {"service_name": move.service or "", "resource_id": move.resource or ""}
    if move.resource is None:
        where["sku_meter"] = move.meter or ""
    rows = allocating.charges(
        desk,
        books.snapshots,
        by=(*PLACE, "resource_name", "resource_id", "sku_meter"),
        period=digest.week,
        team=digest.team,
        where=where,
    )
    rows = [row for row in rows if row.currency == currency]
    sums: dict[tuple[Any, ...], list[allocated.Charged]] = defaultdict(list)
    for row in rows:
        sums[(*row.key[: len(PLACE)], row.rule)].append(row)
    parts: Parts = {}
    for entry in books.standing:
        place = (
            entry.day,
            entry.billing_account,
            entry.account,
            entry.service,
            entry.category,
            entry.charge_class,
            entry.rule,
        )
        if entry.currency == currency and entry.method == "direct" and (here := sums.get(place)):
            parts[entry.id] = (
                money.total(row.effective for row in here),
                money.total(row.billed for row in here),
            )
    return parts, _lines(rows), ", ".join(sorted({row.rule for row in rows}))


def _lines(rows: list[allocated.Charged]) -> list[dict[str, Any]]:
    """The lines by account, thing and usage type, dearest first."""
    sums: dict[tuple[Any, ...], list[Decimal]] = defaultdict(list)
    for row in rows:
        _, _, account, _, category, _, name, resource, meter = row.key
        sums[account, name or resource or meter, meter, category].append(row.effective)
    totals = {key: money.total(amounts) for key, amounts in sums.items()}
    dearest = sorted(totals, key=lambda key: (-abs(totals[key]), str(key)))
    return [
        {
            "account": account,
            "resource": what,
            "usage_type": meter,
            "category": category,
            "amount": money.plain(totals[account, what, meter, category]),
        }
        for account, what, meter, category in dearest[:MOST_LINES]
    ]


def of_claim(desk: Desk, digest: str, item: int) -> dict[str, Any]:
    """What a claim would take: the charge itself, and what else the wide rule would take with it."""
    shown, charge = claims.unowned(desk, digest, item)
    with desk.store.reading() as session:
        snapshots = records.counted_snapshots(session, desk.org.counts)
    rows = allocating.charges(
        desk,
        snapshots,
        by=("resource_id", "resource_name", "sku_meter"),
        period=shown.week,
        unowned=True,
        where={"sub_account_id": charge.account or "", "service_name": charge.service or ""},
    )
    mine = [row for row in rows if row.key[0] == charge.resource and row.currency == charge.currency]
    others: dict[str, list[Decimal]] = defaultdict(list)
    for row in rows:
        if row.key[0] != charge.resource and row.currency == charge.currency:
            others[row.key[1] or row.key[0] or row.key[2] or "no resource"].append(row.effective)
    return {
        "account": desk.org.account_name(charge.account),
        "service": charge.service,
        "resource": charge.name or charge.resource,
        # What names no resource cannot be told apart by one: the claim takes the whole service there.
        "apart": charge.resource is not None,
        "amount": money.plain(charge.amount),
        "currency": charge.currency,
        "lines": _usage_lines(mine),
        "also": [
            {"resource": name, "amount": money.plain(money.cents(money.total(amounts)))}
            for name, amounts in sorted(others.items(), key=lambda other: -money.total(other[1]))
        ][:MOST_LINES],
    }


def _usage_lines(rows: list[allocated.Charged]) -> list[dict[str, str]]:
    return [
        {"resource": row.key[2] or row.key[1] or "usage", "amount": money.plain(money.cents(row.effective))}
        for row in sorted(rows, key=lambda row: -abs(row.effective))[:MOST_LINES]
    ]


def fill_claim(desk: Desk, args: dict[str, Any], now: datetime) -> None:
    """Fill the open modal of somebody who pressed Claim."""
    try:
        found = {**of_claim(desk, args["digest"], args["item"]), "error": None}
    except BursarError as error:
        found = {"error": str(error)}
    _fill(desk, "claim_view", args, found, now)


def fill_dispute(desk: Desk, args: dict[str, Any], now: datetime) -> None:
    """Fill the open modal of somebody who pressed Dispute."""
    row, currency, move = disputes.charged(desk, args["digest"], args["item"])
    try:
        found = {**of_move(desk, Digest.from_data(row.figures), currency, move), "error": None}
        found.pop("entries")
        found["rule"] = desk.org.rule_in_words(found["rule"])
    except BursarError as error:
        found = {"error": str(error)}
    teams = [team.name for team in desk.org.teams.values() if team.name != row.team]
    _fill(desk, "dispute_view", args, {**found, "teams": teams}, now)


def _fill(desk: Desk, template: str, args: dict[str, Any], found: dict[str, Any], now: datetime) -> None:
    pointer = {"digest": args["digest"], "item": args["item"]}
    with desk.store.writing(now) as unit:
        if found["error"] is None:
            unit.record(
                "report.view",
                actor=args["actor"],
                subject=args["digest"],
                after={"view": template, "item": args["item"]},
            )
        unit.send(
            "view",
            template,
            args["view"],
            surface=args["view"],
            person=args["actor"],
            args={**pointer, **found},
        )


def open_dispute(desk: Desk, key: str, args: dict[str, Any], now: datetime) -> tables.Dispute | None:
    """Freeze the lines of a disputed charge and open its finance thread; a no goes to the opener alone."""
    row, currency, move = disputes.charged(desk, args["digest"], args["item"])
    try:
        found = of_move(desk, Digest.from_data(row.figures), currency, move)
        return disputes.freeze(desk, key, digest=row, evidence=found, opened=args, now=now)
    except Refused as refusal:
        with desk.store.writing(now) as unit:
            cards.whisper(unit, desk.org.team(row.team).channel, args["actor"], str(refusal))
        return None
