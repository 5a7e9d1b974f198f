"""What a workspace is made of: people, channels, groups, messages, views, files and the slips that expire."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spend.errors import BursarError


class SlackSays(BursarError):
    """A Web API answer with `ok: false`.

    Attributes:
        error: Slack's error word.
        messages: what `response_metadata.messages` explains, one sentence each.
    """

    def __init__(self, error: str, messages: list[str] | None = None) -> None:
        self.error, self.messages = error, messages or []
        super().__init__(f"{error}{': ' if messages else ''}{'; '.join(self.messages)}")


@dataclass(frozen=True)
class Person:
    """Somebody in the workspace; `title` is the role that the page shows beside the name."""

    id: str
    name: str
    title: str = ""
    is_bot: bool = False
    email: str = ""
    deleted: bool = False
    is_restricted: bool = False


@dataclass(frozen=True)
class Channel:
    """A channel, or a direct message when `is_im`; `members` of None means everybody and the bot."""

    id: str
    name: str
    topic: str = ""
    members: frozenset[str] | None = None
    is_im: bool = False

    def has(self, person: str) -> bool:
        """Whether this person or bot may read and write here."""
        return self.members is None or person in self.members


@dataclass(frozen=True)
class Group:
    """A user group such as `@finance`."""

    id: str
    handle: str
    name: str
    members: tuple[str, ...]


@dataclass
class Message:
    """One message; `seen_by` is the only person who sees it when it is ephemeral, else None."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[dict[str, Any]]
    thread_ts: str | None = None
    seen_by: str | None = None
    by_bot: bool = False
    edited: str | None = None
    broadcast: bool = False
    files: list[str] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    metadata: dict[str, Any] | None = None


@dataclass
class View:
    """A modal in somebody's stack or somebody's Home, as the app defined it."""

    id: str
    person: str
    definition: dict[str, Any]
    hash: str
    root: str
    previous: str | None = None

    @property
    def callback_id(self) -> str:
        """The name by which the app knows what was submitted."""
        return str(self.definition.get("callback_id", ""))

    @property
    def blocks(self) -> list[dict[str, Any]]:
        """The blocks with the ids that the workspace gave those which had none."""
        blocks: list[dict[str, Any]] = self.definition["blocks"]
        return blocks


@dataclass
class StoredFile:
    """An upload: announced first, then filled with bytes, then completed."""

    id: str
    name: str
    title: str
    alt_text: str
    content: bytes = b""
    complete: bool = False


@dataclass
class Trigger:
    """A slip that opens one view; `view` is the modal it was pressed in, for pushing on top of it."""

    person: str
    until: float
    view: str | None
    used: bool = False


@dataclass
class ReplyUrl:
    """Where a `response_url` leads: the place it answers in and the message it may replace."""

    person: str
    channel: str
    ts: str | None
    thread_ts: str | None
    until: float
    posts: int = 0


@dataclass(frozen=True)
class Logged:
    """One Web API call of the bot as it arrived, with the answer it got; tokens are left out."""

    at: float
    method: str
    payload: Mapping[str, Any]
    ok: bool
    error: str | None
