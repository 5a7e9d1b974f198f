"""Deliveries with manifests: which is the current one of a billing period, and whether all of it is here."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
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
    by_name: dict[str, list[BillFile]] = {}
    for file in files:
        by_name.setdefault(file.path.name, []).append(file)
    named = {file.path: file for manifest in _current(manifests) for file in _whole(manifest, by_name)}
    meant = (_match(each, key, by_name) for each in manifests for key in each.keys)
    older = {file.path for file in meant if file is not None}
    left = [file for file in files if file.path not in named]
    told = [_left_out(file, older=file.path in older) for file in left]
    return list(named.values()), told


def _left_out(file: BillFile, *, older: bool) -> Problem:
    if older:
        return Problem(
            file.shown, None, None, "skipped", "skipped: a later delivery took its place", Grade.NOTE
        )
    return Problem(file.shown, None, None, "unnamed", "left out: no manifest names this file", Grade.WARN)


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


def _whole(manifest: Manifest, by_name: Mapping[str, Sequence[BillFile]]) -> Iterator[BillFile]:
    for key in manifest.keys or ("no files",):
        file = _match(manifest, key, by_name)
        if file is None:
            reason = f"the manifest names {key}, and it is not here; fetch the whole delivery again"
            raise refusal(str(manifest.path), "incomplete", reason)
        yield replace(file, delivery=manifest.delivery)


def _match(manifest: Manifest, key: str, by_name: Mapping[str, Sequence[BillFile]]) -> BillFile | None:
    """The one file that a key of a bucket means: in folders of the same names, or beside the manifest."""
    parts = tuple(part for part in key.split("/") if part)
    near = by_name.get(parts[-1], ()) if parts else ()
    for length in range(len(parts), 1, -1):
        found = [file for file in near if file.path.absolute().parts[-length:] == parts[-length:]]
        if found:
            return found[0] if len(found) == 1 else None
    return next((file for file in near if file.path.parent == manifest.path.parent), None)
