"""The card of a plan: what would be done to what, who may say yes, and how the run goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from actions.approval import BURSAR, able
from actions.base import Grade, Target
from actions.blast import Load
from actions.plan import UNDOABLE, Plan, PlanState, Tier
from actions.planning import undo_until
from actions.step import Step
from bot.blocks import kit, progress, say
from bot.blocks.kit import Block
from flows import cards
from flows.org import Org
from spend import money
from spend.errors import Refused
from storage import tables

SHOWN_TARGETS = cards.MOST_TARGETS
SHOWN_STRUCK = 3
#: 365 days in 12 months: what a month's cost is per day.
DAYS_A_MONTH = Decimal(365) / Decimal(12)

UNDO = {
    Grade.A: "can be undone in full for {hours} h",
    Grade.B: "can be undone for {hours} h, slowly or under a new id",
    Grade.C: "only the data can be brought back, for {hours} h",
    Grade.D: "cannot be undone",
}
_TIER = {
    Tier.T0: "reads only",
    Tier.T1: "reversible",
    Tier.T2: "deletes, or much money",
    Tier.T3: "deletes in production",
}


@dataclass(frozen=True, slots=True)
class Card:
    """Everything that the card of a plan is drawn from.

    Attributes:
        undone: whether an undo of this run stands or waits.
        next_wave_at: until when the run pauses.
        not_before: when it may begin at the earliest, because owners were warned.
        warned: what each team was told, and its answer.
        keeps: what owners keep of it.
        waits_for: why it does not begin though it is approved, or go on though it runs, in words.
        used: what other plans have taken of today.
    """

    plan: Plan
    org: Org
    now: datetime
    votes: Sequence[tables.Vote] = ()
    steps: Sequence[Step] = ()
    ended_at: datetime | None = None
    outcome: str | None = None
    undone: bool = False
    not_before: datetime | None = None
    next_wave_at: datetime | None = None
    warned: Sequence[tables.Warned] = ()
    keeps: Sequence[tables.Keep] = ()
    waits_for: str | None = None
    used: Load | None = None

    @property
    def approvals(self) -> list[str]:
        """Who said yes, in order."""
        return [vote.person for vote in self.votes if vote.decision == "approve"]

    @property
    def undo_until(self) -> datetime | None:
        """Until when the run can be taken back, or None where it cannot."""
        changed = any(step.changed for step in self.steps)
        if self.plan.undo_of or self.plan.grade is Grade.D or self.plan.state not in UNDOABLE or not changed:
            return None
        if self.ended_at is None or self.undone:
            return None
        until = min(self.ended_at + timedelta(hours=self.plan.undo_hours), undo_until(self.plan))
        return until if self.now < until else None


def draw(card: Card) -> tuple[str, list[Block]]:
    """The push text and the blocks of the card, in the state the plan has now."""
    plan = card.plan
    body = [_results(card)] if card.steps else [_targets(card)]
    blocks = [
        kit.header(plan.title),
        kit.section("\n".join(_status(card))),
        *body,
        *_struck(card),
        *say.on_card(plan, card.org, card.warned, card.keeps, card.not_before),
        *_consent(card),
        *kit.actions([*buttons(card), *([say.override_button(plan)] if card.keeps else [])]),
        kit.context(_small_print(card)),
    ]
    return push(card), blocks


def push(card: Card) -> str:
    """What a notification says."""
    many = kit.count(len(card.plan.targets), "target")
    return f"{kit.clip(card.plan.title, 60)} ({many}): {_word(card)}"


def _word(card: Card) -> str:
    if card.plan.state is PlanState.PENDING:
        return "needs approval"
    return card.plan.state.value


def _status(card: Card) -> list[str]:
    missing = card.plan.quorum - len(card.approvals)
    said = f" {kit.prose(card.outcome, 300)}" if card.outcome else ""
    match card.plan.state:
        case PlanState.PENDING:
            first = f"*Needs {kit.count(missing, 'approval')}.* {kit.prose(card.plan.reason, 300)}"
        case PlanState.APPROVED:
            first = f"*Approved* by {_by(card)}. {_start(card)}"
        case PlanState.RUNNING:
            first = _running(card)
        case PlanState.SUCCEEDED:
            first = f"*Done.* {tally(card)}{said}"
        case PlanState.PARTIAL:
            first = f"*Partly done.* {tally(card)}{said}"
        case PlanState.FAILED:
            first = f"*Stopped after a failure; nothing further was called.* {tally(card)}{said}"
        case PlanState.HALTED:
            first = f"*Halted; nothing further was called.* {tally(card)}{said}"
        case _:
            first = _never_ran(card)
    return [first, *_money(card), *_room(card)]


def _room(card: Card) -> list[str]:
    """How much of today's room a plan takes, while people decide on it; an undo takes none."""
    plan, used, caps = card.plan, card.used, card.org.caps
    if used is None or plan.state is not PlanState.PENDING or plan.undo_of:
        return []
    try:
        wanted = caps.load(plan.targets)
        no = caps.against(wanted, used, plan.fleets)
    except Refused as refusal:
        return [f"*Cannot be approved:* {kit.prose(str(refusal), 300)}"]
    if no:
        return [f"*No room today:* {kit.prose(no, 300)}."]
    left = max(money.ZERO, money.minus(caps.amount_per_day, used.amount))
    targets = f"{wanted.targets} of the {caps.targets_per_day - used.targets} targets"
    amounts = f"{kit.amount(wanted.amount, caps.currency)} of the {kit.amount(left, caps.currency)} a month"
    return [f"Takes {targets} and {amounts} that may still be touched today."]


