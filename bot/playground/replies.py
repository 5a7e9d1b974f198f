"""What the bot says back: the body of a slash command's answer, and posts to a `response_url`."""

from dataclasses import dataclass
from typing import Any

from bot.playground.calls import check_message_blocks
from bot.playground.limits import RESPONSE_URL_POSTS
from bot.playground.records import Message, ReplyUrl, SlackSays
from bot.playground.workspace import Workspace

Json = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where a reply is shown, and to whom when it is for one person only."""

    person: str
    channel: str
    thread_ts: str | None = None


def show(workspace: Workspace, place: Place, said: Json, now: float) -> Message | None:
    """Show a reply: ephemeral unless it asks for `in_channel`. Raises SlackSays for broken blocks."""
    blocks, text = said.get("blocks") or [], str(said.get("text") or "")
    check_message_blocks(workspace, blocks)
    if not blocks and not text.strip():
        return None
    public = said.get("response_type") == "in_channel"
    message = Message(
        workspace.new_ts(now),
        place.channel,
        workspace.bot.id,
        text,
        workspace.named(blocks),
        thread_ts=said.get("thread_ts") or place.thread_ts,
        seen_by=None if public else place.person,
        by_bot=True,
    )
    workspace.post(message)
    return message


def _original(workspace: Workspace, reply: ReplyUrl) -> Message:
    if reply.ts is None:
        raise SlackSays("no_original_message")
    return workspace.find(reply.channel, reply.ts)


def _replace(workspace: Workspace, reply: ReplyUrl, said: Json) -> None:
    blocks = said.get("blocks") or []
    check_message_blocks(workspace, blocks)
    message = _original(workspace, reply)
    message.text, message.blocks = str(said.get("text") or ""), workspace.named(blocks)
    workspace.changed()


def respond(workspace: Workspace, name: str, said: Json, now: float) -> None:
    """Take one post to a `response_url`. Raises SlackSays (`used_url`, `expired_url`, `invalid_blocks` …)."""
    with workspace.lock:
        reply = workspace.reply_urls.get(name)
        if reply is None or reply.posts >= RESPONSE_URL_POSTS:
            raise SlackSays("used_url")
        if now > reply.until:
            raise SlackSays("expired_url")
        if said.get("delete_original"):
            workspace.remove(_original(workspace, reply))
        elif said.get("replace_original"):
            _replace(workspace, reply, said)
        else:
            place = Place(reply.person, reply.channel, reply.thread_ts)
            message = show(workspace, place, said, now)
            if message is None:
                raise SlackSays("no_text")
            reply.ts = reply.ts or message.ts
        reply.posts += 1
