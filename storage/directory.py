"""What Slack said of groups and people, as rows: who is in a user group, and who never counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from actions.approval import Unknown
from storage import ids, tables
from storage.unit import Unit

#: How old a row may be for a click to rely on it.
FRESH = timedelta(minutes=15)
#: After this neither a code that was used nor a wrong try is asked for any more.
OLD_CODE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Remembered:
    """The directory as the rows have it; what is older than `FRESH` is unknown.

    Attributes:
        strict: whether somebody without a row is unknown; where no Slack is ever asked, there are no rows.
    """

    session: Session
    now: datetime
    strict: bool

    def members(self, group: str) -> frozenset[str] | Unknown:
        """Who is in a user group."""
        row = self.session.get(tables.Membership, group)
        if row is None or self.now - row.at > FRESH:
            return Unknown(f"Slack has not said lately who is in {group}")
        return frozenset(row.members)

    def barred(self, person: str) -> str | Unknown | None:
        """Why a person never counts, or None for a member in good standing."""
        row = self.session.get(tables.Member, person)
        if row is not None and not row.counts:
            return row.why or "does not count"
        if self.strict and (row is None or self.now - row.at > FRESH):
            return Unknown("Slack has not said lately whether this is an active member")
        return None

    def as_of(self, person: str, group: str | None) -> datetime:
        """How old what is known of this person is; the settings are as of now."""
        row = self.session.get(tables.Membership, group) if group else None
        known = (row, self.session.get(tables.Member, person))
        return min((one.at for one in known if one is not None), default=self.now)


def keep(unit: Unit, groups: Mapping[str, frozenset[str]], people: Mapping[str, str | None]) -> None:
    """Write what Slack said just now.

    Args:
        people: for each person why they never count, or None for a member in good standing.
    """
    for group, members in groups.items():
        unit.session.merge(tables.Membership(group=group, members=sorted(members), at=unit.now))
    for person, why in people.items():
        unit.session.merge(tables.Member(id=person, counts=why is None, why=why, at=unit.now))


def burn(unit: Unit, person: str, counter: int) -> bool:
    """Use up a one-time code; say whether it was still unused."""
    return unit.add_once(tables.UsedCode, {"key": f"{person}:{counter}", "at": unit.now})


def miss(unit: Unit, person: str) -> None:
    """Keep that somebody gave a wrong code."""
    unit.add(tables.UsedCode(key=f"{_wrong(person)}{ids.new('try')}", at=unit.now))


def misses(session: Session, person: str, since: datetime) -> int:
    """How many wrong codes somebody gave since then."""
    table: Any = tables.UsedCode
    found = select(table.key).where(table.key.startswith(_wrong(person), autoescape=True), table.at > since)
    return len(session.execute(found).all())


def drop_codes(session: Session, person: str, now: datetime) -> None:
    """Drop the codes and tries of a person that are too old to matter."""
    table: Any = tables.UsedCode
    theirs = or_(*(table.key.startswith(start, autoescape=True) for start in (f"{person}:", _wrong(person))))
    session.execute(delete(table).where(theirs, table.at < now - OLD_CODE))


def _wrong(person: str) -> str:
    return f"wrong:{person}:"
