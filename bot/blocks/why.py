"""The answer to "who stopped my box?": what was done to a resource, what is planned, and who keeps it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial

from bot.blocks import kit
from bot.blocks.kit import Block
from flows.why import Answer, Approval, Change, Deed, Kept

#: Resources in one answer, and entries of each; the command line has the rest.
SHOWN_THINGS, SHOWN = 3, 3


class Words:
    """How the same lines are said: with mentions and Slack's times, or plainly."""

    def __init__(self, *, slack: bool) -> None:
        self.who: Callable[[str | None], str] = kit.person if slack else str
        self.when: Callable[[datetime], str] = kit.moment if slack else _utc
        self.said: Callable[[object], str] = partial(kit.prose, width=160) if slack else kit.tidy
        self.because: Callable[[object], str] = partial(kit.reason, width=140) if slack else kit.tidy
        self.code: Callable[[object], str] = (lambda text: f"`{kit.escape(text)}`") if slack else str


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def draw(answers: Sequence[Answer]) -> tuple[str, list[Block]]:
    """The answer of `/bursar why`."""
    words = Words(slack=True)
    blocks = [kit.section("\n".join(_lines(answer, words, SHOWN))) for answer in answers[:SHOWN_THINGS]]
    if (more := len(answers) - SHOWN_THINGS) > 0:
        blocks.append(kit.context(f"… and {more} more of this name"))
    return f"What happened to {kit.clip(answers[0].name or answers[0].resource, 60)}", blocks


def plain(answer: Answer) -> Iterator[str]:
    """The same for a terminal, with all there is."""
    return _lines(answer, Words(slack=False), len(answer.done) + len(answer.waiting) + len(answer.keeps))


def _lines(answer: Answer, words: Words, shown: int) -> Iterator[str]:
    owner = f"team {words.said(answer.team)}" if answer.team else "no team"
    name = words.said(answer.name or answer.resource)
    yield f"{name} ({words.said(answer.resource)}), {answer.kind} in {words.said(answer.account)}, of {owner}"
    for keep in answer.keeps[:shown]:
        yield f"• {_keep(keep, words)}"
    for deed in answer.waiting[:shown]:
        yield f"• {_planned(deed, words)}"
    for deed in answer.done[:shown]:
        yield from _done(deed, words)
    if not answer.done:
        yield "• No run has touched it."


def _keep(keep: Kept, words: Words) -> str:
    said = f"{words.who(keep.said_by)} keeps it until {words.when(keep.until)}: {words.said(keep.reason)}"
    if keep.overridden_by:
        why = words.said(keep.override_reason)
        return f"{said} (overridden by {words.who(keep.overridden_by)}: {why})"
    return said if keep.state == "held" else f"{said} ({keep.state})"


def _planned(deed: Deed, words: Words) -> str:
    when = f", not before {words.when(deed.not_before)}" if deed.not_before else ""
    return (
        f"Planned: {words.said(deed.title)} ({deed.state}{when}), asked for by "
        f"{words.who(deed.requested_by)}: {words.said(deed.reason)} [{deed.run}]"
    )


def _done(deed: Deed, words: Words) -> Iterator[str]:
    for change in deed.changes:
        yield f"• {_change(change, words)}"
    yield f"   in {words.said(deed.title)}, run {words.code(deed.run)} ({deed.state}), runbook {deed.runbook}"
    yield f"   asked for by {words.who(deed.requested_by)}: {words.said(deed.reason)}"
    yield f"   approved by {_approved(deed, words)}"
    if deed.undo:
        until = f" until {words.when(deed.undo.until)}" if deed.undo.until else ""
        yield f"   undo: {words.said(deed.undo.how)}{until}"


def _change(change: Change, words: Words) -> str:
    at = f"{words.when(change.at)} " if change.at else ""
    detail = f" ({words.because(change.detail)})" if change.detail else ""
    return f"{at}{change.action}: {change.state.replace('_', ' ')}{detail}"


def _approved(deed: Deed, words: Words) -> str:
    if deed.standing:
        return f"the standing approval {words.code(deed.standing)}"
    return kit.listed([_approval(one, words) for one in deed.approved_by]) or "nobody"


def _approval(one: Approval, words: Words) -> str:
    reason = f" ({words.said(one.reason)})" if one.reason else ""
    return f"{words.who(one.person)} at {words.when(one.at)}{reason}"
