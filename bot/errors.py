"""What a person reads when something went wrong, and what the log keeps of it."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, ParamSpec, TypeVar

from slack_bolt import BoltResponse

from flows.desk import Desk
from spend.errors import BursarError, InputRefused, NotFound, Refused
from storage import ids
from storage.unit import Unit

LOG = logging.getLogger("bursar")
P = ParamSpec("P")
T = TypeVar("T")
#: What a person did wrong or may not do: told to this person, and kept in the audit log.
FOR_THE_PERSON = (Refused, NotFound, InputRefused)
#: Where nobody is named: what came is no press, command or event of a person.
NOBODY = "unknown"
_NOUN = re.compile(r"[a-z_]+")
_LONGEST_POINTER = 80


class Unwelcome(Refused):
    """Whoever pressed never counts: a guest, a bot, somebody deactivated or of another workspace."""


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
) -> Callable[[Exception, Mapping[str, Any]], BoltResponse]:
    """The error handler of the whole Bolt app: a sentence for the person, never a traceback."""

    def handle(error: Exception, body: Mapping[str, Any]) -> BoltResponse:
        if isinstance(error, FOR_THE_PERSON):
            refuse(desk, body, error, now())
        else:
            text = logged(f"the answer to {noun(body)}", error)
            with desk.store.writing(now()) as unit:
                _tell(unit, body, text)
        return BoltResponse(status=200, body="")

    return handle


def refuse(desk: Desk, body: Mapping[str, Any], no: Exception, now: datetime) -> None:
    """Tell a person, and nobody else, why not; and keep it in the audit log."""
    actor, subject, about = person(body) or NOBODY, pointer(body), noun(body)
    if isinstance(no, Unwelcome):
        subject, about = actor, "person"
    with desk.store.writing(now) as unit:
        unit.record(f"{about}.refuse", actor=actor, subject=subject, reason=str(no))
        _tell(unit, body, str(no))


def _tell(unit: Unit, body: Mapping[str, Any], text: str) -> None:
    who, channel = person(body), _id(body.get("channel")) or body.get("channel_id")
    if who and channel:
        unit.send("ephemeral", "sentence", "", channel=channel, person=who, args={"text": text})
    elif who:  # a modal or the App Home has no channel: say it in the person's own
        unit.send("post", "sentence", "", channel=who, args={"text": text})


def person(body: Mapping[str, Any]) -> str | None:
    """Who pressed, submitted, typed or came."""
    event = body.get("event") or {}
    return _id(body.get("user")) or body.get("user_id") or event.get("user")


def _id(part: Any) -> str | None:
    return part.get("id") if isinstance(part, Mapping) else part


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
