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
from itertools import islice
from pathlib import Path
from typing import IO, NoReturn

from storage.sources.problems import BillRefused, printable, refusal

#: Called with bytes done, bytes in all and what is being done, in words.
Progress = Callable[[int, int, str], None]
ENDINGS = (".csv", ".csv.gz", ".gz", ".parquet")
CHUNK = 1 << 20
#: Bytes of one record of a CSV; the engine's buffers grow with it.
LONGEST_LINE = 1 << 21
#: Characters of a column's name.
LONGEST_NAME = 1000
#: A gzip of a bill holds some fifty times its size; one of more than this, and than these bytes, is a bomb.
MOST_TIMES, MOST_BYTES = 200, 1 << 26
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
        return self.path.name.lower().endswith(".parquet")

    @property
    def zipped(self) -> bool:
        """Whether it is gzip."""
        return self.path.name.lower().endswith(".gz")


def find(paths: Sequence[Path]) -> list[BillFile]:
    """Each bill file among these files and folders (searched through), in a fixed order.

    Raises:
        BillRefused: a path does not exist or is neither file nor folder, a folder cannot be read or has a
            link that leads out of it, or nothing in it is CSV, CSV.gz or Parquet.
    """
    found: list[BillFile] = []
    for path in paths:
        named = BillFile(path, printable(str(path)))
        with in_words(named):
            if path.is_dir():
                found += [BillFile(file, printable(str(file))) for file in sorted(_bills(path))]
            elif path.is_file():
                found.append(named)
            elif path.exists():
                reason = "this is neither a file nor a folder; save what it gives as a file"
                raise refusal(named.shown, "no_file", reason)
            else:
                raise refusal(named.shown, "not_found", "there is no such file or folder; check the path")
    for file in found:
        if not str(file.path).isascii() and not _is_text(os.fsencode(file.path)):
            raise refusal(file.shown, "name", "the name of this file is not UTF-8; rename it")
    if not found:
        shown = ", ".join(str(path) for path in paths) or "nothing"
        raise refusal(shown, "no_bill", "no CSV, CSV.gz or Parquet file is in here")
    return list({file.path.resolve(): file for file in found}.values())


def _bills(folder: Path) -> Iterator[Path]:
    """The bills in a folder and those below it; what is left out there could be money."""

    def unreadable(error: OSError) -> NoReturn:
        raise refusal(str(error.filename), "unreadable", f"the folder cannot be read: {error.strerror}")

    for above, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        for path in (Path(above, name) for name in folders):
            _inside(folder, path)
        for path in (Path(above, name) for name in names if not name.startswith((".", "_"))):
            if path.name.lower().endswith(ENDINGS):
                _inside(folder, path)
                if not path.is_file():
                    raise refusal(str(path), "no_file", "this is no file; take it out of the folder")
                yield path
            elif path.suffix == ".json" and path.is_file() and _is_allocation(path):
                _inside(folder, path)
                yield path


def _inside(folder: Path, path: Path) -> None:
    """A delivery must not make us read other files of this machine.

    Raises:
        BillRefused: the path is a link to nothing, or to something outside of the folder.
    """
    if path.is_symlink() and not (path.exists() and path.resolve().is_relative_to(folder.resolve())):
        reason = "this link leads out of the folder or to nothing; name what it means itself"
        raise refusal(str(path), "link", reason)


