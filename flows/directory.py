"""Who may approve now: whom the settings list, whom Slack has in its user groups, and who never counts."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from actions.approval import BURSAR, Unknown
from flows.desk import Desk, Directory
from flows.org import Org
from spend import canonical
from spend.errors import Refused
from storage import directory, jobs
from storage.unit import Unit

#: How often a worker asks Slack anew.
EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Roster:
    """The approvers of one runbook, as a directory tells them.

    Attributes:
        groups: who is in each of its groups; the owners stand under their team's name.
        barred: for each person who was asked after, why they never count.
        owners: the owners of each team.
    """

    groups: Mapping[str, frozenset[str] | Unknown]
    barred: Mapping[str, str | Unknown | None]
    owners: Mapping[str, frozenset[str]]

    def within(self, person: str) -> frozenset[str]:
        """The groups in which this person certainly is."""
        return frozenset(
            name for name, members in self.groups.items() if members and person in _certain(members)
        )

    def entitled(self, person: str) -> bool | Unknown:
        """Whether this person is an approver now."""
        barred = self.barred.get(person, Unknown("nobody asked"))
        if isinstance(barred, str):
            return False
        if self.within(person):
            return barred or True
        return next((one for one in self.groups.values() if isinstance(one, Unknown)), False)

    def approvers(self) -> frozenset[str]:
        """Everybody in the groups who is not known to be barred; each is asked after again at the vote.

        Raises:
            Refused: nobody can tell who is in one of the groups.
        """
        for members in self.groups.values():
            if isinstance(members, Unknown):
                raise Refused(f"Nobody can tell who may approve this: {members.why}. Try again in a minute.")
        return frozenset(person for person, why in self.barred.items() if not isinstance(why, str))

    def teams(self) -> dict[str, frozenset[str]]:
        """For each person, the groups and teams that they belong to."""
        return {
            person: self.within(person) | {name for name, people in self.owners.items() if person in people}
            for person in self.barred
        }


def _certain(members: frozenset[str] | Unknown) -> frozenset[str]:
    return frozenset() if isinstance(members, Unknown) else members


def roster(
    org: Org, told: Directory, names: Collection[str], team: str | None, people: Collection[str] | None = None
) -> Roster:
    """The approvers of these groups, as this directory tells them.

    Args:
        people: whom to ask after; everybody in the groups if it is left out.
    """
    groups: dict[str, frozenset[str] | Unknown] = {}
    for name in names:
        if name in org.usergroups:
            groups[name] = told.members(org.usergroups[name])
        elif name == "owner":
            groups |= {team: org.teams[team].owners} if team in org.teams and team else {}
        else:
            groups[name] = org.groups.get(name, frozenset())
    if people is None:
        people = frozenset[str]().union(*map(_certain, groups.values()))
    barred = {person: told.barred(person) for person in people if person != BURSAR}
    return Roster(groups, barred, {name: one.owners for name, one in org.teams.items()})


def remembered(
    desk: Desk,
    names: Collection[str],
    team: str | None,
    now: datetime,
    people: Collection[str] | None = None,
) -> Roster:
    """The approvers as the rows have them: for a click and for a card."""
    with desk.store.reading() as session:
        rows = directory.Remembered(session, now, strict=desk.directory is not None)
        return roster(desk.org, rows, names, team, people)


def anywhere(desk: Desk, person: str, now: datetime) -> Roster:
    """In which groups of approvers this person is, whatever the runbook, as the rows have it."""
    return remembered(desk, {*desk.org.groups, *desk.org.usergroups}, None, now, [person])


def asked(
    desk: Desk, names: Collection[str], team: str | None, now: datetime, people: Collection[str]
) -> Roster:
    """The approvers as Slack says just now: for a run that is about to begin."""
    if desk.directory is None:
        return remembered(desk, names, team, now, people)
    return roster(desk.org, desk.directory, names, team, people)


def proof(desk: Desk, unit: Unit, found: Roster, person: str) -> dict[str, Any]:
    """What a vote is kept with: by which groups this person was an approver, and as of when."""
    groups = sorted(found.within(person))
    listed = [name for name in groups if name not in desk.org.usergroups]
    group = None if listed else next((desk.org.usergroups[name] for name in groups), None)
    rows = directory.Remembered(unit.session, unit.now, strict=desk.directory is not None)
    source = "settings" if listed else "usergroup"
    return {"groups": groups, "source": source, "as_of": canonical.data(rows.as_of(person, group))}


def due(desk: Desk, now: datetime) -> None:
    """Queue the next look at Slack, once for every five minutes whatever the number of workers."""
    if desk.directory is None:
        return
    slot = canonical.data(now - (now - datetime.min.replace(tzinfo=now.tzinfo)) % EVERY)
    if not jobs.queued(desk.store, "directory", slot):
        with desk.store.writing(now) as unit:
            unit.enqueue("directory", slot)


def refresh(desk: Desk, now: datetime) -> None:
    """Ask Slack who is who, and keep what it said; what it did not say grows old and is unknown then."""
    told, org = desk.directory, desk.org
    if told is None:
        return
    groups = {key: told.members(key) for key in sorted(set(org.usergroups.values()))}
    known = {key: found for key, found in groups.items() if not isinstance(found, Unknown)}
    listed = (
        org.finance,
        *org.groups.values(),
        *(team.owners for team in org.teams.values()),
        *known.values(),
    )
    people = {person: told.barred(person) for person in sorted(frozenset[str]().union(*listed))}
    said = {person: why for person, why in people.items() if not isinstance(why, Unknown)}
    with desk.store.writing(now) as unit:
        directory.keep(unit, known, said)
