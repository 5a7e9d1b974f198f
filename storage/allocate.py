"""Allocation on the lake: the rules as one CASE and SUM in the engine, pools split exactly in Python."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from spend import canonical
from spend.allocation import (
    DIRECT,
    UNALLOCATED,
    AnyRule,
    Condition,
    Ownership,
    Pool,
    Rule,
    TagRule,
    pools,
    share,
)
from spend.charge import folded
from spend.claim import Predicate
from spend.ledger import Entry
from spend.money import EXACT, ZERO
from storage.charges import charges, function, raw_tags, tag, within
from storage.lake import Lake

#: ChargeCategory of a charge whose bill names none: counted, but never taken for usage.
NO_CATEGORY = "Unknown"


@dataclass(frozen=True, slots=True)
class Slice:
    """Charges that share a day, a place in the bill and a verdict, added up."""

    day: date
    source: str
    snapshot: str
    billing_account: str
    account: str | None
    service: str | None
    category: str
    charge_class: str | None
    currency: str
    rule: str
    team: str | None
    pool: str | None


def verdicts(table: Any, rules: Sequence[AnyRule]) -> Any:
    """The table with two more columns: `rule_at`, the number of the rule that took the charge (-1 for
    none), and `tag_team`, the team that its tag names where that rule is a tag rule.

    It holds for every charge what `spend.allocation.evaluate` says of it.
    """
    import ibis

    named = {at: _team_of(table, rule) for at, rule in enumerate(rules) if isinstance(rule, TagRule)}
    tests = [
        (named[at].notnull() if isinstance(rule, TagRule) else _test(table, rule), ibis.literal(at))
        for at, rule in enumerate(rules)
    ]
    rule_at = ibis.cases(*tests, else_=-1) if tests else ibis.literal(-1)
    table = table.mutate(rule_at=rule_at.cast("int64"), **{f"named_{at}": team for at, team in named.items()})
    choices = [(table.rule_at == at, table[f"named_{at}"]) for at in named]
    nobody = ibis.null("string")
    return table.mutate(tag_team=ibis.cases(*choices, else_=nobody) if choices else nobody)


def _test(table: Any, rule: Rule | Ownership) -> Any:
    import ibis

    if isinstance(rule, Ownership):
        tests = [*_takes(table, rule.predicate), table.charge_day >= ibis.literal(rule.valid_from)]
        if rule.valid_to is not None:
            tests.append(table.charge_day < ibis.literal(rule.valid_to))
    else:
        tests = [_condition(table, condition) for condition in rule.match.conditions]
    return ibis.and_(*tests)


def _takes(table: Any, predicate: Predicate) -> list[Any]:
    """The tests that a charge must pass for a claim to take it."""
    wanted = (
        (table.sub_account_id, predicate.account),
        (table.service_name, predicate.service),
        (table.resource_id, predicate.resource),
    )
    return [column == value for column, value in wanted if value is not None]


def _condition(table: Any, condition: Condition) -> Any:
    key = condition.tag_key
    if condition.op in {"is", "in"}:
        if key is None:
            return table[condition.column].isin(list(condition.values))
        return _folded(table, key).isin([folded(value) for value in condition.values])
    there = (
        table[condition.column].notnull()
        if key is None
        else function("tag_there", bool)(raw_tags(table, key), folded(key))
    )
    return there if condition.op == "present" else ~there


def _folded(table: Any, key: str) -> Any:
    return function("trim", str)(tag(table, key), " ").lower()


def _team_of(table: Any, rule: TagRule) -> Any:
    import ibis

    if not rule.keys or not rule.aliases:
        return ibis.null("string")
    return ibis.coalesce(
        *(
            ibis.cases(
                *((_folded(table, key) == value, team) for value, team in rule.aliases.items()), else_=None
            )
            for key in rule.keys
        )
    )


def slices(
    lake: Lake,
    snapshots: Sequence[str],
    rules: Sequence[AnyRule],
    *,
    start: date | None = None,
    end: date | None = None,
) -> dict[Slice, tuple[Decimal, Decimal]]:
    """The charges of these snapshots by verdict: sums of effective and billed cost."""
    with charges(lake, snapshots) as bill:
        judged = verdicts(within(bill.table, start, end), rules)
        keys = {
            "day": judged.charge_day,
            "source": judged.source,
            "snapshot": judged.snapshot,
            "billing_account": judged.billing_account_id,
            "account": judged.sub_account_id,
            "service": judged.service_name,
            "category": judged.charge_category.fill_null(NO_CATEGORY),
            "charge_class": judged.charge_class,
            "currency": judged.billing_currency,
            "number": judged.rule_at,
            "named": judged.tag_team,
        }
        grouped = judged.group_by(**keys).aggregate(
            effective=judged.effective_cost.sum(), billed=judged.billed_cost.sum()
        )
        rows = bill.fetch(grouped.order_by(list(keys)))
    found: dict[Slice, tuple[Decimal, Decimal]] = {}
    for row in rows:
        effective, billed = row.pop("effective"), row.pop("billed")
        rule, team, pool = verdict_of(rules, row.pop("number"), row.pop("named"))
        place = Slice(**row, rule=rule, team=team, pool=pool)
        had = found.get(place, (ZERO, ZERO))
        found[place] = (EXACT.add(had[0], effective), EXACT.add(had[1], billed))
    return found


def verdict_of(
    rules: Sequence[AnyRule], number: int, named: str | None
) -> tuple[str, str | None, str | None]:
    """The rule, team and pool that `verdicts` told by number and name."""
    if number < 0:
        return UNALLOCATED, None, None
    rule = rules[number]
    if isinstance(rule, Rule) and rule.pool is not None:
        return rule.name, None, rule.pool.name
    return rule.name, named if isinstance(rule, TagRule) else rule.team, None


def allocate(
    lake: Lake,
    snapshots: Sequence[str],
    rules: Sequence[AnyRule],
    *,
    teams: Iterable[str] = (),
    start: date | None = None,
    end: date | None = None,
) -> list[Entry]:
    """The ledger of these snapshots: per currency and basis it adds up exactly to their bill.

    Pools are shared by the teams' direct effective cost of the same day and currency over all the
    snapshots given, so give all that a day's direct costs stand in.

    Args:
        rules: in the order of `spend.allocation.in_order`.
        teams: who may carry a part of a pool, besides those with direct costs on the day.

    Raises:
        ValueError: two different pools have the same name.
    """
    known = pools(rules)
    found = slices(lake, snapshots, rules, start=start, end=end)
    direct = _direct(found, tuple(teams))
    entries: list[Entry] = []
    for place, (effective, billed) in found.items():
        if place.pool is None:
            entries.append(_entry(place, place.team, DIRECT, effective, billed))
        else:
            carriers = direct[place.day, place.currency]
            entries += _shares(place, known[place.pool], effective, billed, carriers)
    return entries


def _direct(
    found: Mapping[Slice, tuple[Decimal, Decimal]], teams: Sequence[str]
) -> dict[tuple[date, str], dict[str, Decimal]]:
    """Each team's direct effective cost by day and currency."""
    direct: dict[tuple[date, str], dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(teams, ZERO))
    for place, (effective, _) in found.items():
        if place.team is not None:
            mine = direct[place.day, place.currency]
            mine[place.team] = EXACT.add(mine.get(place.team, ZERO), effective)
    return direct


def _shares(
    place: Slice, pool: Pool, effective: Decimal, billed: Decimal, carriers: Mapping[str, Decimal]
) -> list[Entry]:
    used, owed = share(pool, effective, carriers), share(pool, billed, carriers)
    return [
        _entry(place, team, f"pool:{pool.name}", used[team], owed[team])
        for team in sorted(used, key=lambda team: team or "")
        if used[team] or owed[team]
    ]


def _entry(place: Slice, team: str | None, method: str, effective: Decimal, billed: Decimal) -> Entry:
    origin = canonical.digest(place)[:32]
    return Entry(
        id=canonical.digest([origin, team, method])[:32],
        day=place.day,
        source=place.source,
        billing_account=place.billing_account,
        account=place.account,
        service=place.service,
        category=place.category,
        charge_class=place.charge_class,
        rule=place.rule,
        team=team,
        currency=place.currency,
        effective=effective,
        billed=billed,
        method=method,
        origin=origin,
        snapshot=place.snapshot,
    )
