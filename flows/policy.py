"""Policies that nobody could ever meet, said at the start and not when somebody waits for them."""

import re
from collections.abc import Iterator, Mapping

from actions import planning
from actions.approval import apart
from actions.plan import Tier
from flows.org import Org
from runbooks.schema import Runbook

_MEMBER = re.compile(r"[UW][A-Z0-9_]{1,20}")


def unmeetable(org: Org, runbooks: Mapping[str, Runbook]) -> list[str]:
    """What is wrong with the policy, in sentences.

    A group that is empty or unknown means nobody. `owner` counts the largest team, because any
    team may come to own a plan; a plan of a smaller one is refused when it is made. Whom Slack has
    in a user group is not known yet, so a runbook that asks one is not judged here.
    """
    return [problem for _, runbook in sorted(runbooks.items()) for problem in _of(org, runbook)]


def _of(org: Org, runbook: Runbook) -> Iterator[str]:
    if reckless := planning.unsaved(runbook):
        yield reckless
    for name in sorted(org.members_named(runbook.authors)):
        if name not in org.people and not _MEMBER.fullmatch(name):
            yield (
                f"Runbook {runbook.name} names the author {name}, whom nobody knows; write a member id "
                "there, or add the name to `people`."
            )
    if not set(runbook.approval.groups) & set(org.usergroups):
        yield from _short(org, runbook)


def _short(org: Org, runbook: Runbook) -> Iterator[str]:
    groups, tier = ", ".join(runbook.approval.groups), planning.worst_tier(runbook)
    needed = max(runbook.approval.quorum, planning.QUORUM[tier])
    owned = "owner" in runbook.approval.groups
    most = max((len(team.owners) for team in org.teams.values()), default=0)
    able = len(org.approvers(runbook.approval.groups, None)) + (most if owned else 0)
    if 0 < able < needed:
        yield (
            f"Runbook {runbook.name} asks for {needed} approvers of {groups}, but there are only {able}; "
            "add people to these groups in bursar.yaml or lower its quorum."
        )
    elif able and tier is Tier.T3 and not _from_two(org, runbook):
        yield (
            f"Runbook {runbook.name} may delete in production, which takes approvers of two teams, but "
            f"all of {groups} share one; name another group in its `approval.from`."
        )


def _from_two(org: Org, runbook: Runbook) -> bool:
    """Whether two of its approvers have no group and no team in common."""
    groups = {name: org.groups.get(name, frozenset()) for name in runbook.approval.groups}
    teams = {name: team.owners for name, team in org.teams.items()}
    asked = [*groups.values(), *(teams.values() if "owner" in runbook.approval.groups else ())]
    everybody = {**groups, **{f"team {name}": owners for name, owners in teams.items()}}
    return apart(
        frozenset[str]().union(*asked),
        {
            person: {name for name, members in everybody.items() if person in members}
            for people in asked
            for person in people
        },
    )
