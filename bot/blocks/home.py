"""What one person sees at a glance: the App Home, and the answers of `/bursar`."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from actions.plan import Plan
from bot.blocks import kit, say, standing
from bot.blocks import plan as card
from bot.blocks.dispute import title
from bot.blocks.kit import Block
from flows.org import Org
from flows.overview import Overview, Spend, TeamLook
from spend.estimate import Accuracy
from storage import tables

SHOWN = 8
HELP = (
    "`/bursar spend` what your teams spend · `/bursar findings` what is open · "
    "`/bursar approvals` what waits for you · "
    "`/bursar standing` what runs without asking · `/bursar keeps` what you keep · "
    "`/bursar why ID` who did what to it · `/bursar kill-switch on REASON` stop every run · "
    "`/bursar help` this line"
)


def page(seen: Overview, org: Org, now: datetime) -> Block:
    """The App Home of one person."""
    blocks = [
        *[kit.header("What your teams spend"), *spend(seen)],
        *[kit.header("Waiting for your approval"), *approvals(seen)],
        *[kit.header("Open findings"), *findings(seen, org)],
        *_disputes(seen, org),
        *([kit.header("What you keep"), *say.held(seen.keeps)] if seen.keeps else []),
        *[kit.header("Standing approvals"), *standing.listed(seen.standing, org, asks=seen.asks)],
        {"type": "divider"},
        kit.context(HELP),
        kit.context(f"As of {kit.moment(now)}"),
    ]
    return {"type": "home", "blocks": blocks}


def answer(word: str, seen: Overview, org: Org) -> tuple[str, list[Block]]:
    """The answer to `/bursar WORD`; a word that it does not know is answered with help."""
    match word:
        case "spend":
            head, blocks = "What your teams spend", spend(seen)
        case "findings":
            head, blocks = "Open findings", findings(seen, org)
        case "approvals":
            head, blocks = "Waiting for your approval", approvals(seen)
        case "keeps":
            head, blocks = "What you keep", say.held(seen.keeps)
        case "standing":
            head, blocks = "Standing approvals", standing.listed(seen.standing, org, asks=seen.asks)
        case _:
            return "What Bursar answers", [kit.section(HELP)]
    return head, [kit.section(f"*{head}*"), *blocks]


def spend(seen: Overview) -> list[Block]:
    """Each team's month so far and its last seven days."""
    if not seen.teams:
        return [kit.section("You own no team. Whoever keeps `bursar.yaml` can add you as an owner.")]
    return [kit.section(_team(look)) for look in seen.teams[:SHOWN]]


def _team(look: TeamLook) -> str:
    name = f"*{kit.name(look.team.title)}*"
    if not look.spend or look.complete_through is None:
        return f"{name}: no charges yet."
    lines = [f"{name} · complete through {kit.day(look.complete_through)}"]
    return "\n".join([*lines, *(f"• {_spend(one)}" for one in look.spend), *_since(look)])


def _since(look: TeamLook) -> Iterator[str]:
    """One line on the days that the bill has not told: an estimate, and called so."""
    told = look.since
    if told is None or look.complete_through is None or not (sums := told.totals(look.team.name)):
        return
    (made, due), within = told.looks, {one.currency: one for one in told.accuracy}
    gaps = f" with {made} of {due} hourly looks" if made < due else ""
    about = " + ".join(
        f"{kit.amount(amount, currency)}{_within(within.get(currency))}" for currency, amount in sums.items()
    )
    yield (
        f"• Since {kit.day(look.complete_through)}: about {about}, an estimate from what is running{gaps}; "
        "the bill has not told yet"
    )


def _within(known: Accuracy | None) -> str:
    return f" (lately within {known.within} %)" if known else ""


def _spend(one: Spend) -> str:
    month = kit.amount(one.month_to_date, one.currency)
    week = kit.amount(one.last_week, one.currency)
    moved = kit.change(one.last_week - one.week_before, one.currency)
    share = kit.percent(one.last_week - one.week_before, one.week_before)
    return f"*{month}* this month so far; {week} in the last 7 days ({moved}{f', {share}' if share else ''})"


def findings(seen: Overview, org: Org) -> list[Block]:
    """What is open, the costliest first, each with its buttons on its notice."""
    if not seen.findings:
        return [kit.section("Nothing is open.")]
    ordered = sorted(seen.findings, key=lambda row: -row.amount)
    rows = [f"• {_finding(row, org)}" for row in ordered[:SHOWN]]
    return [kit.section("\n".join([*rows, *_more(ordered)]))]


def _finding(row: tables.Finding, org: Org) -> str:
    team = f" · {kit.name(title(org, row.team))}" if row.team else " · no team"
    looked = f" · {kit.person(row.answered_by)} is looking into it" if row.state == "investigating" else ""
    much = kit.amount(row.amount, row.currency)
    return f"*{kit.name(row.title, 80)}*: {much}, since {kit.day(row.since)}{team}{looked}"


def approvals(seen: Overview) -> list[Block]:
    """What this person may approve, each with its buttons."""
    if not seen.waiting:
        return [kit.section("Nothing waits for you.")]
    blocks = [block for plan in seen.waiting[:SHOWN] for block in _waiting(plan)]
    return [*blocks, *([kit.context(line)] if (line := "".join(_more(seen.waiting))) else [])]


def _waiting(plan: Plan) -> list[Block]:
    saves = kit.amounts((currency, value) for currency, value in plan.saving.items() if value)
    parts = [
        f"*{kit.name(plan.title, 100)}* · {kit.count(len(plan.targets), 'target')}",
        *([f"saves about {saves} a month"] if saves and not plan.undo_of else []),
        f"answer by {kit.moment(plan.approve_by)}",
    ]
    names = kit.listed([kit.name(target.name or target.id, 40) for target in plan.targets[:3]])
    few = f"\n{names}{' …' if len(plan.targets) > 3 else ''}"  # noqa: PLR2004 - three are named
    return [kit.section(" · ".join(parts) + few), *kit.actions(card.decide(plan))]


def _disputes(seen: Overview, org: Org) -> list[Block]:
    if not seen.disputes:
        return []
    rows = [
        f"• {kit.name(title(org, row.team))} disputes {kit.amount(row.effective, row.currency)}, "
        f"opened by {kit.person(row.opened_by)}"
        for row in seen.disputes[:SHOWN]
    ]
    return [kit.header("Open disputes"), kit.section("\n".join([*rows, *_more(seen.disputes)]))]


def _more(things: Sequence[object]) -> list[str]:
    return [f"… and {more} more"] if (more := len(things) - SHOWN) > 0 else []