def _is_allocation(file: Path) -> bool:
    """Many files beside a bill are JSON; those of OpenCost begin with what they answer."""
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
        BillRefused: the file is truncated or unreadable, is a bomb, or holds a NUL byte or a line so long
            that DuckDB would drop it, without a word where it is the last one.
    """
    lines, size, open_since, last = 0, 0, 0, b"\n"
    with in_words(file), file.path.open("rb") as raw:
        stream: IO[bytes] = gzip.GzipFile(fileobj=raw) if file.zipped else raw  # type: ignore[assignment] # GzipFile reads as IO
        while chunk := stream.read(CHUNK):
            if (at := chunk.find(b"\0")) >= 0:
                raise _nul(file, lines + chunk.count(b"\n", 0, at) + 1)
            end = b"\n" if b"\n" in chunk else b"\r"
            first = chunk.find(end)
            if (size + first if first >= 0 else size + len(chunk)) - open_since > LONGEST_LINE:
                reason = f"this line is longer than {LONGEST_LINE >> 20} MiB, as no row is"
                raise refusal(file.shown, "csv", reason, line=lines + 1)
            open_since = size + chunk.rfind(end) + 1 if first >= 0 else open_since
            lines += chunk.count(b"\n")
            size += len(chunk)
            if size > MOST_BYTES and size > MOST_TIMES * raw.tell():
                reason = f"it unpacks to {MOST_TIMES} times its size, as no bill does; unpack it first"
                raise refusal(file.shown, "bomb", reason)
            last = chunk[-1:]
            done(raw.tell())
    return lines + (last != b"\n")


@contextmanager
def _bytes(file: BillFile) -> Iterator[IO[bytes]]:
    with file.path.open("rb") as raw:
        yield gzip.GzipFile(fileobj=raw) if file.zipped else raw  # type: ignore[misc] # GzipFile reads as IO


@contextmanager
def _text(file: BillFile) -> Iterator[IO[str]]:
    with _bytes(file) as content, io.TextIOWrapper(content, encoding="utf-8-sig", newline="") as text:
        yield text


def header(file: BillFile) -> tuple[list[str], str]:
    """The cells of a CSV's header, and the delimiter it is written with.

    Raises:
        BillRefused: the file is empty or truncated, not UTF-8 text, or its header is broken.
    """
    with in_words(file), _text(file) as text:
        try:
            first = text.readline(LONGEST_LINE)
        except UnicodeDecodeError as error:
            raise _not_text(file) from error
    if "\0" in first:
        raise _nul(file, 1)
    if not first.strip():
        raise refusal(file.shown, "empty", "the file is empty", line=1)
    delimiter = max(DELIMITERS, key=first.count)
    cells = next(_records(file, delimiter))[1]
    if any(len(cell) > LONGEST_NAME for cell in cells):
        reason = f"a name in the header has more than {LONGEST_NAME} characters: this is no table"
        raise refusal(file.shown, "header", reason, line=1)
    return cells, delimiter


def records(file: BillFile, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record after the header with the line it starts on; slow, for naming a problem's place.

    Raises:
        BillRefused: the text is not UTF-8, a quoted field never ends, or a record is too long.
    """
    return ((line, cells) for line, cells in islice(_records(file, delimiter), 1, None) if cells)


def _records(file: BillFile, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(LONGEST_LINE)  # Python's own is a sixteenth of what the engine reads
    size, start = 0, 1

    def lines(text: IO[str]) -> Iterator[str]:
        nonlocal size
        while line := text.readline(LONGEST_LINE):
            size += len(line)
            if size >= LONGEST_LINE:
                raise csv.Error(f"it is longer than {LONGEST_LINE >> 20} MiB")
            yield line

    try:
        with in_words(file), _text(file) as text:
            reader = csv.reader(lines(text), delimiter=delimiter, strict=True)
            for cells in reader:
                yield start, cells
                size, start = 0, reader.line_num + 1
    except UnicodeDecodeError as error:
        raise _not_text(file) from error
    except csv.Error as error:
        reason = f"the record that starts here is broken: {error}"
        raise refusal(file.shown, "csv", reason, line=start) from error


def _nul(file: BillFile, line: int) -> BillRefused:
    reason = "there is a NUL byte here: the file is damaged or not UTF-8 text; export it again as UTF-8"
    return refusal(file.shown, "nul", reason, line=line)


def _not_text(file: BillFile) -> BillRefused:
    with in_words(file), _bytes(file) as stream:
        lines = iter(lambda: stream.readline(LONGEST_LINE), b"")
        line = next((line for line, content in enumerate(lines, start=1) if not _is_text(content)), 1)
    return refusal(file.shown, "encoding", "this is not UTF-8 text; export the bill as UTF-8", line=line)


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def sync(path: Path) -> None:
    """Make a file or a folder durable before anything points at it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
