"""Modals of a decision: why, and for a deletion in production what is at stake and who really asks."""

from actions.approval import phrase
from actions.plan import Plan, Tier
from bot.blocks import kit
from bot.blocks.kit import Block
from bot.blocks.modals import ANSWER, LONGEST_REASON, REASON
from bot.blocks.plan import UNDO, pointer

TYPED, CODE = "typed", "code"
_KEPT = "Kept in the audit log and shown on the card."


def approve(plan: Plan) -> Block:
    """Ask for what a yes to this plan takes from its tier on: a reason, a phrase, a code."""
    undo = UNDO[plan.grade].format(hours=plan.undo_hours)
    what = f"*{kit.prose(plan.title, 150)}*: {kit.count(len(plan.targets), 'target')}. It {undo}."
    blocks = [
        kit.section(f"{what}\nAsked for by {kit.person(plan.requested_by)}: {kit.prose(plan.reason, 300)}"),
        kit.field(REASON, "Why is it right?", _box(LONGEST_REASON, many=True), hint=_KEPT),
    ]
    if plan.tier is Tier.T3:
        again = "It cannot be taken back in full; this makes sure that it is meant."
        code = "Six digits, good once. Slack alone cannot approve this."
        blocks += [
            kit.field(TYPED, f"Type: {phrase(plan)}", _box(40), hint=again),
            kit.field(CODE, "The code of your authenticator", _box(10), hint=code),
        ]
    return kit.modal(
        "Approve this plan", blocks, callback="approve.submit", submit="Approve", about=pointer(plan)
    )


def deny(plan: Plan) -> Block:
    """Ask why a plan is denied; the answer is kept with the vote."""
    box, optional = _box(LONGEST_REASON, many=True), plan.tier < Tier.T2
    blocks = [
        kit.section("The plan ends here; nothing is changed."),
        kit.field(REASON, "Why not?", box, optional=optional, hint=_KEPT),
    ]
    return kit.modal("Deny this plan", blocks, callback="deny.submit", submit="Deny", about=pointer(plan))


def _box(longest: int, *, many: bool = False) -> Block:
    box: Block = {"type": "plain_text_input", "action_id": ANSWER, "max_length": longest}
    return {**box, "multiline": True} if many else box
