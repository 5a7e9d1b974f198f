"""The files of one import: those of paths, and those that a reader fetches, called as they are there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from storage.parts import Place
from storage.snapshots import Outcome, current, delivery_of
from storage.sources.dialects import DIALECTS
from storage.sources.files import BillFile, Progress
from storage.sources.manifests import gather
from storage.sources.problems import BillRefused, Problem
from storage.sources.remote import Access, Asked, fetch, scheme
from storage.store import Store
from storage.tables import Snapshot


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be gathered.

    Attributes:
        places: paths and addresses.
        access: how the addresses are entered.
        source: to which the bills will belong; None where their format tells.
        folder: what is fetched comes here.
    """

    places: Sequence[str]
    access: Access
    source: str | None
    folder: Path


@dataclass(frozen=True, slots=True)
class Gathered:
    """What an import is to read, and what a reader left because it is known already."""

    files: list[BillFile]
    problems: list[Problem]
    unchanged: list[Outcome]


def gathered(place: Place, store: Store, wanted: Wanted, progress: Progress, now: datetime) -> Gathered:
    """Fetch what lies elsewhere, and find all files.

    Args:
        place: where the lake keeps what is known.

    Raises:
        SettingsWrong: an address is of a kind that nobody reads.
        BillRefused: something is not there or not whole.
    """
    paths = [Path(one) for one in wanted.places if scheme(one) is None]
    remote = [one for one in wanted.places if scheme(one) is not None]
    known = _known(place, store, wanted.source) if remote else {}
    called: dict[Path, str] = {}
    unchanged: list[Outcome] = []
    told: list[Problem] = []
    for number, one in enumerate(remote):
        asked = Asked(one, wanted.folder / str(number), wanted.access, known.keys(), progress, now)
        fetch(asked)
        unchanged += [outcome for each in sorted(asked.met) for outcome in known[each]]
        told += asked.told
        if any(asked.into.iterdir()):
            called[asked.into] = one.rstrip("/")
    if not paths and not called:
        return Gathered([], told, unchanged)
    try:
        files, left_out = gather([*paths, *called])
    except BillRefused as refused:
        named = [replace(one, file=_called(Path(one.file), called)) for one in refused.problems]
        raise BillRefused(named) from refused
    files = [replace(file, shown=_called(file.path, called)) if called else file for file in files]
    return Gathered(files, [*told, *left_out], unchanged)


def _known(place: Place, store: Store, source: str | None) -> dict[str, list[Outcome]]:
    """The current deliveries with their bills; one of which files were lost is to be read again."""
    held = place.held()
    sources = (source,) if source else DIALECTS
    found: dict[str, list[Snapshot]] = {}
    with store.reading() as session:
        for row in current(session):
            if row.source in sources and (delivery := delivery_of(row)):
                found.setdefault(delivery, []).append(row)
    return {
        delivery: [_outcome(row) for row in rows]
        for delivery, rows in found.items()
        if all(row.id in held and len(held[row.id].names) == len(row.files) for row in rows)
    }


def _called(path: Path, called: Mapping[Path, str]) -> str:
    for folder, place in called.items():
        if path.is_relative_to(folder):
            inside = path.relative_to(folder).as_posix()
            whole = inside == "." or place.endswith(f"/{inside}")  # the place itself is one file
            return place if whole else f"{place}/{inside}"
    return str(path)


def _outcome(row: Snapshot) -> Outcome:
    return Outcome(
        id=row.id,
        source=row.source,
        billing_account=row.billing_account,
        billing_period=row.billing_period,
        state="unchanged",
        rows=row.rows,
        rejected=row.rejected,
        warnings=row.warnings,
        totals=row.totals,
        last_day=row.last_day,
    )
