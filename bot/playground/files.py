"""The three steps of an upload: an address, the bytes, the completion that may share the file."""

from urllib.parse import quote

from bot.playground.calls import Call, Json, reachable
from bot.playground.records import Message, SlackSays, StoredFile
from bot.playground.shapes import file_json


def get_upload_url(call: Call) -> Json:
    """Announce a file and say where its bytes go."""
    name, length = call.need("filename"), call.need("length")
    if not length.isdigit() or int(length) == 0:
        raise SlackSays("invalid_arguments", ["[ERROR] length must be more than 0"])
    file = StoredFile(call.workspace.new_id("F"), quote(name, safe=""), name, call.text("alt_txt") or name)
    call.workspace.files[file.id] = file
    return {"upload_url": f"{call.base_url}upload/v1/{file.id}", "file_id": file.id}


def complete_upload(call: Call) -> Json:
    """Finish uploads and, with a channel, post them as a message there."""
    workspace = call.workspace
    named = call.structure("files") or []
    if not named:
        raise SlackSays("invalid_arguments", ["[ERROR] missing required field: files"])
    stored: list[StoredFile] = []
    for item in named:
        file = workspace.files.get(item.get("id"))
        if file is None or not file.content:
            raise SlackSays("file_not_found")
        file.title, file.complete = item.get("title") or file.title, True
        stored.append(file)
    if call.text("channel_id") or call.text("channels"):
        channel = reachable(call, "channel_id" if call.text("channel_id") else "channels")
        comment = call.text("initial_comment") or ""
        message = Message(
            workspace.new_ts(call.now),
            channel.id,
            workspace.bot.id,
            comment,
            [],
            thread_ts=call.text("thread_ts"),
            by_bot=True,
            files=[file.id for file in stored],
        )
        workspace.post(message)
    return {"files": [file_json(call.base_url, file) for file in stored]}
