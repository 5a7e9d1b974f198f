"""A restored database in Slack: the card that tells what was found, and the modal that asks for a reason."""

from bot.blocks import kit
from bot.blocks.kit import Block
from bot.blocks.modals import ANSWER, LONGEST_REASON, REASON
from flows import recovery
from flows.recovery import View
from storage.work import RecoveryState

TITLE = "Restored database"
SHOWN = 8


def draw(shown: View) -> tuple[str, list[Block]]:
    """The push text and the blocks of the card, in the state it has now."""
    row = shown.row
    waits = row.state == RecoveryState.WAITING
    blocks = [
        kit.header(TITLE),
        kit.section(_status(shown)),
        kit.section("\n".join(_found(shown))),
        *_list("Void, and to be asked for anew if still wanted", [kit.name(one, 100) for one in shown.void]),
        *_list("Look at these", [f"{kit.name(name)}: {kit.prose(seen, 200)}" for name, seen in shown.looks]),
        *kit.actions([kit.button("Resume…", "recovery.ask", row.id, style="primary")] if waits else []),
        kit.context(f"{kit.escape(row.id)} · also `bursar recovery show` and `bursar recovery resume`"),
    ]
    return f"{TITLE}: {'nothing acts until two people resume it' if waits else 'at work again'}", blocks


def _status(shown: View) -> str:
    if shown.row.state == RecoveryState.RESUMED:
        return f"*Resumed.*{_said(shown)}"
    if shown.row.first:
        return f"*A second person has to resume it.* Until then Bursar changes nothing.{_said(shown)}"
    return "*Bursar changes nothing until two people resume it:* approvers or finance, each with a reason."


def _said(shown: View) -> str:
    return "".join(f"\n• {kit.person(who)}: {kit.prose(why, 300)}" for who, why in shown.said)


def _found(shown: View) -> list[str]:
    fork = shown.row.fork
    lines = [f"{kit.prose(recovery.found(shown.row))}."]
    if fork["seen"] and (missing := fork["seen"]["seq"] - fork["found"]["seq"]) > 0:
        lines.append(f"*Missing:* {kit.count(missing, 'row')} of the audit log")
    lines.append(f"*Found:* {kit.moment(shown.row.at)}")
    if shown.under_way:
        lines.append(f"*Under way in the copy:* {kit.count(shown.under_way, 'run')}, being looked at")
    return [
        *lines,
        "It cannot know the kill switch, what owners keep, and who was revoked since: check these.",
    ]


def _list(title: str, lines: list[str]) -> list[Block]:
    if not lines:
        return []
    more = [f"… and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return [kit.section("\n".join([f"*{title}:*", *(f"• {line}" for line in lines[:SHOWN]), *more]))]


def ask(key: str) -> Block:
    """Ask for the reason; it is kept with the word that the bot may go on."""
    box = {"type": "plain_text_input", "action_id": ANSWER, "multiline": True, "max_length": LONGEST_REASON}
    blocks = [
        kit.section("Two different people have to say so; with the second one's word Bursar acts again."),
        kit.field(REASON, "What did you look at?", box, hint="Kept in the audit log."),
    ]
    return kit.modal("Resume", blocks, callback="recovery.submit", submit="Resume", about=key)
