"""Standing approvals in Slack: the card, the list, and the modals that ask for one and for a reason."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from actions.standing import LONGEST, Selector, Standing, StandingState
from bot.blocks import kit
from bot.blocks.kit import Block
from bot.blocks.modals import ANSWER, LONGEST_REASON, REASON, failed
from flows.automatic import View
from flows.org import Org
from runbooks.schema import Runbook

TITLE = "Standing approval"
SHOWN = 8
#: Block ids of the modal that asks for one.
RUNBOOK, ENVIRONMENTS, TEAM, ACCOUNTS, TAGS, WINDOW, TARGETS, AMOUNT, UNTIL = (
    "runbook", "environments", "team", "accounts", "tags", "window", "targets", "amount", "until",
)  # fmt: skip


def draw(shown: View, org: Org) -> tuple[str, list[Block]]:
    """The push text and the blocks of the card, in the state it has now."""
    one = shown.one
    blocks = [
        kit.header(f"{TITLE}: {one.title}"),
        kit.section(_status(shown)),
        kit.section("\n".join(_terms(one, org))),
        *_consent(shown),
        *kit.actions(buttons(one)),
        kit.context(
            f"asked for by {kit.person(one.requested_by)} · runbook {kit.name(one.runbook)} · "
            f"{kit.escape(one.id)} · hash {one.hash[:16]}"
        ),
    ]
    word = "needs approval" if one.state is StandingState.PENDING else one.state.value
    return f"{TITLE} for {kit.clip(one.title, 60)}: {word}", blocks


def _status(shown: View) -> str:
    one = shown.one
    reason = f": {kit.prose(shown.reason, 300)}" if shown.reason else ""
    match one.state:
        case StandingState.PENDING:
            missing = kit.count(one.quorum - len(shown.approvals), "approval")
            return f"*Needs {missing}.* {kit.prose(one.reason, 300)}"
        case StandingState.ACTIVE if shown.suspended:
            return f"*Suspended:* {kit.escape(shown.suspended)}. People are asked each time."
        case StandingState.ACTIVE:
            return f"*In force.* {kit.prose(one.reason, 300)}"
        case StandingState.DENIED:
            return f"*Denied* by {kit.person(shown.ended_by)}{reason}. People are asked each time."
        case StandingState.EXPIRED:
            return f"*Ended*{reason}. People are asked each time."
        case StandingState.REVOKED:
            return f"*Revoked* by {kit.person(shown.ended_by)}{reason}. People are asked each time."


def _terms(one: Standing, org: Org, today: str = "") -> list[str]:
    """What may be done without asking, in words."""
    bounds = one.bounds
    most = f"a day at most {kit.count(bounds.targets, 'target')}"
    return [
        f"Lets Bursar run *{kit.name(one.runbook)}* without asking, where what it acts on is",
        f"• {kit.listed(list(_selected(one.selector, org)))}",
        f"• within {kit.escape(one.window)}, until {kit.moment(one.until)}",
        f"• {most} that cost {kit.amount(bounds.amount, bounds.currency)} a month together{today}",
    ]


def _today(shown: View) -> str:
    """What today has taken: for a list that is drawn when somebody looks, as a card would grow stale."""
    much = kit.amount(shown.used.amount, shown.one.bounds.currency)
    return f"; today so far {kit.count(shown.used.targets, 'target')} of {much}"


def _selected(selector: Selector, org: Org) -> Iterable[str]:
    if selector.environments:
        yield f"in the environment {_any(selector.environments)}"
    if selector.team is not None:
        team = org.teams.get(selector.team)
        yield f"owned by {kit.name(team.title if team else selector.team)}"
    if selector.accounts:
        yield f"in the account {_any(org.account_name(key) for key in selector.accounts)}"
    if selector.tags:
        yield f"tagged {kit.listed([kit.name(tag) for tag in selector.tags])}"


def _any(names: Iterable[str]) -> str:
    return " or ".join(kit.name(name) for name in names)


def _consent(shown: View) -> list[Block]:
    one = shown.one
    if one.state is StandingState.PENDING:
        able = set(one.approvers) - {one.requested_by, *one.authors}
        so_far = f" ({kit.people(shown.approvals)})" if shown.approvals else ""
        lines = [
            f"*May approve:* {kit.people(able)}",
            f"*Approved:* {len(shown.approvals)} of {one.quorum}{so_far}",
            f"*Answer by:* {kit.moment(one.answer_by)}",
        ]
        return [kit.section("\n".join(lines))]
    return [kit.section(f"*Approved* by {kit.people(shown.approvals)}")] if shown.approvals else []


def pointer(one: Standing) -> str:
    """What a button carries: the standing approval, and the start of the hash that its card shows."""
    return f"{one.id}:{one.hash[:16]}"


def buttons(one: Standing) -> list[Block]:
    """What can be pressed in this state. Revoking asks nothing: it must never be hard to stop."""
    value = pointer(one)
    revoke = kit.button("Revoke", "standing.revoke", value, style="danger")
    if one.state is StandingState.PENDING:
        return [
            kit.button("Approve", "standing.approve", value, style="primary"),
            kit.button("Deny", "standing.deny", value),
            revoke,
        ]
    return [revoke] if one.state is StandingState.ACTIVE else []


def listed(found: Sequence[View], org: Org, *, asks: bool) -> list[Block]:
    """Those that wait or are in force, each with its buttons, and, for who may, the way to ask for one."""
    blocks: list[Block] = []
    for shown in found[:SHOWN]:
        terms = _terms(shown.one, org, _today(shown))
        words = [f"*{kit.name(shown.one.title, 100)}*", _status(shown), *terms]
        blocks += [kit.section("\n".join(words)), *kit.actions(buttons(shown.one))]
    if not found:
        blocks.append(kit.section("None: people are asked before anything is done."))
    if (more := len(found) - SHOWN) > 0:
        blocks.append(kit.context(f"… and {more} more: `bursar standing list`"))
    return [*blocks, *kit.actions([kit.button("Ask for one…", "standing.ask", "new")] if asks else [])]


def ask(runbooks: Iterable[Runbook], org: Org, now: datetime) -> Block:
    """Ask for the terms of a standing approval."""
    usable = [one for one in runbooks if one.when.propose == "automatically"]
    if not usable:
        return failed(TITLE, "No runbook is proposed automatically, so there is nothing to approve ahead.")
    teams = [kit.option(team.title, name) for name, team in sorted(org.teams.items())][:100]
    options = [kit.option(one.title, one.name) for one in usable[:100]]
    currency = org.caps.currency
    blocks = [
        kit.section("What may run without asking, on what, when, how much a day, and until when."),
        kit.field(RUNBOOK, "Runbook", _select(options)),
        kit.field(
            ENVIRONMENTS, "Environments", _line("dev, sandbox"), optional=True, hint="As tags name them."
        ),
        *([kit.field(TEAM, "Team", _select(teams), optional=True)] if teams else []),
        kit.field(ACCOUNTS, "Accounts", _line("123456789012"), optional=True),
        kit.field(TAGS, "Tags", _line("schedule=office-hours"), optional=True, hint="It needs all of them."),
        kit.field(WINDOW, "When", _line("", f"mon-fri 09:00-17:00 {org.zone}")),
        kit.field(TARGETS, "Targets a day at most", _number()),
        kit.field(
            AMOUNT, "Money a day at most", _line(f"200 {currency}"), hint="What these targets cost a month."
        ),
        kit.field(UNTIL, "Last day", _day(now.date() + timedelta(days=30)), hint=_longest(now.date())),
        kit.field(REASON, "Why need nobody be asked?", _text(), hint="Its approvers read it."),
    ]
    return kit.modal("Ask for consent ahead", blocks, callback="standing.submit", submit="Ask", about="new")


def _longest(today: date) -> str:
    return f"At most {LONGEST.days} days: until {today + LONGEST}."


def why(one: str, *, yes: bool) -> Block:
    """Ask for the reason of a yes or a no; it is kept with the vote."""
    word = "Approve" if yes else "Deny"
    said = (
        "Two have to agree. From then on it runs without asking, until it ends or anybody revokes it."
        if yes
        else "It ends here, and people are asked each time."
    )
    blocks = [
        kit.section(said),
        kit.field(REASON, "Why?" if yes else "Why not?", _text(), hint="Kept in the audit log."),
    ]
    callback = "standing.approve.submit" if yes else "standing.deny.submit"
    return kit.modal(f"{word} it ahead" if yes else word, blocks, callback=callback, submit=word, about=one)


def _select(options: list[Block]) -> Block:
    return {"type": "static_select", "action_id": ANSWER, "options": options}


def _line(hint: str, value: str = "") -> Block:
    box: Block = {"type": "plain_text_input", "action_id": ANSWER, "max_length": 200}
    return box | ({"placeholder": kit.plain(hint, 150)} if hint else {"initial_value": value})


def _text() -> Block:
    return {
        "type": "plain_text_input",
        "action_id": ANSWER,
        "multiline": True,
        "max_length": LONGEST_REASON,
    }


def _number() -> Block:
    return {
        "type": "number_input",
        "action_id": ANSWER,
        "is_decimal_allowed": False,
        "min_value": "1",
        "max_value": "500",
        "initial_value": "5",
    }


def _day(first: date) -> Block:
    return {"type": "datepicker", "action_id": ANSWER, "initial_date": first.isoformat()}
