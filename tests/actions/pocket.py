"""A cloud of a few instances in memory, which refuses, loses and delays by the word: no port, no thread."""

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from actions import registry
from actions.base import Target
from tests.actions.world import ACCOUNT, NOW, REGION

#: What may go wrong with a call that changes something. Before it is taken: `throttle` and `deny` are
#: refusals, `drop` is a line that is cut. After: `lose` cuts the line, `broken` answers 503, and with
#: `late` the line is cut at once and the change shows only after a while.
CHANGING = ("throttle", "deny", "drop", "lose", "broken", "late")
#: What may go wrong with a look.
READING = ("fails", "empty")
_CODES = {
    "throttle": (503, "RequestLimitExceeded"),
    "deny": (403, "UnauthorizedOperation"),
    "broken": (503, "Unavailable"),
    "fails": (500, "InternalError"),
}
#: From when on an accepted stop shows, and from when on it is over.
USUAL, LATE = (timedelta(0), timedelta(seconds=10)), (timedelta(seconds=20), timedelta(seconds=24))


@dataclass
class Box:
    """One instance.

    Attributes:
        shown: what a look showed last, without the tags that are ours.
        stopped: when it was told to stop, and how that shows.
    """

    id: str
    tags: dict[str, str] = field(default_factory=lambda: {"Environment": "dev"})
    gone: bool = False
    stopped: tuple[datetime, tuple[timedelta, timedelta]] | None = None
    shown: Any = None

    def stop(self, now: datetime, shows: tuple[timedelta, timedelta] = USUAL) -> None:
        """Stop it, unless that is under way."""
        self.stopped = self.stopped or (now, shows)

    def state(self, now: datetime) -> str:
        """The state that a look shows at this moment."""
        if self.gone:
            return "terminated"
        if self.stopped is None or now < self.stopped[0] + self.stopped[1][0]:
            return "running"
        return "stopped" if now >= self.stopped[0] + self.stopped[1][1] else "stopping"


class Pocket:
    """The account, and its EC2.

    Attributes:
        words: what goes wrong with the next calls of an operation, one word each; None is a good one.
        arriving: told of each change when it reaches the cloud, before anything is done about it.
        answered: told of each change that the cloud took, before its answer leaves.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.boxes: dict[str, Box] = {}
        self.words: dict[str, deque[str | None]] = defaultdict(deque)
        self.arriving: Callable[[str, str], None] = lambda _operation, _box: None
        self.answered: Callable[[str, str], None] = lambda _operation, _box: None

    def add(self, key: str, **tags: str) -> Target:
        """A running instance, read as a plan freezes it."""
        self.boxes[key] = Box(key, {"Environment": "dev", **tags})
        asked = Target(key, ACCOUNT, REGION, "instance", key, identity="", state="")
        found = registry.action("aws.stop_instances").read(self, asked)
        assert found is not None
        return found

    def client(self, _account: str, _service: str, _region: str = REGION, *, mutating: bool = False) -> Any:
        """The cloud is its own client."""
        return self

    def describe_instances(self, *, InstanceIds: list[str]) -> dict[str, Any]:  # noqa: N803 - AWS names it so
        """One instance, as it shows now."""
        [key] = InstanceIds
        word = self._next("DescribeInstances")
        if word == "empty":
            return {"Reservations": []}
        if word:
            raise _refusal(word)
        box = self.boxes[key]
        box.shown = (box.state(self.now()), dict(box.tags))
        return {"Reservations": [{"Instances": [_row(box, box.shown[0])]}]}

    def create_tags(self, *, Resources: list[str], Tags: list[dict[str, str]]) -> None:  # noqa: N803 - likewise
        """Tag one instance."""
        [key] = Resources
        tags = {tag["Key"]: tag["Value"] for tag in Tags}
        self._change("CreateTags", key, lambda box, _late: box.tags.update(tags))

    def stop_instances(self, *, InstanceIds: list[str], DryRun: bool = False) -> None:  # noqa: N803 - likewise
        """Stop one instance; a dry run only says that it would."""
        [key] = InstanceIds
        if DryRun:
            self._change("DryRun", key, lambda _box, _late: None)
            raise _client_error(412, "DryRunOperation")
        self._change("StopInstances", key, lambda box, late: box.stop(self.now(), LATE if late else USUAL))

    def _change(self, operation: str, key: str, do: Callable[[Box, bool], None]) -> None:
        from botocore.exceptions import ConnectionClosedError

        self.arriving(operation, key)
        word = self._next(operation)
        if word in {"throttle", "deny"}:
            raise _refusal(word)
        if word != "drop":
            do(self.boxes[key], word == "late")
            self.answered(operation, key)
        if word == "broken":
            raise _refusal(word)
        if word:
            raise ConnectionClosedError(endpoint_url="memory")

    def _next(self, operation: str) -> str | None:
        words = self.words[operation]
        return words.popleft() if words else None


def _row(box: Box, state: str) -> dict[str, Any]:
    return {
        "InstanceId": box.id,
        "InstanceType": "t3.medium",
        "LaunchTime": NOW - timedelta(days=90),
        "RootDeviceType": "ebs",
        "State": {"Name": state},
        "Tags": [{"Key": key, "Value": value} for key, value in box.tags.items()],
    }


def _refusal(word: str) -> Exception:
    return _client_error(*_CODES[word])


def _client_error(status: int, code: str) -> Exception:
    from botocore.exceptions import ClientError

    return ClientError(
        {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item] # the rest nobody reads
        "operation",
    )
