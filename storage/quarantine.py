"""Keeps refused deliveries aside, to be looked at and imported again; no question of money reads them."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from storage import snapshots
from storage.snapshots import DeliveryRefused
from storage.sources.files import ENDINGS, find
from storage.sources.layout import recognised
from storage.sources.manifests import PATTERN
from storage.sources.problems import BillRefused
from storage.sources.remote import scheme

#: What is kept in all: the newest refused deliveries, and no more than this of their files.
MOST, MOST_BYTES = 10, 1 << 30
#: A delivery of more files than this keeps its report alone: somebody named the wrong folder.
MOST_FILES = 10_000
#: The source of a refused delivery that nobody named and whose format nobody knows.
UNKNOWN = "unknown"
#: So many files are looked at to tell the format of a delivery that was refused.
MOST_LOOKED_AT = 20
REPORT, FILES = "report.json", "files"


@dataclass(frozen=True, slots=True)
class Kept:
    """A refused delivery that was kept aside.

    Attributes:
        places: its files and folders, as they were named when it was imported; empty where it was too large.
        said: its report, and what the import was asked.
    """

    folder: Path
    places: Sequence[Path]
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """What an import was asked, for the next try.

    Attributes:
        delivery: the id of its record; None keeps nothing aside.
    """

    delivery: str | None
    places: Sequence[str]
    source: str | None
    dialect: str | None
    currency: str | None
    now: datetime


def kept_in(home: Path) -> Path:
    """Where refused deliveries are kept: on this machine, wherever the lake is."""
    return home / "lake" / "quarantine"


def aside(
    home: Path, staging: Path, connection: Any, order: Order, refused: BillRefused | DeliveryRefused
) -> DeliveryRefused:
    """The refusal with the name of its source, known or derived, its files kept aside."""
    fetched = staging / "fetched"
    paths = [Path(place) for place in order.places if scheme(place) is None]
    paths += sorted(fetched.iterdir()) if fetched.exists() else []
    dialect = order.dialect or _recognised(connection, paths)
    source = order.source or dialect or UNKNOWN
    found = refused if isinstance(refused, DeliveryRefused) else snapshots.refused(source, refused)
    report = replace(found.report, source=source, dialect=dialect, delivery=order.delivery)
    if order.delivery is not None and paths:
        asked = {name: getattr(order, name) for name in ("places", "source", "dialect", "currency")}
        said = {**asked, "at": order.now.isoformat(), "report": report.to_data()}
        kept = keep(home, staging, order.delivery, paths, said)
        report = replace(report, quarantined=kept)
    return DeliveryRefused(report, found.cause)


def _recognised(connection: Any, paths: Sequence[Path]) -> str | None:
    try:
        files = find(paths)[:MOST_LOOKED_AT]
    except BillRefused:
        return None
    return next((found.name for file in files if (found := recognised(connection, file))), None)


def keep(home: Path, staging: Path, key: str, paths: Sequence[Path], said: Mapping[str, Any]) -> str | None:
    """Put copies of a refused delivery's files aside with its report, and let the oldest go.

    What was fetched lies in `staging` already and is linked.

    Returns:
        The id under which its files are: that of an earlier delivery where it had the same; None where
        there are none, they are too large, or the disk does not take them.
    """
    folder = staging / "aside"
    try:
        folder.mkdir()
        listed = list(islice(_files(paths), MOST_FILES + 1))
        if not listed:
            return None
        small = len(listed) <= MOST_FILES and sum(file.stat().st_size for file, _ in listed) <= MOST_BYTES
        content = _take(listed, folder / FILES, staging) if small else None
        same = next((one for one in _all(home) if content and one.said.get("content") == content), None)
        if same is not None:
            return same.folder.name
        told = {**said, "content": content, "kept": [_place(*one) for one in enumerate(paths)]}
        (folder / REPORT).write_text(json.dumps(told, indent=2), encoding="utf-8")
        kept_in(home).mkdir(parents=True, exist_ok=True)
        folder.rename(kept_in(home) / key)
    except OSError:
        return None
    _prune(home)
    return key if content else None


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """The files of a delivery with their manifests, and where each is kept."""
    for number, path in enumerate(paths):
        if path.is_file() and not path.match(PATTERN):
            yield path, Path(str(number), path.name)
            continue
        folder = path.parent if path.is_file() else path
        for file in sorted(folder.rglob("*")):
            inside = file.relative_to(folder)
            hidden = any(part.startswith((".", "_")) for part in inside.parts)
            named = file.name.lower().endswith((*ENDINGS, ".json")) and not hidden
            if named and file.is_file() and not file.is_symlink():  # a link may lead out of the delivery
                yield file, str(number) / inside


def _place(number: int, path: Path) -> str:
    return f"{number}/{path.name}" if path.is_file() else str(number)


def _take(listed: Sequence[tuple[Path, Path]], into: Path, staging: Path) -> str:
    """Copy or link the files; the hash of their names and contents."""
    content = hashlib.sha256()
    for source, inside in listed:
        target = into / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_relative_to(staging):
            os.link(source, target)
        else:
            shutil.copyfile(source, target)
        with target.open("rb") as copied:
            content.update(f"{inside}\0{hashlib.file_digest(copied, 'sha256').hexdigest()}\n".encode())
    return content.hexdigest()


def kept(home: Path, key: str) -> Kept | None:
    """A delivery that is kept aside, or None."""
    folder = kept_in(home) / key
    try:
        said = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    places = [folder / FILES / place for place in said["kept"]] if said["content"] else []
    return Kept(folder, places, said)


def drop(home: Path, key: str) -> None:
    """Let a delivery's files and its report go."""
    shutil.rmtree(kept_in(home) / key, ignore_errors=True)


def _all(home: Path) -> list[Kept]:
    """What is kept, the newest first."""
    folders = kept_in(home).iterdir() if kept_in(home).exists() else ()
    found = [one for folder in folders if (one := kept(home, folder.name)) is not None]
    return sorted(found, key=lambda one: str(one.said["at"]), reverse=True)


def _prune(home: Path) -> None:
    size = 0
    for number, one in enumerate(_all(home)):
        size += sum(file.stat().st_size for file in one.folder.rglob("*") if file.is_file())
        if number and (number >= MOST or size > MOST_BYTES):
            drop(home, one.folder.name)
