"""Deliveries with manifests: which is the current one of a billing period, and whether all of it is here."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from storage.sources.files import BillFile, find
from storage.sources.problems import Grade, Problem, refusal

PATTERN = "*Manifest.json"
#: How AWS calls the folder of one delivery.
DELIVERY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a provider says it delivered: an id, the period of the bill, and the names of its files."""

    path: Path
    delivery: str
    bill: tuple[str, str]
    keys: tuple[str, ...]


def gather(paths: Sequence[Path]) -> tuple[list[BillFile], list[Problem]]:
    """The files of a delivery. Where manifests tell which those are, only these, and all of them.

    Raises:
        BillRefused: a file that a manifest names is not here, or several deliveries of one period are,
            and no manifest above them says which is the current one.
    """
    manifests = [found for path in paths for found in _manifests(path)]
    folders = [path.parent if path.match(PATTERN) else path for path in paths]
    files = find(folders)
    if not manifests:
        _refuse_several(files)
        return files, []
    chosen = _current(manifests)
    named = {file.path: file for manifest in chosen for file in _whole(manifest, files)}
    older = {
        path for manifest in manifests for key in manifest.keys if (path := _match(manifest, key, files))
    }
    skipped = [
        Problem(file.shown, None, None, "skipped", f"skipped: {_why(file.path in older)}", Grade.NOTE)
        for file in files
        if file.path not in named
    ]
    return list(named.values()), skipped


def _why(older: bool) -> str:  # noqa: FBT001 - the one thing it depends on
    return "a later delivery took its place" if older else "no manifest names this file"


def _manifests(path: Path) -> Iterator[Manifest]:
    for file in sorted(path.rglob(PATTERN)) if path.is_dir() else [path] * path.match(PATTERN):
        try:
            said = json.loads(file.read_text(encoding="utf-8-sig"))
            yield Manifest(
                path=file,
                delivery=str(said["assemblyId"]),
                bill=(str(said.get("reportName")), str(said["billingPeriod"]["start"])),
                keys=tuple(map(str, said["reportKeys"])),
            )
        except OSError as error:
            raise refusal(str(file), "unreadable", f"the file cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError):
            continue  # of another kind, as FOCUS has one


def _current(manifests: Sequence[Manifest]) -> list[Manifest]:
    """The manifest of each bill that stands highest in the folders: the provider renews it each time."""
    current: list[Manifest] = []
    for bill in sorted({manifest.bill for manifest in manifests}):
        mine = [manifest for manifest in manifests if manifest.bill == bill]
        top = min(len(manifest.path.parts) for manifest in mine)
        highest = {each.delivery: each for each in mine if len(each.path.parts) == top}
        if len(highest) > 1:
            raise refusal(
                str(mine[0].path),
                "several_deliveries",
                f"here are {len(highest)} deliveries of the period from {bill[1][:8]}, and nothing says "
                "which is the last; import their folders one by one, the oldest first",
            )
        current += highest.values()
    return current


def _refuse_several(files: Sequence[BillFile]) -> None:
    """Without manifests, folders that are called by ids beside each other are deliveries of one period."""
    first: dict[tuple[Path, str], BillFile] = {}
    for file in files:
        folder = file.path.absolute().parent
        if DELIVERY.fullmatch(folder.name):
            other = first.setdefault((folder.parent, file.path.name), file)
            if other is not file:
                reason = f"this and {other.shown} look like two deliveries of one period; import the last one"
                raise refusal(file.shown, "several_deliveries", reason)


def _whole(manifest: Manifest, files: Sequence[BillFile]) -> Iterator[BillFile]:
    for key in manifest.keys:
        path = _match(manifest, key, files)
        if path is None:
            reason = f"the manifest names {key}, and it is not here; fetch the whole delivery again"
            raise refusal(str(manifest.path), "incomplete", reason)
        file = next(each for each in files if each.path == path)
        yield replace(file, delivery=manifest.delivery)


def _match(manifest: Manifest, key: str, files: Sequence[BillFile]) -> Path | None:
    """The one file that a key of a bucket means: in folders of the same names, or beside the manifest."""
    parts = tuple(part for part in key.split("/") if part)
    for length in range(len(parts), 1, -1):
        found = [file.path for file in files if file.path.absolute().parts[-length:] == parts[-length:]]
        if found:
            return found[0] if len(found) == 1 else None
    beside = manifest.path.parent / parts[-1] if parts else manifest.path
    return next((file.path for file in files if file.path == beside), None)
