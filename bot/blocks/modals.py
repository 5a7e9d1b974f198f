"""Modals: the skeleton that opens at once, and what a worker fills it with."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from bot.blocks import kit
from bot.blocks.kit import Block
from flows.org import Org
from spend import money

SHOWN_LINES = 8
LONGEST_REASON = 500
#: Block ids: where a submission is read from and where a refusal of it is shown.
REASON, TEAM, WIDTH, SHARE, CHARGE, ANSWER = "reason", "team", "width", "share", "charge", "answer"


def skeleton(title: str) -> Block:
    """What opens before anything was looked up: a trigger lives three seconds only."""
    return kit.modal(title, [kit.section("One moment… the charges are being looked up.")])


def failed(title: str, sentence: str) -> Block:
    """The same modal where the look-up ended in a no."""
    return kit.modal(title, [kit.section(kit.prose(sentence))])


def split(key: str) -> Block:
    """Ask for the part that goes to the proposed team."""
    box = {
        "type": "number_input",
        "action_id": ANSWER,
        "is_decimal_allowed": True,
        "min_value": "0.01",
        "max_value": "99.99",
        "initial_value": "50",
    }
    blocks = [kit.field(SHARE, "Percent that goes to the proposed team", box)]
    return kit.modal("Split the charge", blocks, callback="split.submit", submit="Split", about=key)


def pick(digest: str, charges: Sequence[tuple[int, str]]) -> Block:
    """Ask which charge of a digest is meant, for the message shortcut."""
    if not charges:
        return failed("Dispute a charge", "This digest names no charge that could be disputed.")
    options = [kit.option(label, str(item)) for item, label in charges[:100]]
    chooser = {"type": "static_select", "action_id": ANSWER, "options": options, "initial_option": options[0]}
    blocks = [kit.field(CHARGE, "Which charge is not yours?", chooser)]
    return kit.modal("Dispute a charge", blocks, callback="dispute.pick", submit="Look it up", about=digest)


def claim(args: Mapping[str, Any]) -> Block:
    """What the claim would take, and whether it takes one resource or all that nobody owns of its kind."""
    if args.get("error"):
        return failed("Claim a charge", str(args["error"]))
    currency = str(args.get("currency", "USD"))
    what = " · ".join(kit.name(args[key]) for key in ("service", "resource") if args.get(key))
    account = f" in account {kit.name(args['account'])}" if args.get("account") else ""
    head = f"Nobody owns *{what or 'this charge'}*{account} yet. This week it cost:"
    blocks = [kit.section("\n".join([head, *_lines(args, currency)]))]
    also: Sequence[Mapping[str, Any]] = args.get("also") or ()
    blocks += _also(also, currency, apart=bool(args.get("apart", True)))
    blocks.append(kit.context("It becomes yours from the start of its month on, and finance is told."))
    about = f"{args['digest']}:{args['item']}"
    return kit.modal("Claim a charge", blocks, callback="claim.submit", submit="Claim", about=about)


def _also(also: Sequence[Mapping[str, Any]], currency: str, *, apart: bool) -> list[Block]:
    """The choice between narrow and wide; there is none where the wide rule takes nothing more."""
    if not also:
        return []
    total = kit.amount(money.total(Decimal(line["amount"]) for line in also), currency)
    rows = [
        f"• {kit.name(line.get('resource') or 'no resource named')}: "
        f"{kit.amount(Decimal(line['amount']), currency)}"
        for line in also[:SHOWN_LINES]
    ]
    if (more := len(also) - SHOWN_LINES) > 0:
        rows.append(f"… and {more} more")
    if not apart:
        all_of_it = (
            f"*The claim takes all that nobody owns of this service and account, so this too ({total}):*"
        )
        return [kit.section("\n".join([all_of_it, *rows]))]
    options = [
        kit.option("Only this charge", "narrow"),
        kit.option(f"This and {kit.count(len(also), 'other charge')} of its service", "wide"),
    ]
    chooser = {
        "type": "radio_buttons",
        "action_id": ANSWER,
        "options": options,
        "initial_option": options[0],
    }
    same = f"*The same service and account also has, owned by nobody ({total}):*"
    return [kit.section("\n".join([same, *rows])), kit.field(WIDTH, "What is yours?", chooser)]


def dispute(args: Mapping[str, Any], org: Org) -> Block:
    """The lines of the charge and the rule that gave them to the team; finance reads the reason."""
    if args.get("error"):
        return failed("Dispute a charge", str(args["error"]))
    currency = str(args.get("currency", "USD"))
    box = {"type": "plain_text_input", "action_id": ANSWER, "multiline": True, "max_length": LONGEST_REASON}
    blocks = [
        kit.section(
            "\n".join([f"*{kit.name(args.get('name') or 'The charge', 80)}*", *_lines(args, currency)])
        ),
        kit.context(f"It is charged to you by the rule: {kit.name(args.get('rule') or 'unknown', 150)}"),
        *_teams(args.get("teams") or (), org),
        kit.field(REASON, "Why is it not yours?", box, hint="Finance reads it, and so does the other team."),
    ]
    about = f"{args['digest']}:{args['item']}"
    return kit.modal(
        "Dispute a charge", blocks, callback="dispute.submit", submit="Open the dispute", about=about
    )


def _teams(teams: Sequence[str], org: Org) -> list[Block]:
    options = [kit.option(org.teams[team].title, team) for team in teams if team in org.teams]
    if not options:
        return []
    chooser = {
        "type": "static_select",
        "action_id": ANSWER,
        "options": options[:100],
        "placeholder": kit.plain("I do not know", 150),
    }
    return [kit.field(TEAM, "Whose is it?", chooser, optional=True)]


def _lines(args: Mapping[str, Any], currency: str) -> list[str]:
    """The charge's lines; with the rest they add up to its amount, to the cent."""
    lines: Sequence[Mapping[str, Any]] = args.get("lines") or ()
    shown = [(line, money.cents(Decimal(line["amount"]))) for line in lines[:SHOWN_LINES]]
    rows = [f"• {kit.line(line)}: *{kit.amount(value, currency)}*" for line, value in shown]
    whole = args.get("amount") or args.get("effective")
    sums = Decimal(whole) if whole is not None else money.total(Decimal(line["amount"]) for line in lines)
    rest = money.minus(money.cents(sums), money.total(value for _, value in shown))
    if rest or len(lines) > len(shown):
        rows.append(f"• everything else: *{kit.amount(rest, currency)}*")
    return [*rows, f"In all: *{kit.amount(sums, currency)}*"]
