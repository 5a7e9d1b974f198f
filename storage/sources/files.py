"""The files of a delivery: finding them, proving them whole, reading a header, naming a true line."""

import csv
import gzip
import io
import os
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from storage.sources.problems import BillRefused, refusal

#: Called with bytes done, bytes in all and what is being done, in words.
Progress = Callable[[int, int, str], None]
ENDINGS = (".csv", ".csv.gz", ".gz", ".parquet")
CHUNK = 1 << 20
DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class BillFile:
    """One file: where it is, how the person named it, and the delivery its manifest says it is of.

    Attributes:
        by_row: whether its places are told by rows, because it has no lines of its own.
    """

    path: Path
    shown: str
    delivery: str | None = None
    by_row: bool = False

    @property
    def parquet(self) -> bool:
        """Whether it is Parquet; everything else is CSV."""
        return self.path.name.endswith(".parquet")

    @property
    def zipped(self) -> bool:
        """Whether it is gzip."""
        return self.path.name.endswith(".gz")


def find(paths: Sequence[Path]) -> list[BillFile]:
    """Each bill file among these files and folders (searched through), in a fixed order.

    Raises:
        BillRefused: a path does not exist, or nothing in it is CSV, CSV.gz or Parquet.
    """
    found: list[BillFile] = []
    for path in paths:
        if path.is_dir():
            found += [BillFile(file, str(file)) for file in sorted(path.rglob("*")) if _is_bill(path, file)]
        elif path.exists():
            found.append(BillFile(path, str(path)))
        else:
            raise refusal(str(path), "not_found", "there is no such file or folder; check the path")
    if not found:
        shown = ", ".join(str(path) for path in paths) or "nothing"
        raise refusal(shown, "no_bill", "no CSV, CSV.gz or Parquet file is in here")
    return list({file.path.resolve(): file for file in found}.values())


def _is_bill(folder: Path, file: Path) -> bool:
    inside = file.relative_to(folder)
    hidden = any(part.startswith((".", "_")) for part in inside.parts)
    return file.is_file() and not hidden and (file.name.endswith(ENDINGS) or _is_allocation(file))


def _is_allocation(file: Path) -> bool:
    """Many files beside a bill are JSON; those of OpenCost begin with what they answer."""
    if file.suffix != ".json":
        return False
    with file.open("rb") as start:
        return re.search(rb'"data"\s*:\s*[\[{]', start.read(4096)) is not None


@contextmanager
def in_words(file: BillFile) -> Iterator[None]:
    """Turn what the system says about a file into a sentence."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise refusal(
            file.shown, "truncated", "the gzip data is broken or ends too early; fetch the file again"
        ) from error
    except OSError as error:
        reason = f"the file cannot be read: {error.strerror or error}"
        raise refusal(file.shown, "unreadable", reason) from error


def count_lines(file: BillFile, done: Callable[[int], None]) -> int:
    """Read a CSV through to its end and count its lines; a gzip that was cut short is found here.

    DuckDB reads what there is of a truncated gzip and says nothing, so this pass is what proves it whole.

    Raises:
        BillRefused: the file is truncated or unreadable.
    """
    lines, last = 0, b"\n"
    with in_words(file), file.path.open("rb") as raw:
        stream: IO[bytes] = gzip.GzipFile(fileobj=raw) if file.zipped else raw  # type: ignore[assignment] # GzipFile reads as IO
        while chunk := stream.read(CHUNK):
            lines += chunk.count(b"\n")
            last = chunk[-1:]
            done(raw.tell())
    return lines + (last != b"\n")


@contextmanager
def _text(file: BillFile) -> Iterator[IO[str]]:
    with (
        file.path.open("rb") as raw,
        io.TextIOWrapper(
            gzip.GzipFile(fileobj=raw) if file.zipped else raw, encoding="utf-8-sig", newline=""
        ) as text,
    ):
        yield text


def header(file: BillFile) -> tuple[list[str], str]:
    """The cells of a CSV's first line, and the delimiter it is written with.

    Raises:
        BillRefused: the file is empty, truncated or not UTF-8 text.
    """
    try:
        with in_words(file), _text(file) as text:
            first = text.readline(CHUNK)
    except UnicodeDecodeError as error:
        raise _not_text(file, 1) from error
    if not first.strip():
        raise refusal(file.shown, "empty", "the file is empty", line=1)
    delimiter = max(DELIMITERS, key=first.count)
    return next(csv.reader([first], delimiter=delimiter)), delimiter


def records(file: BillFile, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record after the header with the line it starts on; slow, for naming a problem's place.

    Raises:
        BillRefused: the text is not UTF-8, or a quoted field never ends.
    """
    start = 1
    try:
        with in_words(file), _text(file) as text:
            reader = csv.reader(text, delimiter=delimiter, strict=True)
            for cells in reader:
                if cells and start > 1:
                    yield start, cells
                start = reader.line_num + 1
    except UnicodeDecodeError as error:
        raise _not_text(file, start) from error
    except csv.Error as error:
        raise refusal(
            file.shown, "csv", f"the record that starts here is broken: {error}", line=start
        ) from error


def _not_text(file: BillFile, line: int) -> BillRefused:
    return refusal(file.shown, "encoding", "this is not UTF-8 text; export the bill as UTF-8", line=line)


def sync(path: Path) -> None:
    """Make a file or a folder durable before anything points at it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
