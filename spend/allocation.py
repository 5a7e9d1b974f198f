"""Allocation: rules, as data, that say which team or shared pool a charge goes to.

The rules are tried in order and the first that matches wins. `evaluate` decides one charge;
`storage/allocate.py` compiles the same data to one CASE, and a property test holds them equal:

* a null never matches `is` or `in`, and is `absent`;
* tag keys and values are compared without letter case and without spaces around them,
  columns exactly;
* a tag key without a value is `present` and equals nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from typing import Literal, assert_never

from spend.charge import TAG, Charge, folded, has_tag, tag
from spend.claim import Predicate
from spend.money import split

#: The rule of charges that no rule took.
UNALLOCATED = "unallocated"
#: The method of an entry that went whole to one team; shares of a pool say `pool:NAME`.
DIRECT = "direct"
#: The columns that a condition may name.
COLUMNS = frozenset(item.name for item in fields(Charge)) - {"day", "tags", "effective_cost", "billed_cost"}

Operator = Literal["is", "in", "present", "absent"]
Split = Literal["even", "proportional", "fixed"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of a charge: a column in snake case or `tag:KEY`.

    Raises:
        ValueError: the column is not one that rules may ask for, or the number of values does
            not fit the operator.
    """

    column: str
    op: Operator
    values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.column.startswith(TAG) and self.column not in COLUMNS:
            raise ValueError(f"rules cannot ask for {self.column!r}; they know tag:KEY and {sorted(COLUMNS)}")
        fits = {"is": len(self.values) == 1, "in": bool(self.values)}.get(self.op, not self.values)
        if not fits:
            raise ValueError(f"{self.column} {self.op} does not go with {len(self.values)} values")

    @property
    def tag_key(self) -> str | None:
        """The key this condition asks for, or None when it asks for a column."""
        return self.column.removeprefix(TAG) if self.column.startswith(TAG) else None

    def holds(self, charge: Charge) -> bool:
        """Whether the charge passes."""
        if (key := self.tag_key) is None:
            have = getattr(charge, self.column)
            there, wanted = have is not None, self.values
        else:
            value = tag(charge.tags, key)
            have = None if value is None else folded(value)
            there, wanted = has_tag(charge.tags, key), tuple(map(folded, self.values))
        match self.op:
            case "is" | "in":
                return have is not None and have in wanted
            case "present":
                return there
            case "absent":
                return not there
        assert_never(self.op)


