"""The notice of a finding: what, how much above expected, since when, why, and what people said of it."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from bot.blocks import kit
from bot.blocks.kit import Block
from flows.org import Org
from spend import money
from spend.finding import LIVE, FindingState, Kind
from storage import tables

SHOWN_LINES = 5
SHOWN_RESOURCES = 8

_SAID = {
    FindingState.INVESTIGATING: "{who} is looking into it.",
    FindingState.EXPECTED: "{who} says that this is expected. Closed.",
    FindingState.NOT_MINE: "{who} says that this is not theirs. Finance was asked whose it is.",
    FindingState.RESOLVED: "Settled: nothing is left to do here.",
}


def notice(finding: tables.Finding, org: Org) -> tuple[str, list[Block]]:
    """The push text and the blocks of the notice, in the state the finding has now."""
    details: Mapping[str, Any] = finding.details
    blocks = [
        kit.header(finding.title),
        kit.section("\n".join(_figures(finding, details, org))),
        *_explained(finding, details),
        *_resources(finding, details),
        *_said(finding, details),
        *kit.actions(_buttons(finding, details)),
    ]
    return push(finding), blocks


def push(finding: tables.Finding) -> str:
    """What a notification says."""
    much = kit.amount(finding.amount, finding.currency, whole=True)
    tail = f"{much} above expected" if finding.kind == Kind.ANOMALY else f"{much} a month"
    return f"{kit.clip(finding.title, 70)}: {tail}"


def _figures(finding: tables.Finding, details: Mapping[str, Any], org: Org) -> list[str]:
    much = kit.amount(finding.amount, finding.currency)
    if finding.kind == Kind.ANOMALY:
        lines = [f"*{much} above expected*{_share(finding, details)}, {_span(finding, details)}."]
        if details.get("actual") is not None and details.get("expected") is not None:
            actual = kit.amount(Decimal(details["actual"]), finding.currency)
            usual = kit.amount(Decimal(details["expected"]), finding.currency)
            lines.append(f"It cost {actual}; usual would have been {usual}.")
    else:
        lines = [f"*{much} a month* could be saved. Seen since {kit.day(finding.since)}."]
    return [*lines, _place(finding, details, org)]


def _share(finding: tables.Finding, details: Mapping[str, Any]) -> str:
    base = details.get("expected")
    share = kit.percent(finding.amount, Decimal(base)) if base is not None else None
    return f" (+{share})" if share else ""


def _span(finding: tables.Finding, details: Mapping[str, Any]) -> str:
    until = date.fromisoformat(details["until"]) if details.get("until") else finding.since
    return f"since {kit.day(finding.since)}, counted through {kit.day(until)}"


def _place(finding: tables.Finding, details: Mapping[str, Any], org: Org) -> str:
    team = org.teams.get(finding.team or "")
    parts = [kit.name(details["service"])] if details.get("service") else []
    if key := details.get("account"):
        account = org.accounts.get(key)
        parts.append(f"account {kit.name(account.name if account else key)}")
    parts.append(f"team {kit.name(team.title)}" if team else "no team owns it yet")
    return " · ".join(parts)


def _explained(finding: tables.Finding, details: Mapping[str, Any]) -> list[Block]:
    """The lines that explain the excess; with the rest they add up to it, to the cent."""
    lines: Sequence[Mapping[str, Any]] = details.get("lines") or ()
    if not lines:
        return []
    shown = [(_where(line["where"]), money.cents(Decimal(line["delta"]))) for line in lines[:SHOWN_LINES]]
    rest = money.cents(finding.amount) - money.total(delta for _, delta in shown)
    if rest:
        shown.append(("everything else", rest))
    rows = [f"• {where}: *{kit.change(delta, finding.currency)}*" for where, delta in shown]
    return [kit.section("\n".join(["What explains it:", *rows]))]


def _where(where: Mapping[str, Any]) -> str:
    return " · ".join(kit.name(value) for value in where.values() if value) or "not named on the bill"


def _resources(finding: tables.Finding, details: Mapping[str, Any]) -> list[Block]:
    things: Sequence[Mapping[str, Any]] = details.get("resources") or ()
    if not things or finding.kind == Kind.ANOMALY:
        return []
    rows = []
    for thing in things[:SHOWN_RESOURCES]:
        cost = thing.get("monthly_cost")
        price = f" · {kit.amount(Decimal(cost), finding.currency)} a month" if cost is not None else ""
        why = f"\n    {kit.name(thing['why'], 100)}" if thing.get("why") else ""
        rows.append(f"• *{kit.name(thing.get('name') or thing['id'])}*{price}{why}")
    if (more := len(things) - SHOWN_RESOURCES) > 0:
        rows.append(f"… and {more} more")
    return [kit.section("\n".join(rows))]


def _said(finding: tables.Finding, details: Mapping[str, Any]) -> list[Block]:
    lines = []
    if said := _SAID.get(FindingState(finding.state)):
        lines.append(said.format(who=kit.person(finding.answered_by)))
    if details.get("plan"):
        lines.append("A remediation is proposed; its approvers decide it on its card.")
    return [kit.context("\n".join(lines))] if lines else []


def _buttons(finding: tables.Finding, details: Mapping[str, Any]) -> list[Block]:
    state = FindingState(finding.state)
    if state not in LIVE:
        return []
    buttons = [kit.button("Expected", "finding.expected", finding.id)]
    if state is FindingState.OPEN:
        buttons.append(kit.button("Investigating", "finding.investigating", finding.id))
    buttons.append(kit.button("Not mine", "finding.not_mine", finding.id))
    if not details.get("plan"):
        buttons.append(kit.button("Act", "finding.act", finding.id, style="primary"))
    return buttons
