"""Bills that lie elsewhere: which reader fetches a place, and what it is told and tells."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from spend.errors import SettingsWrong
from storage.sources.files import Progress
from storage.sources.problems import Problem


@dataclass(frozen=True, slots=True)
class Access:
    """How a place is entered, where the machine's own credentials are not what it wants.

    Attributes:
        role_arn, external_id: the role of AWS that may read it, in whatever account.
        token: what an API is shown as a bearer token.
    """

    role_arn: str | None = None
    external_id: str | None = None
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Source:
    """A place from which deliveries are read, as the settings describe it.

    Attributes:
        place: a path, or an address that a reader of `READERS` knows.
        kind: how its bills are written, one of `DIALECTS`; recognised when None.
        currency: that of bills that name none.
        counts: whether its money counts; None leaves it to its format (`Dialect.divides`).
    """

    name: str
    place: str
    kind: str | None = None
    currency: str | None = None
    access: Access = Access()
    counts: bool | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader is asked to fetch.

    Attributes:
        place: the address, as the person wrote it.
        into: an empty folder of this import.
        known: the deliveries (ids of manifests) that are current; they need not be fetched again.
        now: the moment of the import.
        met: to be filled with those of `known` that are still the newest there.
        told: to be filled with what is worth knowing besides.
    """

    place: str
    into: Path
    access: Access
    known: Collection[str]
    progress: Progress
    now: datetime
    met: set[str] = field(default_factory=set)
    told: list[Problem] = field(default_factory=list)


#: What a reader is: it puts the files of the newest delivery of each bill under `into`, in folders as
#: they lie there, with their manifests. Nothing there means that nothing is new.
Reader = Callable[[Asked], None]


def scheme(place: str) -> str | None:
    """How the address of a remote place begins; None for a path."""
    head, found, _ = place.partition("://")
    return head if found else None


def fetch(asked: Asked) -> None:
    """Have the right reader fetch a place.

    Raises:
        SettingsWrong: no reader knows such addresses.
        InputRefused: the place cannot be read, or what lies there is not whole.
    """
    readers = _readers()
    reader = readers.get(scheme(asked.place) or "")
    if reader is None:
        known = ", ".join(f"{each}://" for each in readers)
        raise SettingsWrong(f"Bills are read from paths and from {known}; {asked.place!r} is neither.")
    asked.into.mkdir(parents=True, exist_ok=True)
    reader(asked)


def _readers() -> dict[str, Reader]:
    from storage.sources import bigquery, opencost_api, s3

    opencost = {f"opencost+{http}": opencost_api.fetch for http in ("https", "http")}
    return {"s3": s3.fetch, "bigquery": bigquery.fetch, **opencost}
