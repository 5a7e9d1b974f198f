"""Deliveries with manifests: which is the current one of a billing period, and whether all of it is here."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from storage.sources.files import BillFile, find
from storage.sources.problems import Grade, Problem, refusal

PATTERN = "*Manifest.json"
#: How AWS calls the folder of one delivery; Data Exports put the time before the id.
DELIVERY = re.compile(r"(?:.+-)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
#: The folder of a billing period of Data Exports: in capitals in their documents, in small letters for FOCUS.
PERIOD = re.compile(r"billing_period=(\d{4}-\d{2})", re.IGNORECASE)
#: Files by their names, where a delivery's files are looked for.
Files = Mapping[str, Sequence[Path]]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a provider says it delivered.

    Attributes:
        shown: how the person named it.
        delivery: the id of the delivery; None where the manifest has none.
        bill: whose bill of which period it is, the period last.
        keys: the names of its files.
    """

    path: Path
    shown: str
    delivery: str | None
    bill: tuple[str, ...]
    keys: tuple[str, ...]


def gather(paths: Sequence[Path]) -> tuple[list[BillFile], list[Problem]]:
    """The files of a delivery. Where manifests tell which those are, only these, and all of them.

    Raises:
        BillRefused: a file that a manifest names is not here, or several deliveries of one period are,
            and no manifest above them says which is the current one.
    """
    manifests = [found for path in paths for found in _manifests(path)]
    folders = [path.parent if path.match(PATTERN) else path for path in paths]
    files = {file.path: file for file in find(folders)}
    if not manifests:
        refuse_several(files.values())
        return list(files.values()), []
    by_name = named(files)
    told = {
        path: replace(files[path], delivery=manifest.delivery)
        for path, manifest in told_by(current(manifests), by_name).items()
    }
    older = {match(each.path, key, by_name) for each in manifests for key in each.keys}
    left = [_left_out(file, older=path in older) for path, file in files.items() if path not in told]
    return list(told.values()), left


def _left_out(file: BillFile, *, older: bool) -> Problem:
    if older:
        return Problem(
            file.shown, None, None, "skipped", "skipped: a later delivery took its place", Grade.NOTE
        )
    return unnamed(file.shown)


def unnamed(shown: str) -> Problem:
    """A file that looks like a bill, among bills that have manifests."""
    return Problem(shown, None, None, "unnamed", "left out: no manifest names this file", Grade.WARN)


def _manifests(path: Path) -> Iterator[Manifest]:
    for file in sorted(path.rglob(PATTERN)) if path.is_dir() else [path] * path.match(PATTERN):
        if not file.is_file():
            continue
        try:
            found = parse(file, str(file), file.read_bytes())
        except OSError as error:
            raise refusal(str(file), "unreadable", f"the file cannot be read: {error.strerror}") from error
        if found is not None:
            yield found


def parse(path: Path, shown: str, data: bytes) -> Manifest | None:
    """What a manifest of AWS says, of a legacy report or a data export; None where it is of another kind."""
    try:
        said = json.loads(data.decode("utf-8-sig"))
        delivery, bill, keys = _report(said) if "reportKeys" in said else _export(path, said)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None  # of another kind, as FOCUS has one
    return Manifest(path, shown, delivery, bill, keys)


def _report(said: Mapping[str, Any]) -> tuple[str | None, tuple[str, ...], tuple[str, ...]]:
    bill = (str(said.get("account")), str(said.get("reportName")), str(said["billingPeriod"]["start"])[:8])
    return str(said["assemblyId"]), bill, tuple(map(str, said["reportKeys"]))


def _export(path: Path, said: Mapping[str, Any]) -> tuple[str | None, tuple[str, ...], tuple[str, ...]]:
    """A data export tells its period by folders; its id is in the manifest or the name of a folder.

    One execution may deliver several periods, one after the other: a delivery is one of them.
    """
    keys = tuple(map(str, said["dataFiles"]))
    place = next((found for text in (*keys[:1], str(path)) if (found := PERIOD.search(text))), None)
    period = place[1] if place else str(said["billingPeriod"]["start"])[:7]
    folder = DELIVERY.fullmatch(keys[0].split("/")[-2]) if keys and "/" in keys[0] else None
    execution = said.get("executionId") or (folder and folder[1])
    delivery = f"{execution}:{period}" if execution else None
    return delivery, (str(said.get("exportArn")), path.name, period), keys


def current(manifests: Sequence[Manifest]) -> list[Manifest]:
    """The manifest of each bill that stands highest in the folders: the provider renews it each time.

    Raises:
        BillRefused: several stand equally high and name different deliveries.
    """
    found: list[Manifest] = []
    for bill in sorted({manifest.bill for manifest in manifests}):
        mine = [manifest for manifest in manifests if manifest.bill == bill]
        top = min(len(manifest.path.parts) for manifest in mine)
        highest = {(each.delivery, each.keys): each for each in mine if len(each.path.parts) == top}
        if len(highest) > 1:
            raise refusal(
                mine[0].shown,
                "several_deliveries",
                f"here are {len(highest)} deliveries of the period from {bill[-1]}, and nothing says "
                "which is the last; import their folders one by one, the oldest first",
            )
        found += highest.values()
    return found


def refuse_several(files: Iterable[BillFile]) -> None:
    """Without manifests, folders that are called by ids beside each other are deliveries of one period.

    Raises:
        BillRefused: there are such folders.
    """
    first: dict[tuple[Path, str], BillFile] = {}
    for file in files:
        folder = file.path.absolute().parent
        if DELIVERY.fullmatch(folder.name):
            other = first.setdefault((folder.parent, file.path.name), file)
            if other is not file:
                reason = f"this and {other.shown} look like two deliveries of one period; import the last one"
                raise refusal(file.shown, "several_deliveries", reason)


def named(paths: Iterable[Path]) -> Files:
    """Files by their names."""
    by_name: dict[str, list[Path]] = {}
    for path in paths:
        by_name.setdefault(path.name, []).append(path)
    return by_name


def told_by(manifests: Iterable[Manifest], by_name: Files) -> dict[Path, Manifest]:
    """The files that these manifests name, each with the manifest that does.

    Raises:
        BillRefused: a file is not here, or two bills name the same one.
    """
    told: dict[Path, Manifest] = {}
    for manifest in manifests:
        for key in manifest.keys or ("no files",):
            path = match(manifest.path, key, by_name)
            if path is None:
                raise refusal(manifest.shown, "incomplete", _missing(key))
            other = told.setdefault(path, manifest)
            if other.bill != manifest.bill:
                reason = f"this manifest and {other.shown} name the same file, {path.name}; import one alone"
                raise refusal(manifest.shown, "named_twice", reason)
    return told


def _missing(key: str) -> str:
    if key.endswith(".zip"):
        return f"the manifest names {key}, and ZIP is not read; have the report written as GZIP or Parquet"
    return f"the manifest names {key}, and it is not here; name a folder that holds the whole delivery"


def match(manifest: Path, key: str, by_name: Files) -> Path | None:
    """The one file that a key of a bucket means: in folders of the same names, or beside the manifest."""
    parts = tuple(part for part in key.split("/") if part)
    near = by_name.get(parts[-1], ()) if parts else ()
    for length in range(len(parts), 1, -1):
        found = [path for path in near if path.absolute().parts[-length:] == parts[-length:]]
        if found:
            return found[0] if len(found) == 1 else None
    return next((path for path in near if path.parent == manifest.parent), None)
