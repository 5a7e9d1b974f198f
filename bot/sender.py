"""Delivers the outbox to Slack: in order per channel, once, waiting where Slack asks to wait."""

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackRequestError

from actions.crash import crashpoint
from bot import errors
from bot.render import render
from bot.rendered import IMAGE_ID, Block, Image, Rendered
from bot.settings import Secrets
from flows.desk import Desk
from storage import outbox, tables, waiting
from storage.store import Store

LOG = logging.getLogger("bursar.sender")
TIMEOUT = 20
#: Seconds to wait after a failure, doubled each time, at most the second.
FIRST_WAIT, LONGEST_WAIT = 1, 60
#: Tries of about an hour; from then on what comes after a message does not wait for it.
PATIENCE = 65
#: A channel that will not take messages any more, or not from us.
GONE = frozenset(
    {
        "cannot_dm_bot",
        "channel_not_found",
        "is_archived",
        "not_in_channel",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_locked",
        "restricted_action_thread_only_channel",
        "user_not_found",
    }
)
#: A message that cannot be updated, because it or its channel is not there any more.
LOST = GONE | {"message_not_found", "is_inactive"}
#: Something is wrong with Slack or with our token, not with this message: it must not be lost.
NOT_ITS_FAULT = frozenset(
    {
        "account_inactive",
        "ekm_access_denied",
        "fatal_error",
        "internal_error",
        "invalid_auth",
        "message_limit_exceeded",
        "missing_scope",
        "not_authed",
        "org_login_required",
        "rate_limited",
        "request_timeout",
        "service_unavailable",
        "team_access_not_granted",
        "team_added_to_org",
        "token_expired",
        "token_revoked",
    }
)
#: Slack does not take the message as it is built, but may take its words.
MISBUILT = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"})
#: Kinds that are words even without their blocks.
WORDS = frozenset({"post", "update", "ephemeral"})
RATE_LIMITED, SERVER_ERROR = 429, 500
_QUIET: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False}


class Later(Exception):
    """What the message builds on does not stand yet."""


class Never(Exception):
    """What the message builds on will not stand any more."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where Slack put a message."""

    channel: str | None = None
    ts: str | None = None


def client(secrets: Secrets) -> WebClient:
    """The sender's client. It repeats nothing by itself: the outbox knows when, and what not to double."""
    return WebClient(token=secrets.bot(), base_url=secrets.api_url, timeout=TIMEOUT, retry_handlers=[])


def deliver(desk: Desk, slack: WebClient, now: Callable[[], datetime]) -> int:
    """Deliver what is due, oldest first; say how many messages Slack took.

    A channel that must wait does not hold up the others, but its own later messages do wait.
    """
    with desk.store.reading() as session:
        ready = outbox.due(session, now())
    taken = 0
    stopped: set[str] = set()
    for message in ready:
        line = outbox.line_of(message)
        if line in stopped:
            continue
        if _deliver(desk, slack, message, now):
            taken += 1
        else:
            stopped.add(line)
    return taken


def _deliver(desk: Desk, slack: WebClient, message: tables.Message, now: Callable[[], datetime]) -> bool:
    """Send one message and keep what came of it; say whether its line may go on."""
    store = desk.store
    drawn = errors.attempt(message.id, render, desk, message, now())
    if drawn.value is None:
        return _drop(desk, message, now(), drawn.wrong or "its template drew nothing")
    if message.kind in outbox.SEEN_TWICE:
        outbox.begin(store, message, now())
    crashpoint("message.rendered")
    try:
        place = _send(store, slack, message, drawn.value)
    except Later as reason:
        outbox.later(store, message, now(), due_at=_again(message, now()), error=str(reason))
        return False
    except Never as reason:
        return _drop(desk, message, now(), str(reason))
    except SlackApiError as error:
        return _refused(desk, message, error, now())
    except (OSError, HTTPException, SlackRequestError) as error:
        return _failed(desk, message, now(), f"{type(error).__name__}: {error}")
    crashpoint("message.answered")
    outbox.sent(store, message, now(), channel=place.channel, ts=place.ts)
    crashpoint("message.kept")
    return True


def _send(store: Store, slack: WebClient, message: tables.Message, drawn: Rendered) -> Place:
    """Send it in its blocks; where Slack does not take them in plain ones, and at last as mere text."""
    kind = KINDS[message.kind]
    blocks = _with_picture(slack, drawn.image, drawn.blocks) if drawn.image else drawn.blocks
    for plainer in _plainer(message, drawn):
        try:
            return kind(store, slack, message, drawn, blocks)
        except SlackApiError as error:
            if _code(error) not in MISBUILT:
                raise
            LOG.warning("message %s is sent in plainer words: %s", message.id, _code(error))
        blocks = plainer
    return kind(store, slack, message, drawn, blocks)


def _plainer(message: tables.Message, drawn: Rendered) -> Iterator[Sequence[Block]]:
    if drawn.plain is not None:
        yield drawn.plain
    if message.kind in WORDS and drawn.blocks and drawn.text:
        yield ()


def _with_picture(slack: WebClient, image: Image, blocks: Sequence[Block]) -> list[Block]:
    """The blocks with their picture, or without its block: a message does not wait for a picture."""
    try:
        answer = slack.files_upload_v2(
            filename="picture.png", content=image.png, title=image.title, alt_txt=image.alt
        )
        file = {"id": answer["files"][0]["id"]}
    except (SlackApiError, SlackRequestError, OSError, HTTPException) as error:
        LOG.warning("a picture was left out: %s", error)
        return [block for block in blocks if not _is_place_of_picture(block)]
    return [{**block, "slack_file": file} if _is_place_of_picture(block) else block for block in blocks]


