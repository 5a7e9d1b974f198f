"""Which snapshots are pinned: what was published or is disputed stays, to be looked up in its own files."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from spend.dispute import DisputeState
from storage import tables

#: The event of a reply that told new figures of a published digest (`flows/restating.py`).
RESTATED = "digest.restate"


def pinned(session: Session) -> frozenset[str]:
    """The snapshots whose files must stay, whatever replaced them.

    They are those of published digests and of the replies that restated one, and those that disputes
    were opened on and last found in, unless their opener took them back. A claim pins none: it is a rule
    for days to come, and its evidence is the digest that it was made on.
    """
    return frozenset(key for listed in _lists(session) for key in listed)


def _lists(session: Session) -> Iterator[list[str]]:
    digest: Any = tables.Digest
    dispute: Any = tables.Dispute
    told: Any = tables.Audit
    open_or_ruled = dispute.state != str(DisputeState.WITHDRAWN)
    for query in (
        select(digest.figures),
        select(dispute.selection).where(open_or_ruled),
        select(told.after).where(told.event == RESTATED),
    ):
        for document in session.execute(query).scalars():
            yield document.get("snapshots", [])
            yield document.get("now", {}).get("snapshots", [])
