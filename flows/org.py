"""Who is who: teams, people, accounts and policy, as the settings describe them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from actions.approval import BURSAR
from spend.allocation import Condition, Match, Pool, Rule, TagRule, tag_rule
from spend.errors import NotFound, Refused

#: The rule that reads the team from a charge's tags.
TAG_RULE = "tag"


@dataclass(frozen=True, slots=True)
class Team:
    """A team that owns charges.

    Attributes:
        name: as tags and rules call it.
        channel: the id of its Slack channel.
        owners: the people who answer for its money.
        budget: per month, in `currency`; None where none is set.
    """

    name: str
    title: str
    channel: str
    owners: frozenset[str]
    budget: Decimal | None = None
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class Account:
    """A cloud account: where to look, and whether anything may be changed there."""

    id: str
    name: str
    role_arn: str | None = None
    external_id: str | None = None
    act: bool = False


@dataclass(frozen=True, slots=True)
class Shared:
    """Charges that belong to everybody: those with this tag go to this pool."""

    tag: str
    value: str
    pool: Pool


@dataclass(frozen=True, slots=True)
class Org:
    """The whole policy, validated: flows read nothing else of the settings.

    Attributes:
        act: whether anything may be changed at all; a fresh install observes only.
        groups: approver groups of the runbooks, by name.
        owner_tags: tag keys whose value names the team, in order.
        aliases: tag values that mean a team, casefolded.
        protected: tag keys (`key` or `key=value`) that no run touches.
        dollar_limit: a monthly saving above it raises a plan to tier T2.
        wave_pause: seconds between waves, or None for what the runbook says.
    """

    teams: Mapping[str, Team]
    accounts: Mapping[str, Account]
    finance_channel: str
    finance: frozenset[str]
    oncall_channel: str
    groups: Mapping[str, frozenset[str]]
    act: bool = False
    owner_tags: tuple[str, ...] = ("team", "owner")
    aliases: Mapping[str, str] = field(default_factory=dict)
    promoted_tags: tuple[str, ...] = ("team", "owner", "environment", "env")
    shared: tuple[Shared, ...] = ()
    protected: tuple[str, ...] = ("bursar:protect", "do-not-stop")
    regions: tuple[str, ...] = ("eu-central-1",)
    dollar_limit: Decimal = Decimal(1000)
    wave_pause: int | None = None
    fallback_channel: str | None = None
    zone: str = "UTC"

    @property
    def rules(self) -> tuple[Rule | TagRule, ...]:
        """The allocation rules: shared costs go to their pools, then tags name the team."""
        shared = (
            Rule(
                f"shared:{item.pool.name}",
                Match((Condition(f"tag:{item.tag}", "is", (item.value,)),)),
                pool=item.pool,
            )
            for item in self.shared
        )
        return (*shared, tag_rule(TAG_RULE, self.owner_tags, self.teams, self.aliases))

    def rule_in_words(self, name: str) -> str:
        """What people call an allocation rule."""
        if name == TAG_RULE:
            return f"the tag {' or '.join(self.owner_tags)} of the resource"
        return name

    def team(self, name: str) -> Team:
        """The team with this name.

        Raises:
            NotFound: there is none.
        """
        try:
            return self.teams[name]
        except KeyError:
            known = ", ".join(sorted(self.teams)) or "none is set"
            raise NotFound(f"There is no team {name!r}; the settings know: {known}.") from None

    def account_name(self, key: str | None) -> str:
        """What people call an account; its id where the settings do not name it."""
        return self.accounts[key].name if key in self.accounts and key else key or "no account"

    def teams_of(self, person: str) -> tuple[Team, ...]:
        """The teams that this person owns."""
        return tuple(team for team in self.teams.values() if person in team.owners)

    def owned(self, name: str, person: str) -> Team:
        """The team, if this person is one of its owners.

        Raises:
            Refused: the person is not; the sentence is the same for an unknown team.
        """
        team = self.teams.get(name)
        if team is None or person not in team.owners:
            raise Refused(f"Only an owner of {name} can do this; nothing was changed.")
        return team

    def team_tagged(self, tags: Mapping[str, str]) -> str | None:
        """The team that these tags name: keys in the order of `owner_tags`, letter case apart."""
        folded = {key.casefold().strip(): value for key, value in tags.items()}
        for key in self.owner_tags:
            value = folded.get(key.casefold(), "").casefold().strip()
            team = self.aliases.get(value, value)
            if team in self.teams:
                return team
        return None

    def approvers(self, groups: tuple[str, ...], team: str | None) -> frozenset[str]:
        """Everybody in these groups; `owner` means the owners of the team. Unknown groups hold nobody."""
        people: set[str] = set()
        for group in groups:
            if group == "owner" and team is not None and team in self.teams:
                people |= self.teams[team].owners
            people |= self.groups.get(group, frozenset())
        return frozenset(people - {BURSAR})

    @property
    def allowed_accounts(self) -> frozenset[str]:
        """The accounts in which something may be changed; empty means nowhere."""
        return frozenset(account.id for account in self.accounts.values() if account.act)
