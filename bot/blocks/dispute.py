"""The finance thread of a dispute: who disputes what and why, the evidence, and the ruling."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from bot.blocks import kit
from bot.blocks.kit import Block
from flows.org import Org
from spend import money
from spend.dispute import DisputeState
from spend.money import plain
from storage import tables

SHOWN_LINES = 10


def first(row: tables.Dispute, org: Org) -> tuple[str, list[Block]]:
    """The first message of the thread, in the state the dispute has now."""
    what = _what(row)
    much = kit.amount(row.effective, row.currency)
    head = f"{kit.person(row.opened_by)} disputes *{much}* of *{kit.name(title(org, row.team))}*: {what}"
    blocks = [
        kit.header("A charge is disputed"),
        kit.section(f"{head}\n>{kit.prose(row.reason)}"),
        kit.section("\n".join(_evidence(row, org))),
        kit.section("\n".join(_lines(row))),
    ]
    if _number(row):
        blocks.append(kit.section(_restated(row)))
    if said := ruled(row, org):
        blocks.append(kit.section(f"*Settled.* {said}"))
    blocks += kit.actions(_buttons(row))
    blocks.append(kit.context(f"{_basis(row)} · {kit.escape(row.id)}"))
    return f"{kit.clip(title(org, row.team), 30)} disputes {much}", blocks


def title(org: Org, team: str | None) -> str:
    """What people call a team; "nobody" for charges without one."""
    if team is None:
        return "nobody"
    return org.teams[team].title if team in org.teams else team


def ruled(row: tables.Dispute, org: Org) -> str | None:
    """What became of the dispute, in one sentence of mrkdwn, or None while it is open."""
    who, much = kit.person(row.ruled_by), kit.amount(_at_stake(row), row.currency)
    ruling: Mapping[str, Any] = row.ruling or {}
    team, to = kit.name(title(org, row.team)), kit.name(title(org, ruling.get("to") or row.proposed_team))
    match DisputeState(row.state):
        case DisputeState.UPHELD:
            return f"{who} upheld it: {much} moves from {team} to {to}."
        case DisputeState.REJECTED:
            return f"{who} rejected it: {much} stays with {team}."
        case DisputeState.SPLIT:
            return f"{who} split it: {_percent(ruling)} of {much} moves from {team} to {to}."
        case DisputeState.WITHDRAWN:
            return f"{who} withdrew it: {much} stays with {team}."
        case _:
            return None


def told(row: tables.Dispute, org: Org) -> str:
    """What the thread and both teams are told of the ruling."""
    said = ruled(row, org) or "It is open."
    return f"The dispute of {kit.name(title(org, row.team))} over {_what(row)} is settled. {said}"


def push(row: tables.Dispute, org: Org) -> str:
    """The ruling for a push notification."""
    much = kit.amount(_at_stake(row), row.currency)
    return f"{kit.clip(title(org, row.team), 40)}'s dispute of {much} is {DisputeState(row.state)}"


def restated(row: tables.Dispute, args: Mapping[str, Any]) -> str:
    """What the thread is told where the bill was restated while the dispute waits."""
    parts = [
        f"{basis}: {kit.amount(old, row.currency)} → *{kit.amount(new, row.currency)}*"
        for key, basis in (("effective", "EffectiveCost"), ("billed", "BilledCost"))
        for old, new in [(Decimal(args["old"][key]), Decimal(args["new"][key]))]
        if old != new
    ]
    return (
        f"The bill was restated, and with it this charge. {'; '.join(parts)}. A ruling moves what it is now."
    )


def _at_stake(row: tables.Dispute) -> Decimal:
    """What a ruling moves: the charge as it is now."""
    return Decimal(row.selection["now"]["effective"]) if "now" in row.selection else row.effective


def _number(row: tables.Dispute) -> int:
    """How often the amount has changed since the dispute was opened."""
    return int(row.selection.get("now", {}).get("number", 0))


def _restated(row: tables.Dispute) -> str:
    much = kit.amount(_at_stake(row), row.currency)
    return f"*The bill was restated since:* this charge is {much} now, and that is what a ruling moves."


def _percent(ruling: Mapping[str, Any]) -> str:
    share = ruling.get("share")
    return f"{plain(Decimal(str(share)))} %" if share is not None else "a part"


def _what(row: tables.Dispute) -> str:
    if told := row.selection.get("name"):
        return kit.name(told, 80)
    parts = [kit.name(row.selection[key]) for key in ("service", "resource") if row.selection.get(key)]
    return " · ".join(parts) or "a charge"


def _evidence(row: tables.Dispute, org: Org) -> list[str]:
    lines = [f"*Charged by the rule:* {kit.name(org.rule_in_words(row.rule), 80)}"]
    if account := row.selection.get("account"):
        known = org.accounts.get(account)
        lines.append(f"*Account:* {kit.name(known.name if known else account)}")
    wanted = f"belongs to {kit.name(title(org, row.proposed_team))}" if row.proposed_team else "is not theirs"
    lines.append(f"*They say that it* {wanted}.")
    return lines


def _lines(row: tables.Dispute) -> list[str]:
    """The charges, largest first; with the rest they add up to the amount, to the cent."""
    lines: Sequence[Mapping[str, Any]] = row.selection.get("lines") or ()
    ordered = sorted(lines, key=lambda line: -abs(Decimal(line["amount"])))
    shown = [(line, money.cents(Decimal(line["amount"]))) for line in ordered[:SHOWN_LINES]]
    rest = money.minus(money.cents(row.effective), money.total(value for _, value in shown))
    rows = [f"• {kit.line(line)}: {kit.amount(value, row.currency)}" for line, value in shown]
    if rest or len(ordered) > len(shown):
        rows.append(f"• everything else: {kit.amount(rest, row.currency)}")
    return ["*The charges, the largest first:*", *rows]


def _basis(row: tables.Dispute) -> str:
    billed = kit.amount(row.billed, row.currency)
    return f"EffectiveCost (amortised); the invoice says {billed} (BilledCost)"


def _buttons(row: tables.Dispute) -> list[Block]:
    if DisputeState(row.state) is not DisputeState.OPEN:
        return []
    to = "the proposed team" if row.proposed_team else "no team"
    about = f"{row.id}:{number}" if (number := _number(row)) else row.id
    sure = kit.confirm("Uphold the dispute?", f"The whole amount moves to {to}.", "Uphold")
    return [
        kit.button("Uphold", "dispute.uphold", about, style="primary", confirm=sure),
        kit.button("Reject", "dispute.reject", about),
        kit.button("Split", "dispute.split", about),
        kit.button("Withdraw", "dispute.withdraw", about),
    ]
