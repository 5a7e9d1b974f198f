"""Where the parts of snapshots are kept: what the lake asks of a place, and the place that is a folder."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from actions.crash import crashpoint
from spend.errors import NotFound
from storage.sources.files import sync

#: The name of a part: its number, and how many there are. Lakes of the first version do not tell the latter.
PART = re.compile(r"part-(\d+)(?:-of-(\d+))?\.parquet")
FOLDER = re.compile(r"source=[^/]+/period=[^/]+/snapshot=([^/]+)")


@dataclass(frozen=True, slots=True)
class Held:
    """What a place holds of one snapshot: the size of each of its parts, by name."""

    sizes: Mapping[str, int]

    @property
    def bytes(self) -> int:
        """How much space it takes."""
        return sum(self.sizes.values())

    @property
    def names(self) -> list[str]:
        """Its parts in their order; empty unless all of them are there."""
        told = sorted((int(found[1]), found) for name in self.sizes if (found := PART.fullmatch(name)))
        counts = {int(found[2] or len(told)) for _, found in told}
        whole = counts == {len(told)} and [number for number, _ in told] == list(range(len(told)))
        return [found[0] for _, found in told] if whole else []

    def whole(self, files: Sequence[Mapping[str, Any]]) -> bool:
        """Whether all parts are there, each with the size that the snapshot's row says."""
        return bool(self.names) and all(self.sizes.get(one["name"]) == one["bytes"] for one in files)


class Place(Protocol):
    """Keeps the parts of snapshots, each snapshot under an id of its own, and changes none.

    Attributes:
        root: a folder of this machine from which the place takes parts; work in progress lies there.
        shown: what people call it.
    """

    root: Path
    shown: str

    def keep(self, folder: str, parts: Sequence[Path]) -> None:
        """Take these files as all parts of a new snapshot, durably.

        Args:
            folder: where in the place, as `folder_of` names it.
        """

    def paths(self, snapshots: Collection[str]) -> dict[str, list[Path]]:
        """Files of this machine with all parts of these snapshots; without those that are not whole here."""

    def held(self) -> dict[str, Held]:
        """All that is kept here, by snapshot; whatever is left of one counts."""

    def remove(self, snapshots: Collection[str], aside: Path) -> None:
        """Remove all that is left of these; no part of one passes for a whole one meanwhile.

        Args:
            aside: a folder under `root` that is removed afterwards.
        """


def folder_of(source: str, period: date, snapshot: str) -> str:
    """Where in a place the parts of a snapshot lie: engines read these names as columns."""
    return f"source={source}/period={period.isoformat()}/snapshot={snapshot}"


def snapshot_of(path: str) -> str | None:
    """The snapshot that this place in the lake belongs to; None for anything else."""
    found = FOLDER.match(path)
    return found[1] if found else None


def part_of(number: int, count: int) -> str:
    """The name of a part."""
    return f"part-{number}-of-{count}.parquet"


def paths_of(place: Place, snapshots: Sequence[str]) -> list[Path]:
    """The files of these snapshots, in their order.

    Raises:
        NotFound: a snapshot is not there, or not whole.
    """
    found = place.paths(snapshots)
    for snapshot in snapshots:
        if snapshot not in found:
            raise NotFound(
                f"The files of snapshot {snapshot} are not (or not all) in {place.shown}; "
                "restore them or import the bill again."
            )
    return [path for snapshot in snapshots for path in found[snapshot]]


class Folder:
    """Parts in a folder: a snapshot appears whole, by one rename, and goes by one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.shown = str(root)

    def keep(self, folder: str, parts: Sequence[Path]) -> None:
        """Sync the parts, then let them appear all at once."""
        target = self.root / folder
        ready = parts[0].parent / target.name
        ready.mkdir()
        for number, part in enumerate(parts):
            sync(part.rename(ready / part_of(number, len(parts))))
        sync(ready)
        crashpoint("parts.ready")
        target.parent.mkdir(parents=True, exist_ok=True)
        ready.rename(target)
        for above in (target.parent, target.parent.parent, self.root):
            sync(above)

    def paths(self, snapshots: Collection[str]) -> dict[str, list[Path]]:
        """Where they lie."""
        found = {}
        for folder in self.folders(snapshots):
            names = _held(folder).names
            if names:
                found[_id(folder)] = [folder / name for name in names]
        return found

    def held(self) -> dict[str, Held]:
        """What the folders hold."""
        return {_id(folder): _held(folder) for folder in self.folders()}

    def remove(self, snapshots: Collection[str], aside: Path) -> None:
        """Take each folder out of the lake by one rename."""
        for folder in self.folders(snapshots):
            with suppress(FileNotFoundError):  # another collection was faster
                folder.rename(aside / folder.name)
            crashpoint("parts.aside")

    def folders(self, snapshots: Collection[str] | None = None) -> Iterator[Path]:
        """Those of these snapshots, or all."""
        for folder in sorted(self.root.glob("source=*/period=*/snapshot=*")):
            if snapshots is None or _id(folder) in snapshots:
                yield folder


def _id(folder: Path) -> str:
    return folder.name.removeprefix("snapshot=")


def _held(folder: Path) -> Held:
    """What is in a folder of the lake; one that is taken away at this moment holds nothing."""
    try:
        return Held({file.name: file.stat().st_size for file in folder.iterdir()})
    except FileNotFoundError:
        return Held({})
