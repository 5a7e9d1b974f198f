"""What a person reads when something went wrong, and what the log keeps of it."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, ParamSpec, TypeVar

from slack_bolt import BoltRequest, BoltResponse

from flows.desk import Desk
from spend.errors import BursarError, InputRefused, NotFound, Refused
from storage import ids

LOG = logging.getLogger("bursar")
P = ParamSpec("P")
T = TypeVar("T")
#: What a person did wrong or may not do: told to this person, and kept in the audit log.
FOR_THE_PERSON = (Refused, NotFound, InputRefused)
_NOUN = re.compile(r"[a-z_]+")
_LONGEST_POINTER = 80


@dataclass(frozen=True, slots=True)
class Attempt(Generic[T]):
    """How a piece of work went: its value, or in `wrong` the sentence to keep."""

    value: T | None = None
    wrong: str | None = None


def attempt(what: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Attempt[T]:
    """Run one piece of a worker's work; nothing it raises ends the worker.

    An expected error is kept in its own words, any other one by the id of its log entry.
    """
    try:
        return Attempt(call(*args, **kwargs))
    except BursarError as error:
        LOG.warning("%s: %s", what, error)
        return Attempt(wrong=str(error))
    except Exception as error:  # noqa: BLE001 - the outermost loop of the worker
        return Attempt(wrong=logged(what, error))


def logged(what: str, error: BaseException) -> str:
    """Log an unexpected error with its traceback, and say under which id."""
    key = ids.new("error")
    LOG.error("%s failed (%s)", what, key, exc_info=error)
    return f"Something unexpected happened; the log has it as {key}."


def handler(
    desk: Desk, now: Callable[[], datetime]
) -> Callable[[Exception, BoltRequest, Mapping[str, Any]], BoltResponse]:
    """The error handler of the whole Bolt app: a sentence for the person, never a traceback."""

    def handle(error: Exception, request: BoltRequest, body: Mapping[str, Any]) -> BoltResponse:
        expected = isinstance(error, FOR_THE_PERSON)
        text = str(error) if expected else logged(f"the answer to {noun(body)}", error)
        person, channel = request.context.user_id, request.context.channel_id
        with desk.store.writing(now()) as unit:
            if expected:
                unit.record(
                    f"{noun(body)}.refuse", actor=person or "unknown", subject=pointer(body), reason=text
                )
            if person and channel:
                unit.send("ephemeral", "sentence", "", channel=channel, person=person, args={"text": text})
            elif person:  # a modal or the App Home has no channel: say it in the person's own
                unit.send("post", "sentence", "", channel=person, args={"text": text})
        return BoltResponse(status=200, body="")

    return handle


def noun(body: Mapping[str, Any]) -> str:
    """What was asked about, for the event's name: `approval` of the action `approval.approve`."""
    first = _pressed(body).get("action_id") or body.get("view", {}).get("callback_id")
    found = _NOUN.match(str(first or body.get("callback_id") or body.get("type") or ""))
    return found[0] if found else "command"


def pointer(body: Mapping[str, Any]) -> str:
    """The id of the record that the person's click pointed at, or what it was pressed on.

    Without what stands behind the colon (a hash, a line's number), so that the record's story has it.
    """
    value = _pressed(body).get("value") or body.get("view", {}).get("private_metadata")
    told = str(value or body.get("command") or body.get("event_id") or "slack")
    return told.partition(":")[0][:_LONGEST_POINTER]


def _pressed(body: Mapping[str, Any]) -> Mapping[str, Any]:
    actions = body.get("actions") or [{}]
    return actions[0] if isinstance(actions[0], Mapping) else {}
