"""The shape of bursar.yaml: closed, so that a misspelt key is an error and not a silence."""

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from actions.health import comparison
from bot.settings_guards import (
    BusinessPart,
    CapsPart,
    ErrorBudgetPart,
    FreezePart,
    IncidentsPart,
    PrometheusPart,
)
from bot.settings_lake import LakePlacePart
from bot.settings_types import (
    DAYS,
    Amount,
    Channel,
    Format,
    HealthName,
    Name,
    Part,
    People,
    Person,
    Role,
    Words,
    Zone,
    clock,
    listed,
    once,
    remotes,
)
from spend.restatement import Threshold
from storage.engines.engine import Chosen
from storage.sources.objects import BUCKET
from storage.sources.remote import Access, Source


class Budget(Part):
    """A team's budget of a month."""

    amount: Amount
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")


class TeamPart(Part):
    """A team that owns charges."""

    title: str | None = None
    channel: Channel
    owners: People = ()
    budget: Budget | None = None


class Finance(Part):
    """Where money is disputed, and who rules."""

    channel: Channel
    people: People = ()


class Oncall(Part):
    """Where plans are put to a vote."""

    channel: Channel


class ApproversPart(Part):
    """A group of approvers: people who are listed here, or a user group of Slack."""

    people: People = ()
    usergroup: str | None = Field(default=None, pattern=r"^S[A-Z0-9]{1,20}$")

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return {"people": value} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if self.people and self.usergroup:
            raise ValueError("a group is a list of people or a user group, not both; make two groups of it")
        return self


class AccountPart(Part):
    """A cloud account."""

    id: str = Field(min_length=1)
    name: str | None = None
    role_arn: str | None = None
    act_role_arn: str | None = None
    external_id: str | None = None
    act: bool = False

    @model_validator(mode="after")
    def _with_roles_of_its_own(self) -> Self:
        for role in filter(None, (self.role_arn, self.act_role_arn)):
            if f"::{self.id}:" not in role:
                raise ValueError(f"{role} is no role of account {self.id}; correct one of the two")
        return self


class SharedPart(Part):
    """Charges that belong to everybody, and how they are split."""

    tag: str
    value: str
    name: str | None = None
    split: Literal["even", "proportional", "fixed"] = "proportional"
    weights: dict[str, Amount] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _weighted(self) -> Self:
        if (self.split == "fixed") != bool(self.weights):
            raise ValueError("weights belong to `split: fixed`, which needs them; no other split has any")
        if self.weights and sum(self.weights.values()) <= 0:
            raise ValueError("the weights add up to nothing; give at least one team a part")
        return self


class SchedulePart(Part):
    """When a kind of job falls due."""

    name: Name
    job: Literal["digest", "detect", "sweep", "import", "estimate"]
    days: Annotated[
        tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...],
        BeforeValidator(listed),
        AfterValidator(once),
    ] = DAYS  # type: ignore[assignment] # the names above, as a tuple
    at: Annotated[str, AfterValidator(clock)]
    zone: Zone | None = None
    args: dict[str, Any] = Field(default_factory=dict)


class SourcePart(Part):
    """A place from which deliveries are read."""

    name: Name
    path: str = Field(min_length=1)
    kind: Format | None = None
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    role_arn: Role | None = None
    external_id: str | None = Field(default=None, min_length=2)
    counts: bool | None = None

    def source(self, token: str | None = None) -> Source:
        """What flows read of it.

        Args:
            token: what the environment has to show to OpenCost.
        """
        access = Access(self.role_arn, self.external_id, token)
        return Source(self.name, self.path, self.kind, self.currency, access, self.counts)


class RestatementPart(Part):
    """From when on the thread of a digest is told that its figures changed."""

    amount: Amount = Decimal(1)
    percent: Annotated[Amount, Field(le=100)] = Decimal(1)

    def threshold(self) -> Threshold:
        """What flows read of it."""
        return Threshold(self.amount, self.percent)


class LakePart(LakePlacePart):
    """Which engine counts the line items, and where they lie."""

    engine: Literal["duckdb", "spark", "postgresql", "bigquery", "clickhouse", "athena", "trino"] = "duckdb"
    address: str | None = None

    @property
    def chosen(self) -> Chosen:
        """The engine and its address.

        Raises:
            ValueError: they do not go together.
        """
        return Chosen(self.engine, self.address or "")

    @model_validator(mode="after")
    def _within_reach(self) -> Self:
        if self.chosen.name == "spark" and (self.url or "").startswith(BUCKET):
            raise ValueError("Spark's workers read the files themselves: url must be a folder that they see")
        return self


class AuditPart(Part):
    """Where the audit log's checkpoints are kept outside the database."""

    anchors: Annotated[Words, AfterValidator(remotes)] = ()


class HealthPart(Part):
    """What a runbook may ask to hold after each wave: a query, and what its answer must be."""

    query: str = Field(min_length=1)
    holds: Annotated[str, AfterValidator(comparison)]


class File(Part):
    """All of bursar.yaml."""

    mode: Literal["observe", "act"] = "observe"
    zone: Zone = "UTC"
    teams: dict[Name, TeamPart] = Field(default_factory=dict)
    people: dict[Person, str] = Field(default_factory=dict)
    finance: Finance | None = None
    oncall: Oncall | None = None
    approvers: dict[Name, ApproversPart] = Field(default_factory=dict)
    terminal_accounts: dict[str, Person] = Field(default_factory=dict)
    fallback_channel: Channel | None = None
    data_channel: Channel | None = None
    audit: AuditPart = AuditPart()
    accounts: Annotated[tuple[AccountPart, ...], BeforeValidator(listed)] = ()
    regions: Words = ("eu-central-1",)
    owner_tags: Words = ("team", "owner")
    tag_aliases: dict[str, str] = Field(default_factory=dict)
    promoted_tags: Words = ("team", "owner", "environment", "env")
    protected_tags: Words = ("bursar:protect", "do-not-stop")
    shared: Annotated[tuple[SharedPart, ...], BeforeValidator(listed)] = ()
    dollar_limit: Amount = Decimal(1000)
    wave_pause: int | None = Field(default=None, ge=0, le=86_400)
    health_queries: dict[HealthName, HealthPart] = Field(default_factory=dict)
    owner_warning: int | None = Field(default=None, ge=0, le=168)
    freezes: Annotated[tuple[FreezePart, ...], BeforeValidator(listed)] = ()
    business_hours: BusinessPart | None = None
    incidents: IncidentsPart = IncidentsPart()
    prometheus: PrometheusPart | None = None
    error_budgets: dict[Name, ErrorBudgetPart] = Field(default_factory=dict)
    caps: CapsPart = CapsPart()
    schedules: Annotated[tuple[SchedulePart, ...], BeforeValidator(listed)] = ()
    sources: Annotated[tuple[SourcePart, ...], BeforeValidator(listed)] = ()
    restatement: RestatementPart = RestatementPart()
    lake: LakePart = LakePart()
