"""Bills that lie in a bucket of S3: of each, the newest delivery is fetched, if it is not known yet."""

import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from storage.sources import manifests
from storage.sources.files import ENDINGS, BillFile
from storage.sources.manifests import DELIVERY, Manifest
from storage.sources.problems import MOST, refusal
from storage.sources.remote import Asked
from storage.sources.s3bucket import Bucket, Changed, Stored, unwritable

#: A file that is newer than its manifest, and no older than this, is part of a delivery not yet whole.
QUIET = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Read:
    """A manifest, and the object that it is."""

    stored: Stored
    body: bytes
    said: Manifest


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is to be fetched of what lies in a bucket; the manifests are read already."""

    files: Sequence[Stored]
    manifests: Sequence[Read] = ()

    def objects(self) -> set[Stored]:
        """All of it as it was listed."""
        return {*self.files, *(one.stored for one in self.manifests)}


def fetch(asked: Asked) -> None:
    """Bring the newest deliveries into files that mirror the keys.

    Where AWS left manifests, they tell which files are the current delivery of a bill, and a delivery
    that is known is not fetched again; without any, all bills are one delivery. What changes while it
    is fetched is fetched once more.

    Raises:
        BillRefused: the bucket cannot be read, holds no bill, or a delivery in it is not whole.
    """
    bucket = Bucket(asked.place, asked.access)
    here: dict[Path, Stored] = {}
    for _ in range(2):
        try:
            listed, at = bucket.listing()
            chosen = _choose(asked, bucket, listed, at)
            _bring(asked, bucket, chosen, here)
            if chosen.objects() <= set(bucket.listing()[0]):
                return
        except Changed:
            continue
    raise refusal(asked.place, "changed", "it was written while it was read, twice; import it again later")


def _choose(asked: Asked, bucket: Bucket, listed: Sequence[Stored], at: datetime) -> Chosen:
    asked.met.clear()
    asked.told.clear()
    read = {one.said: one for one in _read(asked, bucket, listed)}
    places = {asked.into / one.path: one for one in listed if not one.manifest}
    if not read:
        return _everything(asked, bucket, places)
    newest, by_name = manifests.current(list(read)), manifests.named(places)
    known = [one for one in newest if one.delivery in asked.known]
    asked.met.update(one.delivery for one in known if one.delivery)
    told = manifests.told_by([one for one in newest if one not in known], by_name)
    former = (manifests.match(one.path, key, by_name) for one in known for key in one.keys)
    named = [places[path] for path in (*told, *former) if path]
    asked.told.extend(manifests.unnamed(bucket.shown(one)) for one in _strays(listed, named))
    for path, said in told.items():
        _refuse_unfinished(bucket, places[path], read[said].stored, at)
    return Chosen([places[path] for path in told], [read[said] for said in dict.fromkeys(told.values())])


def _read(asked: Asked, bucket: Bucket, listed: Sequence[Stored]) -> list[Read]:
    """The manifests above which none is called the same; those below are of single deliveries."""
    by_path = {one.path: one for one in listed if one.manifest}
    found = []
    for path, stored in by_path.items():
        if not any(above / path.name in by_path for above in path.parent.parents):
            body = bucket.read(stored)
            if said := manifests.parse(asked.into / path, bucket.shown(stored), body):
                found.append(Read(stored, body, said))
    return found


def _everything(asked: Asked, bucket: Bucket, places: Mapping[Path, Stored]) -> Chosen:
    if not places:
        reason = "no CSV, CSV.gz or Parquet file is in here; check the address, and whether one was delivered"
        raise refusal(asked.place, "no_bill", reason)
    manifests.refuse_several(BillFile(path, bucket.shown(one)) for path, one in places.items())
    return Chosen(list(places.values()))


def _strays(listed: Iterable[Stored], named: Collection[Stored]) -> list[Stored]:
    """Bills that no manifest knows; what lies beside one that is named, or is an older delivery, is left."""
    known = {one.path.parent for one in named}
    return [
        one
        for one in listed
        if one.path.name.lower().endswith(ENDINGS)
        and one.path.parent not in known
        and not DELIVERY.fullmatch(one.path.parent.name)
    ][:MOST]


def _refuse_unfinished(bucket: Bucket, stored: Stored, manifest: Stored, at: datetime) -> None:
    """AWS writes a manifest after its files: a newer file is of the next delivery, written over this one.

    The files of a delivery in a folder of its own never change. A file that has rested is of a copy.
    """
    own = DELIVERY.fullmatch(stored.path.parent.name)
    if not own and stored.modified > manifest.modified and at - stored.modified < QUIET:
        reason = f"it is newer than {bucket.shown(manifest)}: a delivery is under way; import it again later"
        raise refusal(bucket.shown(stored), "unfinished", reason)


def _bring(asked: Asked, bucket: Bucket, chosen: Chosen, here: dict[Path, Stored]) -> None:
    """Bring what is chosen and not here yet, and take away what is no longer chosen."""
    for path in [path for path, one in here.items() if one not in chosen.objects()]:
        path.unlink()
        del here[path]
    missing = [one for one in chosen.files if asked.into / one.path not in here]
    whole, done = sum(one.size for one in missing), 0
    if (free := shutil.disk_usage(asked.into).free) < whole:
        reason = f"it has {whole} bytes, and {free} are free under BURSAR_HOME; make room and import it again"
        raise refusal(asked.place, "disk_full", reason)
    for one in missing:

        def more(size: int, name: str = one.path.name) -> None:
            nonlocal done
            done += size
            asked.progress(done, whole, f"fetching {name}")

        bucket.download(one, asked.into / one.path, more)
        here[asked.into / one.path] = one
    for told in chosen.manifests:
        try:
            told.said.path.parent.mkdir(parents=True, exist_ok=True)
            told.said.path.write_bytes(told.body)
        except OSError as error:
            raise unwritable(bucket.shown(told.stored), error) from error
