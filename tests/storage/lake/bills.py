"""Small FOCUS bills written by the tests, and imports of them."""

import csv
import gzip
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from storage.lake import Lake, import_files
from storage.snapshots import ImportReport, current
from storage.store import Store

NOW = datetime(2026, 6, 2, 9, tzinfo=UTC)
SHARED = Path(__file__).parents[3].parent / "shared" / "data" / "billing"

ROW: Mapping[str, str] = {
    "BillingAccountId": "1001",
    "SubAccountId": "dev",
    "BillingPeriodStart": "2026-05-01T00:00:00Z",
    "BillingPeriodEnd": "2026-06-01T00:00:00Z",
    "ChargePeriodStart": "2026-05-03T00:00:00Z",
    "ChargePeriodEnd": "2026-05-04T00:00:00Z",
    "ChargeCategory": "Usage",
    "ChargeClass": "",
    "ChargeFrequency": "Usage-Based",
    "BilledCost": "1",
    "EffectiveCost": "1",
    "ListCost": "1",
    "ContractedCost": "1",
    "BillingCurrency": "USD",
    "ServiceName": "Compute",
    "ResourceId": "i-1",
    "Tags": '{"team": "web"}',
}


def text(rows: Iterable[Mapping[str, str]], *, without: Sequence[str] = ()) -> str:
    """A FOCUS CSV of these rows; what a row does not say is as in ROW."""
    return table([{**ROW, **row} for row in rows], without=without)


def table(filled: Sequence[Mapping[str, str]], *, without: Sequence[str] = ()) -> str:
    """A CSV of these rows, whatever their columns."""
    columns = [
        column for column in dict.fromkeys(key for row in filled for key in row) if column not in without
    ]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(filled)
    return out.getvalue()


def write(path: Path, content: str | bytes) -> Path:
    """Write a file, gzipped where its name says so."""
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
    return path


def quiet(_done: int, _total: int, _message: str) -> None:
    """No bar."""


def load(
    lake: Lake,
    store: Store,
    *paths: Path | str,
    dialect: str | None = None,
    currency: str | None = None,
    source: str | None = None,
    promoted: tuple[str, ...] = (),
    forced: bool = False,
) -> ImportReport:
    """Import without a bar."""
    return import_files(
        lake,
        store,
        paths,
        dialect=dialect,
        currency=currency,
        source=source,
        promoted=promoted,
        actor="U_FINANCE",
        now=NOW,
        progress=quiet,
        forced=forced,
    )


def current_ids(store: Store) -> list[str]:
    """The ids of the current snapshots."""
    with store.reading() as session:
        return [row.id for row in current(session)]
