"""What a restore left behind: checkpoints that other places hold of a log which was lost, and accepted so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from spend import canonical
from storage import audit, checkpoints, tables
from storage.checkpoints import Line

_FIRST: Line = {"number": 0, "size": 0}


@dataclass(frozen=True, slots=True)
class Resumed:
    """A fork that the log itself records, and that two people accepted.

    Attributes:
        at: when it was found: what was signed elsewhere before may be of the branch that was lost.
    """

    id: str
    at: str


@dataclass(frozen=True, slots=True)
class Held:
    """What a place holds: checkpoints of this log, and of one that was lost."""

    ours: list[Line]
    lost: list[Line]


def resumed(session: Session, covered: int) -> list[Resumed]:
    """The forks that were accepted, as far as a checkpoint counts the row that says so."""
    table: Any = tables.Audit
    query = select(table).where(table.event.in_(("recovery.begin", "recovery.resume")), table.seq <= covered)
    rows = list(session.execute(query.order_by(table.seq)).scalars())
    begun = {row.subject: row for row in rows if row.event == "recovery.begin"}
    return [
        Resumed(row.subject, canonical.data(begun[row.subject].at))
        for row in rows
        if row.event == "recovery.resume" and row.subject in begun and row.actor != row.after["first"]
    ]


def apart(ours: Iterable[Line], kept: Iterable[Line], forks: Iterable[Resumed]) -> Held:
    """What is not ours, and is from before a fork that was accepted, is of the log that was lost."""
    here = {one["number"]: one for one in ours}
    until = max((fork.at for fork in forks), default="")
    found = Held([], [])
    for one in kept:
        is_lost = here.get(one["number"]) != one and one["at"] <= until
        (found.lost if is_lost else found.ours).append(one)
    return found


def flaw(ours: Sequence[Line], lost: Sequence[Line], trusted: Iterable[str], place: str) -> str | None:
    """What is wrong with checkpoints that are said to be lost: each has to go on from one that is known."""
    known = {audit.GENESIS: _FIRST} | {one["hash"]: one for one in (*ours, *lost)}
    keys = {*trusted} | {key for one in ours for key in (one["key"], one["next_key"])}
    for one in sorted(lost, key=lambda line: int(line["number"])):
        name = f"checkpoint {one['number']} of a lost log in {place}"
        before = known.get(one["previous"], _FIRST)
        if not checkpoints.sealed(one):
            return f"{name} was changed after it was signed"
        if before["number"] != one["number"] - 1 or before["size"] > one["size"]:
            return f"{name} does not continue one that is known"
        if one["key"] not in keys:
            return f"{name} is signed by key {checkpoints.key_id(one['key'])}, which nothing vouches for"
        keys.add(one["next_key"])
    return None
