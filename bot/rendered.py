"""What a drawn message is made of, before the sender hands it to Slack."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flows.desk import Desk
from storage.tables import Message

Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to upload, with the words for those who cannot see it."""

    filename: str
    title: str
    alt: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that stands inside the message itself, with the words for those who cannot see it."""

    png: bytes
    alt: str
    title: str


#: Stands in the message's image block until the sender uploaded the picture and knows its file id.
IMAGE_ID = "IMAGE"


@dataclass(frozen=True, slots=True)
class Rendered:
    """One message as Slack takes it.

    Attributes:
        text: what a notification and a screen reader say.
        view: a modal or an App Home, where the kind is `view` or `home`.
        image: uploaded before the message; its file id replaces `IMAGE_ID` in the image block, and
            the block is left out where the upload fails.
        plain: the same in blocks that every workspace knows, for an `invalid_blocks` answer.
    """

    text: str
    blocks: Sequence[Block] = ()
    view: dict[str, Any] | None = None
    files: Sequence[Attachment] = ()
    plain: Sequence[Block] | None = None
    image: Image | None = None


Template = Callable[[Desk, Message, datetime], Rendered]