@dataclass(frozen=True, slots=True)
class Match:
    """All of its conditions.

    Raises:
        ValueError: there is none; a rule for everything must say so with a condition.
    """

    conditions: tuple[Condition, ...]

    def __post_init__(self) -> None:
        if not self.conditions:
            raise ValueError("a rule without conditions would take everything")

    def holds(self, charge: Charge) -> bool:
        """Whether every condition holds."""
        return all(condition.holds(charge) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class Pool:
    """A shared cost and how it is split (FOCUS 1.3 calls it AllocatedMethodId).

    Attributes:
        split: even, proportional to each team's direct cost of the same day, or fixed.
        weights: the parts of a fixed split, by team.

    Raises:
        ValueError: a fixed split has no weight above zero or one below it.
    """

    name: str
    split: Split
    weights: Mapping[str, Decimal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bad = any(weight < 0 for weight in self.weights.values()) or not any(self.weights.values())
        if self.split == "fixed" and bad:
            raise ValueError(f"the pool {self.name!r} needs weights of zero or more, and one above zero")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a charge goes: a team, the name of a pool, or neither (nobody owns it)."""

    rule: str
    team: str | None = None
    pool: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Charges that match go to one team or one pool.

    Raises:
        ValueError: it names both or neither.
    """

    name: str
    match: Match
    team: str | None = None
    pool: Pool | None = None

    def __post_init__(self) -> None:
        if (self.team is None) == (self.pool is None):
            raise ValueError(f"the rule {self.name!r} must name either a team or a pool")

    def judge(self, charge: Charge) -> Verdict | None:
        """The verdict, or None where the rule does not match."""
        if not self.match.holds(charge):
            return None
        return Verdict(self.name, self.team, self.pool.name if self.pool else None)


@dataclass(frozen=True, slots=True)
class TagRule:
    """Charges whose tag names a team go to it; a value that names none is passed on.

    Attributes:
        keys: tag keys in order; the first whose value names a team counts.
        aliases: every value that means a team, the teams' own names too, spelled by `folded`.
            `tag_rule` builds it.
    """

    name: str
    keys: tuple[str, ...]
    aliases: Mapping[str, str]

    def judge(self, charge: Charge) -> Verdict | None:
        """The verdict, or None where no tag names a team."""
        for key in self.keys:
            value = tag(charge.tags, key)
            if value is not None and (team := self.aliases.get(folded(value))):
                return Verdict(self.name, team)
        return None


@dataclass(frozen=True, slots=True)
class Ownership:
    """A claim in force: what the predicate matches, from a day up to (without) another.

    Attributes:
        name: the rule's name on entries, such as `claim:ID`.
    """

    name: str
    predicate: Predicate
    team: str
    valid_from: date
    valid_to: date | None = None

    def judge(self, charge: Charge) -> Verdict | None:
        """The verdict, or None where the claim does not reach this charge."""
        began = self.valid_from <= charge.day
        over = self.valid_to is not None and charge.day >= self.valid_to
        mine = self.predicate.matches(charge.sub_account_id, charge.service_name, charge.resource_id)
        return Verdict(self.name, self.team) if began and mine and not over else None


AnyRule = Rule | TagRule | Ownership


def tag_rule(
    name: str, keys: Sequence[str], teams: Iterable[str], aliases: Mapping[str, str] | None = None
) -> TagRule:
    """A tag rule that knows every team by its own name and by its aliases."""
    known = {folded(team): team for team in teams}
    return TagRule(name, tuple(keys), known | {folded(value): to for value, to in (aliases or {}).items()})


def in_order(claims: Iterable[Ownership], rules: Iterable[Rule | TagRule]) -> tuple[AnyRule, ...]:
    """The order in which rules are tried.

    A claim on one resource comes first. A broad claim (a service of an account) comes last:
    it may take what nobody owns, never what a tag or a rule gives to another team.
    """
    claims = tuple(claims)
    narrow = (claim for claim in claims if claim.predicate.resource is not None)
    broad = (claim for claim in claims if claim.predicate.resource is None)
    return (*narrow, *rules, *broad)


def evaluate(rules: Iterable[AnyRule], charge: Charge) -> Verdict:
    """Where this charge goes: the first rule that matches decides."""
    verdicts = (rule.judge(charge) for rule in rules)
    return next((verdict for verdict in verdicts if verdict is not None), Verdict(UNALLOCATED))


def pools(rules: Iterable[AnyRule]) -> dict[str, Pool]:
    """The pools that the rules name.

    Raises:
        ValueError: two different pools have the same name.
    """
    found: dict[str, Pool] = {}
    for rule in rules:
        if isinstance(rule, Rule) and rule.pool and found.setdefault(rule.pool.name, rule.pool) != rule.pool:
            raise ValueError(f"two pools are called {rule.pool.name!r}")
    return found


def share(pool: Pool, amount: Decimal, direct: Mapping[str, Decimal]) -> dict[str | None, Decimal]:
    """Split an amount of a pool; the parts add up to it exactly (`money.split`).

    Both bases of a pool are split with the same `direct`, so that a team's part is one part.

    Args:
        pool: how to split.
        amount: what to split, negative for a credit.
        direct: for every team that may carry a part, its direct effective cost of the same day.
            Negative costs are never weights; with nothing above zero the split is even.

    Returns:
        The part of each team; key None (unallocated) holds all of it when there is no team.
    """
    if pool.split == "fixed":
        return dict(split(amount, pool.weights).items())
    if not direct:
        return {None: amount}
    positive = {team: max(cost, Decimal(0)) for team, cost in direct.items()}
    if pool.split == "even" or not any(positive.values()):
        positive = dict.fromkeys(direct, Decimal(1))
    return dict(split(amount, positive).items())
