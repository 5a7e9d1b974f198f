"""Who is who: teams, people, accounts and policy, as the settings describe them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from actions.approval import BURSAR
from actions.blast import Caps
from actions.health import HealthQuery
from actions.hours import BusinessHours, Freeze
from actions.moment import Budget
from spend import canonical
from spend.allocation import Condition, Match, Pool, Rule, TagRule, tag_rule
from spend.errors import NotFound, Refused
from spend.restatement import Threshold
from storage.sources.remote import Source

#: The rule that reads the team from a charge's tags.
TAG_RULE = "tag"
#: What of the settings the policy's hash covers.
POLICY = ("act", "accounts", "groups", "usergroups", "dollar_limit", "protected", "caps")


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
    act_role_arn: str | None = None


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
        usergroups: approver groups whose members Slack knows: the id of the user group, by name.
        people: names by member id.
        owner_tags: tag keys whose value names the team, in order.
        aliases: tag values that mean a team, casefolded.
        protected: tag keys (`key` or `key=value`) that no run touches.
        dollar_limit: a monthly saving above it raises a plan to tier T2.
        data_channel: where people hear that a source of bills is late, silent or shrunk.
        sources: where bills are read from, by name.
        anchors: where checkpoints of the audit log are kept outside the database.
        keep: how long a snapshot stays in the lake after another one took its place.
        restatement: from when on the thread of a digest is told that its figures changed.
        wave_pause: seconds between waves, or None for what the runbook says.
        health: what runbooks may ask to hold after each wave, by name.
        owner_warning: hours between the owners' warning and a run, or None for what the runbook says.
        freezes: when nothing is changed.
        business_hours: for the runbooks that ask for them.
        incidents_told_within: how long the webhook may be silent before nobody can tell; None for ever.
        error_budgets: by the name that runbooks use.
        caps: how much may be touched in a day.
    """

    teams: Mapping[str, Team]
    accounts: Mapping[str, Account]
    finance_channel: str
    finance: frozenset[str]
    oncall_channel: str
    groups: Mapping[str, frozenset[str]]
    usergroups: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)
    act: bool = False
    owner_tags: tuple[str, ...] = ("team", "owner")
    aliases: Mapping[str, str] = field(default_factory=dict)
    promoted_tags: tuple[str, ...] = ("team", "owner", "environment", "env")
    shared: tuple[Shared, ...] = ()
    protected: tuple[str, ...] = ("bursar:protect", "do-not-stop")
    regions: tuple[str, ...] = ("eu-central-1",)
    dollar_limit: Decimal = Decimal(1000)
    wave_pause: int | None = None
    health: Mapping[str, HealthQuery] = field(default_factory=dict)
    owner_warning: int | None = None
    freezes: tuple[Freeze, ...] = ()
    business_hours: BusinessHours | None = None
    incidents_told_within: timedelta | None = None
    error_budgets: Mapping[str, Budget] = field(default_factory=dict)
    caps: Caps = field(default_factory=Caps)
    fallback_channel: str | None = None
    data_channel: str | None = None
    sources: Mapping[str, Source] = field(default_factory=dict)
    anchors: tuple[str, ...] = ()
    keep: timedelta = timedelta(days=30)
    restatement: Threshold = field(default_factory=Threshold)
    zone: str = "UTC"

    @property
    def counts(self) -> dict[str, bool]:
        """Whether the money of a source counts, where the settings say it."""
        return {one.name: one.counts for one in self.sources.values() if one.counts is not None}

    @property
    def told_of_data(self) -> str:
        """The channel that hears of sources that are late, silent or shrunk; empty where there is none."""
        return self.data_channel or self.finance_channel or self.fallback_channel or ""

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

    def source(self, name: str) -> Source:
        """The source of bills with this name.

        Raises:
            NotFound: there is none.
        """
        try:
            return self.sources[name]
        except KeyError:
            known = ", ".join(sorted(self.sources)) or "none is set"
            raise NotFound(f"There is no source {name!r}; the settings know: {known}.") from None

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

    def answerable(self, team: str | None) -> frozenset[str]:
        """Who answers for what is this team's: its owners, or finance for what nobody owns."""
        return self.teams[team].owners if team is not None and team in self.teams else self.finance

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
        """Everybody whom the settings list in these groups; `owner` means the owners of the team.

        Unknown groups hold nobody; whom Slack has in its user groups, `flows.directory` says.
        """
        people: set[str] = set()
        for group in groups:
            if group == "owner" and team is not None and team in self.teams:
                people |= self.teams[team].owners
            people |= self.groups.get(group, frozenset())
        return frozenset(people - {BURSAR})

    def members_named(self, names: Iterable[str]) -> frozenset[str]:
        """The member ids of people who are written by name or by id; an unknown name stays as it is."""
        known = {name.casefold(): member for member, name in self.people.items()}
        return frozenset(known.get(name.casefold(), name) for name in names)

    @property
    def policy(self) -> str:
        """The hash of what decides who may do how much to what, for the evidence of each plan."""
        owners = {name: team.owners for name, team in self.teams.items()}
        return canonical.digest({**{name: getattr(self, name) for name in POLICY}, "owners": owners})

    @property
    def allowed_accounts(self) -> frozenset[str]:
        """The accounts in which something may be changed; empty means nowhere."""
        return frozenset(account.id for account in self.accounts.values() if account.act)
