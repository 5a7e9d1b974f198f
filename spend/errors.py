"""The error tree. The text of a `Refused` is the sentence that the person reads.

BursarError
├── Refused            a person, a policy or a guard said no; nothing changed (exit 4)
│   └── Conflict       somebody else moved the record first; look again (exit 4)
├── InputRefused       a file or a payload is broken; what was there before stays (exit 3)
├── SettingsWrong      bursar.yaml or the environment does not hold; all errors at once (exit 2)
├── NotFound           no such record, or not one for you (exit 2)
└── ActionFailed       a cloud call on one target did not succeed (actions/errors.py)
"""


class BursarError(Exception):
    """The root of what Bursar raises on purpose. Its text is a sentence with the way out."""


class Refused(BursarError):
    """A person, a policy or a guard said no, and nothing changed."""


class Conflict(Refused):
    """Another process moved the record between our look and our write."""


class NotFound(BursarError):
    """There is no such record, or it is not one for this person: the two read the same."""


class SettingsWrong(BursarError):
    """Settings that do not hold; the text lists every error with its file and line."""


class InputRefused(BursarError):
    """An input that cannot be read safely.

    Attributes:
        file: the file as the person named it.
        line: 1-based line in it, or None where the whole file is meant.
        column: the FOCUS column or field, or None.
        reason: what is wrong, in words.
    """

    def __init__(self, reason: str, *, file: str, line: int | None = None, column: str | None = None) -> None:
        self.file, self.line, self.column, self.reason = file, line, column, reason
        place = file if line is None else f"{file}:{line}"
        super().__init__(f"{place}{f' column {column}' if column else ''}: {reason}")
