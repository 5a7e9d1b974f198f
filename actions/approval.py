"""Who may say yes to a plan, how many must, and what they have to give with it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations

from actions.plan import Plan, PlanState, Tier
from spend.errors import Conflict, Refused

#: Who a plan is requested by when the clock proposed it.
BURSAR = "bursar"
#: For each person, the approver groups and teams that they belong to.
Teams = Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody could tell, for this reason; what is unknown never approves."""

    why: str


@dataclass(frozen=True, slots=True)
class Voters:
    """What is known of the approvers, and of who wrote the runbook, when a plan is frozen.

    Attributes:
        teams: the groups and teams of each approver.
        enrolled: the approvers who have an authenticator.
        authors: who wrote this version of the runbook.
        proven: whether this version of the runbook has run before.
    """

    teams: Teams = field(default_factory=dict)
    enrolled: frozenset[str] = frozenset()
    authors: frozenset[str] = frozenset()
    proven: bool = False


def admit(plan: Plan, voted: Collection[str], actor: str, shown_hash: str, now: datetime) -> None:
    """Raise `Refused`, with the sentence the person reads, unless this person may vote now.

    Args:
        voted: who has approved already.
        shown_hash: the start of the plan hash on the card that was clicked.
    """
    if plan.state is not PlanState.PENDING:
        raise Conflict(f"This plan is already {plan.state}; your click changed nothing.")
    if now >= plan.approve_by:
        raise Refused("This plan has expired; the next sweep proposes a fresh one.")
    if not shown_hash or not plan.hash.startswith(shown_hash):
        raise Refused("The card you clicked shows another version of this plan; look at the newest card.")
    if actor == plan.requested_by:
        raise Refused("You asked for this plan, so somebody else has to approve it.")
    if actor in plan.authors:
        raise Refused("You wrote this version of the runbook, so somebody else has to approve its plan.")
    if actor not in plan.approvers:
        raise Refused("Only the approvers named on the card may decide this plan; nothing was changed.")
    if actor in voted:
        raise Refused("Your approval is already counted; a second person has to approve too.")


def explain(plan: Plan, reason: str | None) -> None:
    """Raise `Refused` unless a reason is given where the tier wants one."""
    if plan.tier >= Tier.T2 and not (reason or "").strip():
        raise Refused(f"A plan of tier {int(plan.tier)} is decided with a reason; write one.")


def phrase(plan: Plan) -> str:
    """What an approver of a deletion in production types: it names how much is at stake."""
    return f"delete {len(plan.targets)}"


def confirm(plan: Plan, typed: str | None) -> None:
    """Raise `Refused` unless the phrase is typed where the tier wants it."""
    if plan.tier is Tier.T3 and " ".join((typed or "").split()).casefold() != phrase(plan):
        raise Refused(f"To approve a deletion in production, type: {phrase(plan)}")


def able(plan: Plan) -> frozenset[str]:
    """Who may approve: neither who asked, nor who wrote what is now run."""
    return plan.approvers - {plan.requested_by} - plan.authors


def apart(people: Iterable[str], teams: Teams) -> bool:
    """Whether two of these people have no group and no team in common; nobody stands for two."""
    return any(
        teams.get(one) and teams.get(other) and not set(teams[one]) & set(teams[other])
        for one, other in combinations(sorted(set(people)), 2)
    )


def complete(plan: Plan, voted: Collection[str], teams: Teams) -> bool:
    """Whether enough distinct, entitled people said yes, from different teams where the tier wants that."""
    counted = set(voted) & able(plan)
    return len(counted) >= plan.quorum and (plan.tier < Tier.T3 or apart(counted, teams))


def differ(plan: Plan, voted: Collection[str], actor: str, teams: Teams) -> None:
    """Raise `Refused` where this vote would fill the quorum with people of one team."""
    everybody = {*voted, actor}
    if plan.tier is Tier.T3 and len(everybody) >= plan.quorum and not apart(everybody, teams):
        raise Refused(
            "Who approved a deletion in production so far belongs to a team of yours; "
            "somebody of another team has to agree."
        )


def satisfiable(plan: Plan, teams: Teams, enrolled: Collection[str]) -> bool:
    """Whether the quorum can ever be met; an empty list of approvers means nobody.

    Args:
        enrolled: who has an authenticator; nobody else can approve a deletion in production.
    """
    if plan.tier is Tier.T0:
        return True
    people = able(plan) if plan.tier < Tier.T3 else able(plan) & set(enrolled)
    return plan.quorum > 0 and complete(plan, people, teams)