def _start(card: Card) -> str:
    if card.waits_for:
        return f"It waits: {kit.prose(card.waits_for, 300)}."
    waits = card.not_before is not None and card.now < card.not_before
    return "It waits for its owners' answers." if waits else "It starts in a moment."


def _by(card: Card) -> str:
    """Who agreed: people, to this plan, or ahead to all that are like it."""
    ahead = card.plan.standing
    if card.plan.undo_of and not card.approvals:
        return "the approval of the run that it takes back"
    return f"the standing approval {kit.escape(ahead)}" if ahead else kit.people(card.approvals)


def _never_ran(card: Card) -> str:
    denied = [vote for vote in card.votes if vote.decision == "deny"]
    who = kit.person(denied[-1].person) if denied else "an approver"
    reason = f": {kit.prose(card.outcome, 300)}" if card.outcome else ""
    return {
        PlanState.DENIED: f"*Denied* by {who}{reason}. Nothing was changed.",
        PlanState.EXPIRED: f"*Expired*{reason}. Nothing was changed; the next sweep proposes a fresh plan.",
        PlanState.CANCELLED: "*Cancelled.* Nothing was changed.",
        PlanState.STALE: f"*Out of date*{reason}. Nothing was changed.",
    }[card.plan.state]


def _running(card: Card) -> str:
    found = progress.outcomes(card.plan, card.steps)
    ended = sum(one.ended for one in found)
    now, waves = progress.wave(found)
    canary = ", the canary" if now == 1 < waves else ""
    done = f"{progress.bar(ended, len(found))} {ended} of {len(found)}"
    until = card.next_wave_at
    on = f" · goes on {kit.moment(until)}" if until and card.now < until else ""
    return f"*Running.* {done} · wave {now} of {waves}{canary}{_held(card) or on}"


def _held(card: Card) -> str:
    if not card.waits_for:
        return ""
    until = kit.moment(card.plan.execute_by)
    return f"\n*Held:* {kit.prose(card.waits_for, 300)}. It goes on once that is over, or ends at {until}."


def tally(card: Card) -> str:
    """How many targets ended how."""
    found = progress.outcomes(card.plan, card.steps)
    words = dict.fromkeys(progress.WORDS[one.state] for one in found)
    counted = [(sum(progress.WORDS[one.state] == word for one in found), word) for word in words]
    return kit.listed([f"{number} {word}" for number, word in counted]) + "." if counted else ""


def _money(card: Card) -> list[str]:
    known = [(currency, saving) for currency, saving in card.plan.saving.items() if saving]
    if not known:
        return []
    monthly = kit.amounts(known)
    if card.plan.undo_of:
        return [f"Costs about *{monthly} a month* again."]
    if card.plan.state is PlanState.APPROVED:
        return [f"Saves about *{monthly} a month*."]
    if card.plan.state is not PlanState.PENDING:
        return [f"Saves about *{kit.amounts(saved)} a month*."] if (saved := _saved(card)) else []
    daily = kit.amounts((currency, saving / DAYS_A_MONTH) for currency, saving in known)
    return [f"Saves about *{monthly} a month*. Every day of waiting costs {daily}."]


def _saved(card: Card) -> list[tuple[str, Decimal]]:
    """What the targets that were changed cost per month."""
    changed = {step.target for step in card.steps if step.changed}
    costs: dict[str, Decimal] = {}
    for one in card.plan.targets:
        if one.id in changed and one.monthly_cost:
            costs[one.currency] = money.total((costs.get(one.currency, money.ZERO), one.monthly_cost))
    return sorted(costs.items())


def _targets(card: Card) -> Block:
    plan = card.plan
    many = kit.count(len(plan.targets), "target")
    if plan.state not in {PlanState.PENDING, PlanState.APPROVED}:
        return kit.context(f"It was about {many}: {_named(plan.targets)}.")
    alike = {target.why for target in plan.targets}
    same = alike.pop() if len(alike) == 1 else ""
    lines = [_target(target, card.org, why=not same) for target in plan.targets[:SHOWN_TARGETS]]
    if (more := len(plan.targets) - SHOWN_TARGETS) > 0:
        lines.append(f"… and {more} more, in the thread")
    head = f"*{many}:* {kit.name(same, 120)}" if same else f"*{many}*"
    return kit.section("\n".join([head, *lines]))


def _named(targets: Sequence[Target]) -> str:
    names = [kit.name(target.name or target.id, 40) for target in targets[:SHOWN_STRUCK]]
    more = [f"{len(targets) - SHOWN_STRUCK} more"] if len(targets) > SHOWN_STRUCK else []
    return kit.listed([*names, *more])


