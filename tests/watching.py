"""Writes down what the runner changes in the cloud, beside how long the audit log is at that moment."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.client import BaseClient
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from actions.blast import Caps
from storage import audit
from storage.store import Store
from tests.actions.proxy import Proxy
from tests.history import EFFECTS, Effect, check

RUNNER = "actions/runner.py"
OK = 200
#: What a call names its target by; a volume that is made anew has no name before the call.
NAMES = ("InstanceIds", "VolumeId", "FunctionName")
#: What a person's client says of itself where both call the same server.
BY_HAND = "by-hand"
#: The caps in force when the block ends.
InForce = Callable[[], Caps]


@contextmanager
def watching(store: Store, caps: InForce) -> Iterator[list[Effect]]:
    """Every effect of the runner in this process until the block ends; then the history has to be right."""
    effects: list[Effect] = []
    call = BaseClient._make_api_call  # type: ignore[attr-defined] # where all calls of the library pass

    def seen(self: Any, operation: str, request: Mapping[str, Any]) -> Any:
        about = resource(request) if operation in EFFECTS.values() and by_the_runner() else None
        seq = head(store) if about else 0
        answer = call(self, operation, request)
        if about:
            effects.append(Effect(seq, operation, about))
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", seen)
        yield effects
    judge(store, effects, caps())


@contextmanager
def watching_server(store: Store, caps: InForce) -> Iterator[list[Effect]]:
    """The same where the bot is another process: every effect that this process's EC2 accepts."""
    from moto.core.responses import BaseResponse

    effects: list[Effect] = []
    act = BaseResponse.call_action

    def seen(self: Any) -> Any:
        asked = {key.split(".")[0]: values[0] for key, values in (self.querystring or {}).items()}
        operation, about = asked.get("Action"), asked.get("InstanceId") or asked.get("VolumeId")
        watched = operation in EFFECTS.values() and about and asked.get("DryRun") != "true"
        seq = head(store) if watched and BY_HAND not in self.headers.get("User-Agent", "") else None
        status, headers, body = act(self)
        if seq is not None and status == OK:
            effects.append(Effect(seq, str(operation), str(about)))
        return status, headers, body

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseResponse, "call_action", seen)
        yield effects
    judge(store, effects, caps())


@contextmanager
def watching_proxy(store: Store, caps: InForce, proxy: Proxy) -> Iterator[None]:
    """The same by what arrived at the cloud's door, and when; what a person does there goes another way."""
    kept: dict[int, datetime] = {}

    def committed(_session: Session) -> None:
        now = datetime.now(UTC)
        kept.update((seq, now) for seq in range(len(kept) + 1, head(store) + 1))

    proxy.head = lambda: head(store)
    event.listen(Session, "after_commit", committed)
    try:
        yield
    finally:
        event.remove(Session, "after_commit", committed)
    changes = [
        one for one in proxy.requests if one.accepted and one.resource and one.action in EFFECTS.values()
    ]
    judge(store, [Effect(one.seq, one.action, one.resource, one.at) for one in changes], caps(), kept)


def judge(
    store: Store, effects: Sequence[Effect], caps: Caps, kept: Mapping[int, datetime] | None = None
) -> None:
    """Fail unless the history is right.

    Args:
        kept: when each row of the log was there for all to see, by the clock of the effects.
    """
    times = kept or {}
    with store.reading() as session:
        entries = [
            {**one, "kept": times[one["seq"]]} if one["seq"] in times else one for one in audit.rows(session)
        ]
    wrong = check(effects, entries, caps)
    assert not wrong, wrong


def by_the_runner() -> bool:
    """Whether the runner makes this call, and not the test on a person's behalf."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code.co_filename.endswith(RUNNER):
            return True
    return False


def resource(request: Mapping[str, Any]) -> str | None:
    """What a call is about; a dry run changes nothing."""
    named = [request[name] for name in NAMES if name in request]
    if request.get("DryRun") or not named:
        return None
    found = named[0]
    return str(found[0] if isinstance(found, list) else found)


def head(store: Store) -> int:
    """How long the audit log is."""
    with store.reading() as session:
        return int(session.execute(text("SELECT coalesce(max(seq), 0) FROM audit")).scalar_one())
