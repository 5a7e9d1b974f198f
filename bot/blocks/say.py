"""What owners are told before a stop or a delete, what they may answer, and what they keep."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from actions import planning
from actions.base import Target
from actions.plan import Plan, PlanState
from actions.say import LEAST_REASON, LONGEST, WarningState
from bot.blocks import kit
from bot.blocks.kit import Block
from bot.blocks.modals import ANSWER, LONGEST_REASON, REASON
from flows.org import Org
from flows.say import ALL
from spend import money
from storage import plans, tables
from storage.say import UNOWNED

SHOWN = 8
WHICH, UNTIL, KEEP = "which", "until", "keep"
#: What the day's choice begins with.
USUAL = timedelta(days=14)

W = WarningState
_SAID = {
    W.FINE: "{who} says: fine.",
    W.KEPT: "{who} keeps what is named below.",
    W.NOT_MINE: "{who} says that this is not theirs. Finance was asked whose it is.",
}
_BECAME = {
    PlanState.PENDING: "It waits for approval.",
    PlanState.APPROVED: "*It is approved.*",
    PlanState.RUNNING: "*It runs now.*",
}


@dataclass(frozen=True, slots=True)
class Told:
    """Everything that a warning is drawn from.

    Attributes:
        not_before: when the plan may begin at the earliest; None where it need not wait.
        keeps: what is kept of the things that it names.
    """

    row: tables.Warned
    plan: Plan
    org: Org
    not_before: datetime | None = None
    keeps: Sequence[tables.Keep] = ()

    @property
    def targets(self) -> list[Target]:
        """The plan's targets that this team was told of."""
        return [target for target in self.plan.targets if target.id in self.row.targets]

    @property
    def live(self) -> bool:
        """Whether an answer still counts."""
        return self.plan.state in plans.LIVE


def draw(told: Told) -> tuple[str, list[Block]]:
    """The push text and the blocks of a warning, as the plan and the answers stand now."""
    row = told.row
    said = _SAID.get(W(row.state), "").format(who=kit.person(row.answered_by))
    blocks = [
        kit.header(told.plan.title),
        kit.section("\n".join([_head(told), _money(told)])),
        kit.section("\n".join(_listed(told.targets, told.org))),
        *([kit.context(said)] if said else []),
        *_kept(told.keeps),
        *kit.actions(_buttons(told)),
        kit.context(f"asked for by {kit.person(told.plan.requested_by)} · {kit.escape(told.plan.id)}"),
    ]
    many = kit.count(len(told.targets), "thing")
    return f"{kit.clip(told.plan.title, 80)}: {many} of {_whose(told)}", blocks


def _whose(told: Told) -> str:
    return "yours" if told.row.team != UNOWNED else "nobody's"


def _head(told: Told) -> str:
    if not told.live:
        return f"This plan is {told.plan.state.value}. Nothing is asked of you any more."
    many = kit.count(len(told.targets), "thing")
    of = f"*{many} of yours*" if told.row.team != UNOWNED else f"*{many} that nobody owns*"
    if told.not_before is not None:
        when = f"not before {kit.moment(told.not_before)}, and only if it is approved"
    else:
        when = "as soon as it is approved"
    now = _BECAME[told.plan.state]
    return f"It {planning.interrupts(told.plan)} {of}, {when}. {now} {kit.prose(told.plan.reason, 300)}"


def _money(told: Told) -> str:
    costs: dict[str, Decimal] = {}
    for target in told.targets:
        if target.monthly_cost:
            costs[target.currency] = costs.get(target.currency, money.ZERO) + target.monthly_cost
    if not costs:
        return "What it saves is not known."
    return f"It saves about *{kit.amounts(sorted(costs.items()))} a month*."


def _listed(targets: Sequence[Target], org: Org) -> list[str]:
    lines = [f"• {' · '.join(_parts(target, org))}" for target in targets[:SHOWN]]
    return [*lines, *([f"… and {more} more"] if (more := len(targets) - SHOWN) > 0 else [])]


def _parts(target: Target, org: Org) -> list[str]:
    parts = [f"*{kit.name(target.name or target.id, 40)}*"]
    if target.name and target.name != target.id:
        parts.append(kit.name(target.id, 36))
    parts.append(kit.name(org.account_name(target.account), 24))
    if target.monthly_cost is not None:
        parts.append(f"{kit.amount(target.monthly_cost, target.currency)} a month")
    return parts


def _kept(keeps: Sequence[tables.Keep]) -> list[Block]:
    if not keeps:
        return []
    lines = [f"• {line(keep)}" for keep in keeps[:SHOWN]]
    if (more := len(keeps) - SHOWN) > 0:
        lines.append(f"… and {more} more")
    return [kit.section("\n".join(["*Kept by owners, so left alone:*", *lines]))]