def _target(target: Target, org: Org, *, why: bool) -> str:
    parts = [f"*{kit.name(target.name or target.id, 40)}*"]
    if target.name and target.name != target.id:
        parts.append(kit.name(target.id, 36))
    parts.append(account(org, target.account))
    if target.monthly_cost is not None:
        parts.append(f"{kit.amount(target.monthly_cost, target.currency)} a month")
    reason = f"\n    {kit.name(target.why, 90)}" if why and target.why else ""
    return f"• {' · '.join(parts)}{reason}"


def account(org: Org, key: str) -> str:
    """What people call an account."""
    known = org.accounts.get(key)
    return kit.name(known.name if known else key, 24)


def _results(card: Card) -> Block:
    """Each target with its mark; what went wrong first, so that the card names it."""
    found = progress.outcomes(card.plan, card.steps)
    ordered = sorted(found, key=lambda one: not one.wrong)
    lines = [result(one) for one in ordered[:SHOWN_TARGETS]]
    if (more := len(ordered) - SHOWN_TARGETS) > 0:
        lines.append(f"… and {more} more, in the thread")
    return kit.section("\n".join(lines))


def result(one: progress.Outcome) -> str:
    """One line of a result: the mark, the name, what happened and why."""
    why = f": {kit.reason(one.why, 140)}" if one.why else ""
    return f"{progress.MARKS[one.state]} *{kit.name(one.name, 40)}* {progress.WORDS[one.state]}{why}"


def _struck(card: Card) -> list[Block]:
    struck = card.plan.struck
    if not struck or card.plan.state is not PlanState.PENDING:
        return []
    few = [f"{kit.name(one.name or one.target, 40)} ({kit.reason(one.reason, 90)})" for one in struck]
    more = [f"{len(struck) - SHOWN_STRUCK} more"] if len(struck) > SHOWN_STRUCK else []
    listed = kit.listed([*few[:SHOWN_STRUCK], *more])
    return [kit.context(f"*Left out: {len(struck)}.* {listed}")]


def _consent(card: Card) -> list[Block]:
    """Who may decide, who did, until when, and how well it can be taken back."""
    plan, hours = card.plan, card.plan.undo_hours
    undo = UNDO[plan.grade].format(hours=hours)
    lines = [] if plan.undo_of else [f"*Undo:* {undo}"]
    if plan.state is PlanState.PENDING:
        lines += [
            f"*May approve:* {kit.people(able(plan))}{_besides(plan)}",
            f"*Approved:* {len(card.approvals)} of {plan.quorum}{_so_far(card)}",
            f"*Answer by:* {kit.moment(plan.approve_by)}",
        ]
    elif plan.state in UNDOABLE or plan.state is PlanState.RUNNING:
        lines = [f"*Approved* by {_by(card)}"]
        if until := card.undo_until:
            lines.append(f"*Undo* until {kit.moment(until)}: {undo}")
        if card.undone:
            lines.append("The undo has a card of its own in the thread.")
    elif plan.state is not PlanState.APPROVED:
        lines = []
    return [kit.section("\n".join(lines))] if lines else []


def _besides(plan: Plan) -> str:
    """What else a deletion in production takes."""
    return ", of different teams, each with a code of their authenticator" if plan.tier is Tier.T3 else ""


def _so_far(card: Card) -> str:
    return f" ({kit.people(card.approvals)})" if card.approvals else ""


def pointer(plan: Plan) -> str:
    """What a button carries: the plan, and the start of the hash that its card shows."""
    return f"{plan.id}:{plan.hash[:16]}"


def buttons(card: Card) -> list[Block]:
    """What can be pressed in this state."""
    plan = card.plan
    if plan.state is PlanState.PENDING:
        mine = plan.requested_by != BURSAR
        return [*decide(plan), *([kit.button("Cancel", "approval.cancel", pointer(plan))] if mine else [])]
    if plan.state is PlanState.APPROVED:
        return [kit.button("Cancel", "approval.cancel", pointer(plan))]
    if card.undo_until:
        ask = kit.confirm(
            "Undo this run?", "What it changed is put back as it was, as far as nobody touched it.", "Undo"
        )
        return [kit.button("Undo", "approval.undo", pointer(plan), style="danger", confirm=ask)]
    return []


def decide(plan: Plan) -> list[Block]:
    """Approve and Deny; what deletes or costs much asks for more, in a modal."""
    return [
        kit.button("Approve", "approval.approve", pointer(plan), style="primary"),
        kit.button("Deny", "approval.deny", pointer(plan), style="danger"),
    ]


def _small_print(card: Card) -> str:
    plan = card.plan
    asked = "undo of an earlier run" if plan.undo_of else f"asked for by {kit.person(plan.requested_by)}"
    tier = f"tier {int(plan.tier)}: {_TIER[plan.tier]}"
    return f"{asked} · {tier} · runbook {kit.name(plan.runbook)} · {kit.escape(plan.id)}"
