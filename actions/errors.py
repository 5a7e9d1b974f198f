"""What can go wrong when Bursar acts on one target."""

from spend.errors import BursarError


class ActionFailed(BursarError):
    """The cloud definitely refused a call; nothing changed on this target.

    Attributes:
        target: the provider's id of the target.
        code: the provider's error code, e.g. `IncorrectInstanceState`.
        detail: the provider's message.
    """

    def __init__(self, target: str, code: str, detail: str) -> None:
        self.target, self.code, self.detail = target, code, detail
        super().__init__(f"{target}: {detail} ({code})")


class OutcomeUnknown(BursarError):
    """A call may or may not have been applied: a time-out, a cut line, a 5xx. Look, never repeat."""

    def __init__(self, target: str, detail: str) -> None:
        self.target, self.detail = target, detail
        super().__init__(f"{target}: {detail}")


class Unreadable(BursarError):
    """The cloud could not be asked. An empty or failed answer is never evidence."""


class TakenOver(BursarError):
    """Another worker holds this run now; this one must stop at once."""
