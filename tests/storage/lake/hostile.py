"""Makers of hostile and broken files, a ground they are tried on, and a reader that knows nothing of ours."""

import csv
import gzip
import io
import random
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from spend.money import EXACT, QUANTUM
from storage.costs import CostTable, costs
from storage.lake import Lake
from storage.snapshots import DeliveryRefused, ImportReport
from storage.sources.currencies import CODES
from storage.store import Store
from tests.storage.lake.bills import ROW, current_ids, load, text, write

#: What was known before anything hostile came.
BEFORE = Decimal(7)
AMOUNT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


class Ground:
    """A lake with one bill in it; whatever is tried here leaves that bill as it is."""

    def __init__(self, lake: Lake, store: Store, folder: Path) -> None:
        self.lake, self.store, self.folder, self._tried = lake, store, folder, 0
        load(lake, store, write(folder / "before.csv", text([{"BilledCost": str(BEFORE)}])), source="before")
        self._ids = current_ids(store)

    def file(self, name: str, content: bytes) -> Path:
        """A file of these bytes, in a folder of its own."""
        self._tried += 1
        path = self.folder / str(self._tried) / name
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        return path

    def refused(self, path: Path, **said: Any) -> DeliveryRefused:
        """The refusal of a file: one sentence, nothing left behind, and what was there is there."""
        with pytest.raises(DeliveryRefused) as caught:
            load(self.lake, self.store, path, **said)
        self._harmless(caught.value)
        return caught.value

    def taken(self, path: Path, **said: Any) -> tuple[ImportReport, CostTable]:
        """What a file is read as, under a source of its own, and what it costs."""
        self._tried += 1
        report = load(self.lake, self.store, path, source=f"try-{self._tried}", **said)
        return report, self.costs(report)

    def taken_or_refused(self, path: Path) -> CostTable | None:
        """What a file costs; None where it is refused, in one sentence."""
        try:
            return self.taken(path)[1]
        except DeliveryRefused as refusal:
            self._harmless(refusal)
            return None

    def costs(self, report: ImportReport, by: Sequence[str] = ()) -> CostTable:
        """The costs of what an import brought."""
        return costs(self.lake, self.store, by=by, snapshots=[str(one.id) for one in report.snapshots])

    def _harmless(self, refusal: DeliveryRefused) -> None:
        """It is one line that no terminal obeys; what was known is known, and nothing is left behind."""
        assert str(refusal).isprintable()
        assert set(self._ids) <= set(current_ids(self.store))
        assert list((self.lake.root / "staging").iterdir()) == []

    def answers(self) -> Decimal:
        """What the bill of before costs now."""
        found: Decimal = costs(self.lake, self.store, snapshots=self._ids).totals[0]["billed_cost"]
        return found


def bill(*rows: Mapping[str, str], **options: Any) -> bytes:
    """A CSV bill of these rows."""
    return text(rows or [{}, {}, {}], **options).encode()


def zipped(*members: bytes) -> bytes:
    """A gzip of these members, one behind the other."""
    return b"".join(map(gzip.compress, members))


def parquet(columns: Mapping[str, Any] | None = None, *, rows: int = 3, **options: Any) -> bytes:
    """A Parquet bill; what the columns do not say is as in ROW."""
    import pyarrow as pa
    from pyarrow import parquet as files

    made: dict[str, Any] = {name: pa.array([value] * rows) for name, value in ROW.items()}
    out = io.BytesIO()
    files.write_table(pa.table(made | dict(columns or {})), out, **options)
    return out.getvalue()


def repeated(value: str, rows: int) -> Any:
    """A column that is one long text in the file and many in memory: a bomb of a dictionary."""
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), [value])


def mutated(chance: random.Random, content: bytes) -> bytes:
    """The bytes with a few of them changed, cut out, put in, doubled, or the rest cut off."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(data) + 1)
        size = chance.randint(1, 40)
        kind = chance.randrange(6)
        if kind == 0:
            data[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            del data[at : at + size]
        elif kind == 2:
            data[at:at] = chance.choice(
                (b",", b'"', b"\n", b"\r\n", b"1", b"-", b"e5", b"\0", b'""', b";", b".")
            )
        elif kind == 3:
            data[at:at] = data[at : at + size]
        elif kind == 4 and chance.random() < 0.3:
            del data[at:]
        else:
            data[at : at + 1] = chance.choice((b"0", b"9", b",", b'"', b"\n", b" ", b"5"))
    return bytes(data)


def independent(content: bytes) -> dict[str, Decimal] | None:
    """BilledCost by currency, by Python's own reader; None where that reader finds no such bill in it."""
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None
    header, *rest = [row for row in rows if row]
    names = [re.sub("[^a-z]", "", name.lower()) for name in header]
    if "billedcost" not in names or "billingcurrency" not in names:
        return None
    cost, currency = names.index("billedcost"), names.index("billingcurrency")
    sums: dict[str, Decimal] = {}
    for row in rest:
        if len(row) != len(header):
            return None
        code, amount = row[currency].strip().upper(), row[cost].strip()
        if code not in CODES or not AMOUNT.fullmatch(amount):
            return None
        kept = EXACT.quantize(EXACT.create_decimal(amount), QUANTUM)
        sums[code] = EXACT.add(sums.get(code, Decimal(0)), kept)
    return sums