def _is_place_of_picture(block: Block) -> bool:
    return block.get("type") == "image" and (block.get("slack_file") or {}).get("id") == IMAGE_ID


def _refused(desk: Desk, message: tables.Message, error: SlackApiError, now: datetime) -> bool:
    code, status = _code(error), int(error.response.status_code)
    if status == RATE_LIMITED or code == "ratelimited":
        wait = timedelta(seconds=_retry_after(error))
        outbox.later(desk.store, message, now, due_at=now + wait, error="ratelimited")
        return False
    if status >= SERVER_ERROR or code in NOT_ITS_FAULT:
        return _failed(desk, message, now, f"Slack answered {code if code in NOT_ITS_FAULT else status}")
    fallback = desk.org.fallback_channel
    if code in GONE and message.kind in {"post", "upload"} and fallback and message.channel != fallback:
        outbox.reroute(desk.store, message, now, channel=fallback, error=code)
        return False
    if code in LOST and message.kind == "update":
        outbox.repost(desk.store, message, now, channel=fallback, error=code)
        return True
    return _drop(desk, message, now, f"{code}: {_details(error)}" if _details(error) else code)


def _failed(desk: Desk, message: tables.Message, now: datetime, error: str) -> bool:
    """Try it again later. After an hour its line goes on; if Slack takes what comes after, it is given up."""
    patient = message.attempts < PATIENCE
    with desk.store.reading() as session:
        its_fault = not patient and outbox.overtaken(session, message)
    if its_fault:
        return _drop(desk, message, now, error)
    outbox.later(desk.store, message, now, due_at=_again(message, now), error=error, refused=False)
    return not patient


def _again(message: tables.Message, now: datetime) -> datetime:
    return now + timedelta(seconds=min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(message.attempts, 10)))


def _drop(desk: Desk, message: tables.Message, now: datetime, error: str) -> bool:
    outbox.drop(desk.store, message, now, error=error, fallback=desk.org.fallback_channel)
    return True


def _post(store: Store, slack: WebClient, message: tables.Message, drawn: Rendered, blocks: Any) -> Place:
    channel, thread = _thread(store, message)
    answer = slack.chat_postMessage(
        channel=channel,
        text=drawn.text,
        blocks=list(blocks) or None,
        thread_ts=thread,
        client_msg_id=str(uuid.uuid5(uuid.NAMESPACE_URL, message.id)),
        **_QUIET,
    )
    return Place(answer["channel"], answer["ts"])


def _update(store: Store, slack: WebClient, message: tables.Message, drawn: Rendered, blocks: Any) -> Place:
    stands = _stands(store, message.surface or "")
    slack.chat_update(channel=stands.channel, ts=stands.ts, text=drawn.text, blocks=list(blocks))
    return Place()


def _ephemeral(
    store: Store, slack: WebClient, message: tables.Message, drawn: Rendered, blocks: Any
) -> Place:
    _, thread = _thread(store, message)
    slack.chat_postEphemeral(
        channel=message.channel or "",
        user=message.person or "",
        text=drawn.text,
        blocks=list(blocks) or None,
        thread_ts=thread,
    )
    return Place()


def _view(_: Store, slack: WebClient, message: tables.Message, drawn: Rendered, blocks: Any) -> Place:
    slack.views_update(view_id=message.surface, view=_shown(drawn, blocks))
    return Place()


def _home(_: Store, slack: WebClient, message: tables.Message, drawn: Rendered, blocks: Any) -> Place:
    slack.views_publish(user_id=message.person or message.surface or "", view=_shown(drawn, blocks))
    return Place()


def _upload(store: Store, slack: WebClient, message: tables.Message, drawn: Rendered, _blocks: Any) -> Place:
    channel, thread = _thread(store, message)
    if not drawn.files:
        raise Never("there is no file to upload")
    slack.files_upload_v2(
        channel=channel,
        thread_ts=thread,
        initial_comment=drawn.text or None,
        file_uploads=[
            {"filename": one.filename, "title": one.title, "alt_txt": one.alt, "content": one.content}
            for one in drawn.files
        ],
    )
    return Place()


def _thread(store: Store, message: tables.Message) -> tuple[str, str | None]:
    """The channel, and the thread's first message where the message belongs in a thread."""
    if message.thread is None:
        return message.channel or message.person or "", None
    try:
        stands = _stands(store, message.thread)
    except Never:
        if message.channel is None:
            raise
        return message.channel, None  # its thread never came to be: say it in the channel
    return stands.channel, stands.ts


def _stands(store: Store, key: str) -> tables.Surface:
    with store.reading() as session:
        found = outbox.surface(session, key)
        if found is not None:
            return found
        if waiting.post_of(session, key):
            raise Later(f"{key} is not posted yet")
    raise Never(f"{key} was never posted")


def _shown(drawn: Rendered, blocks: list[Block]) -> dict[str, Any]:
    return {**(drawn.view or {}), "blocks": list(blocks)} if blocks else dict(drawn.view or {})


def _code(error: SlackApiError) -> str:
    return str(error.response.get("error") or "unknown_error")


def _details(error: SlackApiError) -> str:
    found = (error.response.get("response_metadata") or {}).get("messages") or []
    return "; ".join(str(one) for one in found)[:500]


def _retry_after(error: SlackApiError) -> int:
    headers = {str(name).lower(): value for name, value in (error.response.headers or {}).items()}
    value = headers.get("retry-after", "1")
    text = value[0] if isinstance(value, list) else str(value)
    return max(1, int(text)) if text.isdigit() else FIRST_WAIT


KINDS: dict[str, Callable[[Store, WebClient, tables.Message, Rendered, Any], Place]] = {
    "post": _post,
    "update": _update,
    "ephemeral": _ephemeral,
    "view": _view,
    "home": _home,
    "upload": _upload,
}
