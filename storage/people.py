"""Pseudonyms: the audit log names people by them; a table of its own says who they are, until it forgets."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from spend.errors import NotFound
from storage import ids, tables

#: Who acts as a person: a member of a workspace, or an account of this machine.
_ACTOR = re.compile(r"[UW][A-Z0-9_]{1,20}|cli:.+", re.DOTALL)
#: A member id as Slack makes them. One without a digit may be a mere word, so it has to stand alone.
_MEMBER, _WORDLIKE = re.compile(r"[UW](?=[A-Z]*[0-9])[A-Z0-9]{8,13}"), re.compile(r"[UW][A-Z0-9]{8,13}")
_TOKEN = re.compile(r"<@([UW][A-Z0-9_]+)(?:\|[^>]*)?>|(?<![\w-])([UW][A-Z0-9_]{1,20})(?![\w-])")
_PSEUDONYM = re.compile(r"p-[a-z2-7]{16}")
Swap = Callable[[str], str]


def found(texts: Iterable[Any], actors: Iterable[str]) -> set[str]:
    """The people in these values: who acts, and every member id in their texts."""
    acting = {actor for actor in actors if _ACTOR.fullmatch(actor)}
    people = set(acting)

    def note(person: str) -> str:
        people.add(person)
        return person

    for text in texts:
        _each(text, lambda one: _swapped(one, acting, note))
    return people


def hidden(value: Any, names: Mapping[str, str]) -> Any:
    """The value with the pseudonyms of people in place of their ids."""
    return _each(value, lambda one: _swapped(one, names.keys(), lambda person: names.get(person, person)))


def pseudonyms(session: Session, people: Iterable[str], now: datetime) -> dict[str, str]:
    """The pseudonym of each person; who has none gets one in this transaction."""
    wanted = sorted(people)  # in one order, so that two transactions cannot wait for each other
    known = _known(session, wanted)
    if missing := [person for person in wanted if person not in known]:
        dialect = session.get_bind().dialect.name
        make: Any = sqlite.insert if dialect == "sqlite" else postgresql.insert
        rows = [{"pseudonym": ids.new("p"), "member": person, "since": now} for person in missing]
        session.execute(make(tables.Person).values(rows).on_conflict_do_nothing())
        known |= _known(session, missing)
    return known


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


def _known(session: Session, people: list[str]) -> dict[str, str]:
    table: Any = tables.Person
    if not people:
        return {}
    query = select(table.member, table.pseudonym).where(table.member.in_(people))
    return dict(map(tuple, session.execute(query)))


def _each(value: Any, swap: Swap) -> Any:
    """The same data with every text, keys included, swapped."""
    if isinstance(value, str):
        return swap(value)
    if isinstance(value, list):
        return [_each(item, swap) for item in value]
    if isinstance(value, dict):
        return {swap(key): _each(item, swap) for key, item in value.items()}
    return value


def _swapped(text: str, actors: Iterable[str], swap: Swap) -> str:
    if text in actors or _WORDLIKE.fullmatch(text):
        return swap(text)

    def one(token: re.Match[str]) -> str:
        if mentioned := token[1]:
            return f"<@{swap(mentioned)}>"
        return swap(token[2]) if token[2] in actors or _MEMBER.fullmatch(token[2]) else token[2]

    return _TOKEN.sub(one, text)
