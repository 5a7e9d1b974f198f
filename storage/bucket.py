"""A lake in a bucket: each part is an object, and what was read last lies here as a copy."""

import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from actions.crash import crashpoint
from storage import ids
from storage.parts import Folder, Held, part_of, snapshot_of
from storage.sources.files import sync
from storage.sources.objects import Objects

#: What was asked for within so many seconds may be in use, and stays whatever the bound says.
IN_USE = 3600


class Bucket:
    """Parts in a bucket, each put once; copies of them in the folder `cache` of the home.

    A copy appears when it is whole and was compared with what was put. The folder may be removed while
    nothing runs: it holds nothing that is not elsewhere.

    Args:
        most: how many bytes of copies stay, of what was used last.
    """

    def __init__(self, objects: Objects, home: Path, most: int) -> None:
        self.root = home / "cache"
        self.shown = objects.url
        self._objects, self._most = objects, most
        self._copies = Folder(self.root)

    def keep(self, folder: str, parts: Sequence[Path]) -> None:
        """Put the parts; what was put is the first copy here."""
        keys = [f"{folder}/{part_of(number, len(parts))}" for number in range(len(parts))]
        for key, part in zip(keys, parts, strict=True):
            self._objects.put(key, part)
            crashpoint("part.kept")
        for key, part in zip(keys, parts, strict=True):
            self._copy(key, part)

    def paths(self, snapshots: Collection[str]) -> dict[str, list[Path]]:
        """Copies of the parts; those that are missing here are fetched."""
        found = self._copies.paths(snapshots)
        missing = set(snapshots) - found.keys()
        if missing:
            self._fetch(missing)
            found = self._copies.paths(snapshots)
        for files in found.values():
            with suppress(FileNotFoundError):
                os.utime(files[0].parent)
        if missing:
            self._shrink()
        return found

    def held(self) -> dict[str, Held]:
        """What the bucket holds; of what is only being sent there are no parts yet."""
        begun = {snapshot for key, _ in self._objects.unfinished() if (snapshot := snapshot_of(key))}
        return {snapshot: Held({}) for snapshot in begun} | _by_snapshot(self._objects.sizes())

    def remove(self, snapshots: Collection[str], aside: Path) -> None:
        """Remove the first part first: what is left of a snapshot is never whole."""
        self._copies.remove(snapshots, aside)
        for key, upload in self._objects.unfinished():
            if snapshot_of(key) in snapshots:
                self._objects.abort(key, upload)
        for key in sorted(self._objects.sizes(), key=lambda key: (len(key), key)):
            if snapshot_of(key) in snapshots:
                self._objects.remove(key)
                crashpoint("object.removed")

    def _fetch(self, snapshots: Collection[str]) -> None:
        sizes = self._objects.sizes()
        whole = {snapshot for snapshot, held in _by_snapshot(sizes).items() if held.names}
        for key in sizes:
            if snapshot_of(key) in whole.intersection(snapshots) and not (self.root / key).exists():
                passing = self._passing()
                self._objects.fetch(key, passing)
                crashpoint("part.fetched")
                self._copy(key, passing)

    def _copy(self, key: str, part: Path) -> None:
        sync(part)  # a name must not outlive a power cut that its bytes do not
        copy = self.root / key
        copy.parent.mkdir(parents=True, exist_ok=True)
        part.rename(copy)

    def _passing(self) -> Path:
        """A new name for what is on its way into the copies, or out of them."""
        folder = self.root / "passing"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / ids.new("part")

    def _shrink(self) -> None:
        """Remove copies, those that were used longest ago first, and what dead fetches left."""
        with suppress(FileNotFoundError):  # another process is at it
            used = {folder: folder.stat().st_mtime for folder in self._copies.folders()}
            latest, room = max(used.values(), default=0), self._most
            for folder in sorted(used, key=used.__getitem__, reverse=True):
                room -= sum(file.stat().st_size for file in folder.iterdir())
                if room < 0 and latest - used[folder] > IN_USE:
                    folder.rename(self._passing())
            for left in self._passing().parent.iterdir():
                if latest - left.stat().st_mtime > IN_USE:
                    shutil.rmtree(left) if left.is_dir() else left.unlink()


def _by_snapshot(sizes: Mapping[str, int]) -> dict[str, Held]:
    found: dict[str, dict[str, int]] = {}
    for key, size in sizes.items():
        if snapshot := snapshot_of(key):
            found.setdefault(snapshot, {})[PurePosixPath(key).name] = size
    return {snapshot: Held(held) for snapshot, held in found.items()}
