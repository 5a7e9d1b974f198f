"""What is wrong with a delivery: each problem with its place, a code, a sentence and a grade."""

from dataclasses import dataclass
from enum import StrEnum

from spend.errors import InputRefused

#: More problems than this help nobody; the counts are complete all the same.
MOST = 50
#: Characters of a name or a sentence that came from a file; a whole one may be a megabyte.
LONGEST_NAME, LONGEST_MESSAGE = 200, 1000


class Grade(StrEnum):
    """Block: the delivery is refused. Warn: something is off, the money is not. Note: worth knowing."""

    BLOCK = "block"
    WARN = "warn"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong; line is 1-based in the file (for Parquet: the row), None for the whole file."""

    file: str
    line: int | None
    column: str | None
    code: str
    message: str
    grade: Grade

    def __post_init__(self) -> None:
        """What came from a file is shown so that it stays one line and harmless on a terminal."""
        object.__setattr__(self, "file", printable(self.file))
        object.__setattr__(self, "column", self.column and _cut(printable(self.column), LONGEST_NAME))
        object.__setattr__(self, "message", _cut(printable(self.message), LONGEST_MESSAGE))

    def to_data(self) -> dict[str, str | int | None]:
        """Plain data, as the command line prints it."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "code": self.code,
            "message": self.message,
            "grade": str(self.grade),
        }


def printable(text: str) -> str:
    """A text with its control characters (line breaks, escapes, what turns writing round) spelled out."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "…"


class BillRefused(InputRefused):
    """A bill that cannot be read safely; its text names the first problem, `problems` has all."""

    def __init__(self, problems: list[Problem], *, rows: int = 0, rejected: int = 0) -> None:
        self.problems, self.rows, self.rejected = problems, rows, rejected
        first = next(problem for problem in problems if problem.grade is Grade.BLOCK)
        more = max(rejected, sum(problem.grade is Grade.BLOCK for problem in problems)) - 1
        rest = f" (and {more} more like this)" if more > 0 else ""
        super().__init__(first.message + rest, file=first.file, line=first.line, column=first.column)


def refusal(
    file: str, code: str, message: str, *, line: int | None = None, column: str | None = None
) -> BillRefused:
    """A refusal for one reason."""
    return BillRefused([Problem(file, line, column, code, message, Grade.BLOCK)])