def line(keep: tables.Keep) -> str:
    """One Keep: what, by whom, until when and why."""
    return (
        f"*{kit.name(keep.name, 40)}* by {kit.person(keep.said_by)} "
        f"until {kit.moment(keep.until)}: {kit.prose(keep.reason, 120)}"
    )


def _buttons(told: Told) -> list[Block]:
    if not told.live:
        return []
    key, state = told.row.id, W(told.row.state)
    buttons = [kit.button("Keep until…", "keep.ask", key)]
    if state is W.OPEN:
        buttons.append(kit.button("Fine", "warning.fine", key))
        if told.row.team != UNOWNED:
            buttons.append(kit.button("Not mine", "warning.not_mine", key))
    return buttons


def on_card(
    plan: Plan,
    org: Org,
    warned: Sequence[tables.Warned],
    keeps: Sequence[tables.Keep],
    not_before: datetime | None,
) -> list[Block]:
    """What a plan's card says of its owners: who was warned, what they answered, and what they keep."""
    if plan.state not in plans.LIVE:
        return []
    answers = kit.listed([_answer(row, org) for row in warned])
    told = f"*Owners warned:* {answers}" if answers else ""
    if not_before is not None and plan.state is not PlanState.RUNNING:
        told += f"\n*Begins* not before {kit.moment(not_before)}"
    return [*([kit.section(told)] if told else []), *_kept(keeps)]


def _answer(row: tables.Warned, org: Org) -> str:
    team = kit.name(org.teams[row.team].title if row.team in org.teams else "finance, for nobody")
    said = row.state.replace("_", " ")
    who = f", {kit.person(row.answered_by)}" if row.answered_by else ""
    return f"{team} ({'no answer' if row.state in {W.OPEN, W.PASSED} else said}{who})"


def ask_keep(key: str, things: Sequence[tuple[str, str]], now: datetime, zone: str) -> Block:
    """Ask what is needed, until which day, and what for."""
    today = now.astimezone(ZoneInfo(zone)).date()
    calendar = {"type": "datepicker", "action_id": ANSWER, "initial_date": str(today + USUAL)}
    blocks = [
        kit.section("Until then no plan touches it, unless a second approver overrides you with a reason."),
        *_which(things),
        kit.field(UNTIL, "Keep it through", calendar, hint=f"At the latest {kit.day(today + LONGEST)}."),
        kit.field(REASON, "What do you need it for?", _box(), hint="Approvers read it."),
    ]
    return kit.modal("Keep it", blocks, callback="keep.submit", submit="Keep", about=key)


def _which(things: Sequence[tuple[str, str]]) -> list[Block]:
    """The choice of one thing or all; there is none where only one is named."""
    everything = kit.option(f"All {len(things)} of them", ALL)
    each = [kit.option(f"{name} ({key})", str(place)) for place, (key, name) in enumerate(things)]
    options = [everything, *each] if len(things) > 1 else each
    chooser = {
        "type": "static_select",
        "action_id": ANSWER,
        "options": options[:100],
        "initial_option": options[0],
    }
    return [kit.field(WHICH, "Which?", chooser)]


def _box() -> Block:
    return {
        "type": "plain_text_input",
        "action_id": ANSWER,
        "multiline": True,
        "max_length": LONGEST_REASON,
    }


def override_button(plan: Plan) -> Block:
    """On the card of a plan of which something is kept."""
    return kit.button("Override a Keep…", "override.ask", plan.id)


def ask_override(plan: str, keeps: Sequence[tables.Keep]) -> Block:
    """Ask a second approver which Keep to override, and why."""
    options = [kit.option(f"{keep.name}: {keep.reason}", keep.id) for keep in keeps[:100]]
    chooser = {"type": "static_select", "action_id": ANSWER, "options": options, "initial_option": options[0]}
    blocks = [
        kit.section("\n".join(f"• {line(keep)}" for keep in keeps[:SHOWN])),
        kit.field(KEEP, "Which Keep?", chooser),
        kit.field(
            REASON,
            "Why may it not be kept?",
            _box(),
            hint=f"At least {LEAST_REASON} characters; the owner reads it.",
        ),
    ]
    return kit.modal("Override a Keep", blocks, callback="override.submit", submit="Override", about=plan)


def held(keeps: Sequence[tables.Keep]) -> list[Block]:
    """What a person keeps, each with a way to release it."""
    if not keeps:
        return [kit.section("You keep nothing.")]
    rows = [
        kit.section(f"• {line(keep)}", kit.button("Release", "keep.release", keep.id))
        for keep in keeps[:SHOWN]
    ]
    return [*rows, *([kit.context(f"… and {more} more")] if (more := len(keeps) - SHOWN) > 0 else [])]
