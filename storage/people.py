"""Pseudonyms: the audit log names people by them; a table of its own says who they are, until it forgets."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from spend.errors import NotFound
from storage import ids, tables

#: The fields of what we write that hold a person: a member of a workspace, or an account of this machine.
FIELDS = frozenset(
    {
        "actor",
        "approvals",
        "approved_by",
        "approvers",
        "authors",
        "first",
        "person",
        "requested_by",
        "said_by",
    }
)
#: The fields with what others wrote: a tag may have any name, and hold anything.
FOREIGN = frozenset({"facts", "inherited", "tags"})
_PERSON = re.compile(r"[UW][A-Z0-9_]{1,20}|cli:.+", re.DOTALL)
#: A mention, or a word that may be a member's id: whether it is one, only the directory knows.
_TOKEN = re.compile(r"<@([UW][A-Z0-9_]+)(?:\|[^>]*)?>|(?<![\w-])([UW][A-Z0-9_]{1,20})(?![\w-])")
_PSEUDONYM = re.compile(r"p-[a-z2-7]{16}")


def hidden(value: Any, names: Mapping[str, str]) -> Any:
    """The value with the pseudonyms of people in place of their ids."""
    if isinstance(value, str):
        return names.get(value) or _TOKEN.sub(lambda one: _replaced(one, names), value)
    if isinstance(value, list):
        return [hidden(item, names) for item in value]
    if isinstance(value, dict):
        return {hidden(key, names): hidden(item, names) for key, item in value.items()}
    return value


def _replaced(token: re.Match[str], names: Mapping[str, str]) -> str:
    if mentioned := token[1]:
        return f"<@{names.get(mentioned, mentioned)}>"
    return names.get(token[2], token[2])


def pseudonyms(session: Session, documents: Iterable[Any], now: datetime) -> dict[str, str]:
    """The pseudonym of each person in these documents; who has none gets one in this transaction.

    A person is who stands in a field that holds one, is mentioned, or has an id that is known: a word
    that only looks like an id (a machine's name, a tag) is left alone.
    """
    found = {one for document in documents for one in _named(document)}
    people, maybe = {name for name, certain in found if certain}, {name for name, _ in found}
    known = _known(session, maybe)
    people |= _members(session, maybe - people - known.keys())
    if missing := sorted(people - known.keys()):  # in one order, so that no two transactions wait in a ring
        dialect = session.get_bind().dialect.name
        make: Any = sqlite.insert if dialect == "sqlite" else postgresql.insert
        rows = [{"pseudonym": ids.new("p"), "member": person, "since": now} for person in missing]
        session.execute(make(tables.Person).values(rows).on_conflict_do_nothing())
        known |= _known(session, missing)
    return known


def _named(value: Any, field: str = "") -> Iterator[tuple[str, bool]]:
    """Who may be meant in a document, and whether that is certain."""
    if isinstance(value, str):
        if field in FIELDS and _PERSON.fullmatch(value):
            yield value, True
            return
        for token in _TOKEN.finditer(value):
            yield token[1] or token[2], bool(token[1])
    elif isinstance(value, list):
        for item in value:
            yield from _named(item, field)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _named(key)
            yield from _named(item, field if field in FOREIGN else key)


def names(session: Session) -> dict[str, str]:
    """Whom each pseudonym stands for; who was forgotten is not there."""
    table: Any = tables.Person
    query = select(table.pseudonym, table.member).where(table.member.is_not(None))
    return dict(map(tuple, session.execute(query)))


def pseudonym_of(session: Session, person: str) -> str | None:
    """The pseudonym of a person, if there is one."""
    return _known(session, [person]).get(person)


def shown(text: str, people: Mapping[str, str]) -> str:
    """The text with people in place of their pseudonyms; it may be JSON."""
    return _PSEUDONYM.sub(lambda one: json.dumps(people.get(one[0], one[0]), ensure_ascii=False)[1:-1], text)


def forget(session: Session, person: str, now: datetime) -> str:
    """Cut the link between a person and their pseudonym; what they do later gets a new one.

    Raises:
        NotFound: the log does not know this person.
    """
    table: Any = tables.Person
    row = session.execute(select(table).where(table.member == person)).scalar()
    if row is None:
        raise NotFound(f"The audit log has no pseudonym for {person}; see `bursar audit show`.")
    row.member, row.forgotten_at = None, now
    session.flush()
    return str(row.pseudonym)


def _known(session: Session, people: Iterable[str]) -> dict[str, str]:
    table: Any = tables.Person
    if not (wanted := list(people)):
        return {}
    query = select(table.member, table.pseudonym).where(table.member.in_(wanted))
    return dict(map(tuple, session.execute(query)))


def _members(session: Session, words: Iterable[str]) -> set[str]:
    """Those of the words that are ids of members."""
    table: Any = tables.Member
    if not (wanted := list(words)):
        return set()
    return set(session.execute(select(table.id).where(table.id.in_(wanted))).scalars())
