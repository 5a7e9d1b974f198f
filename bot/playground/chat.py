"""The `chat.*` and `reactions.*` methods."""

from bot.playground.calls import Call, Json, channel_of, message_body, person_of, reachable
from bot.playground.records import Message, SlackSays
from bot.playground.shapes import message_json


def _thread(call: Call, channel: str) -> str | None:
    ts = call.text("thread_ts")
    if ts is None:
        return None
    found = [
        message for message in call.workspace.messages[channel] if message.ts == ts and not message.seen_by
    ]
    if not found:
        raise SlackSays("thread_not_found")
    return found[0].thread_ts or ts


def _shown(call: Call, message: Message) -> Json:
    shape = message_json(call.workspace, message, call.base_url)
    return {"channel": message.channel, "ts": message.ts, "message": shape}


def post_message(call: Call) -> Json:
    """Post into a channel, a thread or a person's direct message; the same `client_msg_id` posts once."""
    channel = reachable(call)
    workspace = call.workspace
    text, blocks = message_body(call)
    once = call.text("client_msg_id")
    if once and (channel.id, once) in workspace.sent:
        return _shown(call, workspace.find(channel.id, workspace.sent[channel.id, once]))
    message = Message(
        workspace.new_ts(call.now),
        channel.id,
        workspace.bot.id,
        text,
        blocks,
        thread_ts=_thread(call, channel.id),
        by_bot=True,
        broadcast=call.flag("reply_broadcast"),
        metadata=call.structure("metadata"),
    )
    if once:
        workspace.sent[channel.id, once] = message.ts
    workspace.post(message)
    return _shown(call, message)


def update(call: Call) -> Json:
    """Replace a message of the bot: text without blocks drops the blocks, as Slack does."""
    message = call.workspace.find(channel_of(call).id, call.need("ts", "message_not_found"))
    if not message.by_bot or message.seen_by:
        raise SlackSays("cant_update_message")
    text, blocks = message_body(call)
    message.text = text if "text" in call.arguments else message.text
    message.blocks = blocks
    if call.text("metadata"):
        message.metadata = call.structure("metadata")
    if not blocks:
        message.edited = call.workspace.new_ts(call.now)
    call.workspace.changed()
    return {"text": message.text, **_shown(call, message)}


def post_ephemeral(call: Call) -> Json:
    """Post what only one person sees."""
    channel, person = reachable(call), person_of(call)
    if not channel.has(person.id):
        raise SlackSays("user_not_in_channel")
    text, blocks = message_body(call)
    workspace = call.workspace
    message = Message(
        workspace.new_ts(call.now),
        channel.id,
        workspace.bot.id,
        text,
        blocks,
        thread_ts=_thread(call, channel.id),
        seen_by=person.id,
        by_bot=True,
    )
    workspace.post(message)
    return {"message_ts": message.ts}


def delete(call: Call) -> Json:
    """Delete a message of the bot."""
    message = call.workspace.find(channel_of(call).id, call.need("ts", "message_not_found"))
    if not message.by_bot or message.seen_by:
        raise SlackSays("cant_delete_message")
    call.workspace.remove(message)
    return {"channel": message.channel, "ts": message.ts}


def get_permalink(call: Call) -> Json:
    """The address under which this page shows a message."""
    channel = channel_of(call)
    message = call.workspace.find(channel.id, call.need("message_ts", "message_not_found"))
    thread = f"?thread_ts={message.thread_ts}" if message.thread_ts else ""
    link = f"{call.base_url}archives/{channel.id}/p{message.ts.replace('.', '')}{thread}"
    return {"channel": channel.id, "permalink": link}


def add_reaction(call: Call) -> Json:
    """React to a message; a second time is `already_reacted`."""
    message = call.workspace.find(channel_of(call).id, call.need("timestamp", "no_item_specified"))
    users = message.reactions.setdefault(call.need("name", "invalid_name").strip(":"), [])
    if call.workspace.bot.id in users:
        raise SlackSays("already_reacted")
    users.append(call.workspace.bot.id)
    call.workspace.changed()
    return {}
