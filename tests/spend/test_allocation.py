"""Rules are tried in order, nulls match nothing, and pools add up."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spend.allocation import (
    UNALLOCATED,
    AnyRule,
    Condition,
    Match,
    Operator,
    Ownership,
    Pool,
    Rule,
    Verdict,
    evaluate,
    in_order,
    pools,
    share,
    tag_rule,
)
from spend.claim import Predicate
from spend.money import total
from spend.period import DAY
from tests.spend.samples import START, amounts, charge, teams

TAGS = tag_rule("tag", ("team", "owner"), ["checkout", "search"], {"web": "checkout", "Discovery": "search"})
SHARED = Pool("cluster", "even")


def named(name: str, team: str, column: str = "service_name", value: str = "Amazon EC2") -> Rule:
    return Rule(name, Match((Condition(column, "is", (value,)),)), team)


rules = st.builds(
    named, st.text("abc", min_size=1, max_size=3), teams, value=st.sampled_from(["Amazon EC2", "Amazon S3"])
)


@given(st.lists(rules, max_size=5), st.sampled_from(["Amazon EC2", "Amazon S3", None]))
def test_the_first_rule_that_matches_decides(book: list[Rule], service: str | None) -> None:
    it = charge(service_name=service)
    verdict = evaluate(book, it)
    matching = [rule for rule in book if rule.match.holds(it)]
    if matching:
        assert (verdict.rule, verdict.team) == (matching[0].name, matching[0].team)
    else:
        assert verdict == Verdict(UNALLOCATED)


@given(st.lists(rules, max_size=4), rules)
def test_a_rule_at_the_end_changes_only_what_nobody_had(book: list[Rule], last: Rule) -> None:
    before, after = evaluate(book, charge()), evaluate([*book, last], charge())
    assert after == before or before == Verdict(UNALLOCATED)


@pytest.mark.parametrize(
    ("op", "values", "holds"),
    [("is", ("x",), False), ("in", ("x", "y"), False), ("present", (), False), ("absent", (), True)],
)
@pytest.mark.parametrize("column", ["resource_id", "tag:team"])
def test_a_null_matches_nothing_but_absent(
    column: str, op: Operator, values: tuple[str, ...], holds: bool
) -> None:
    assert Condition(column, op, values).holds(charge()) is holds


@pytest.mark.parametrize(
    ("op", "values", "holds"),
    [("is", ("",), False), ("in", ("true",), False), ("present", (), True), ("absent", (), False)],
)
def test_a_tag_without_a_value_is_present_and_equals_nothing(
    op: Operator, values: tuple[str, ...], holds: bool
) -> None:
    assert Condition("tag:spot", op, values).holds(charge(tags={"Spot": None})) is holds


def test_tags_are_compared_without_letter_case_and_columns_exactly() -> None:
    it = charge(tags={"Team": " Search"}, resource_id="i-ABC")
    assert Condition("tag:TEAM", "is", ("SEARCH",)).holds(it)
    assert Condition("resource_id", "in", ("i-x", "i-ABC")).holds(it)
    assert not Condition("resource_id", "is", ("i-abc",)).holds(it)


@pytest.mark.parametrize(
    ("column", "op", "values"),
    [
        ("no_such_column", "is", ("x",)),
        ("effective_cost", "is", ("1",)),
        ("service_name", "is", ()),
        ("service_name", "is", ("a", "b")),
        ("service_name", "in", ()),
        ("tag:team", "present", ("x",)),
    ],
)
def test_a_condition_that_means_nothing_is_refused(
    column: str, op: Operator, values: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match=column):
        Condition(column, op, values)


def test_a_rule_without_conditions_or_without_one_target_is_refused() -> None:
    with pytest.raises(ValueError, match="everything"):
        Match(())
    for team, pool in [(None, None), ("search", SHARED)]:
        with pytest.raises(ValueError, match="either a team or a pool"):
            Rule("both", Match((Condition("tag:x", "present"),)), team, pool)


@pytest.mark.parametrize(
    ("tags", "team"),
    [
        ({"team": "checkout"}, "checkout"),
        ({"Team": "WEB"}, "checkout"),
        ({"team": "gone", "owner": "discovery"}, "search"),
        ({"team": "gone"}, None),
        ({"team": None}, None),
        ({}, None),
    ],
)
def test_a_tag_names_a_team_by_its_name_or_an_alias(tags: dict[str, str | None], team: str | None) -> None:
    assert evaluate([TAGS], charge(tags=tags)).team == team


@pytest.mark.parametrize(("offset", "team"), [(-1, None), (0, "search"), (9, "search"), (10, None)])
def test_a_claim_holds_from_its_first_day_until_it_is_released(offset: int, team: str | None) -> None:
    claim = Ownership("claim:1", Predicate(None, "Amazon EC2"), "search", START, START + 10 * DAY)
    assert evaluate([claim], charge(day=START + offset * DAY)).team == team


def test_a_broad_claim_never_takes_what_a_tag_gives_to_another_team() -> None:
    broad = Ownership("claim:1", Predicate("222222222222", "Amazon EC2"), "search", START)
    narrow = Ownership("claim:2", Predicate(None, None, "i-1"), "search", START)
    book = in_order([broad, narrow], [TAGS])
    tagged = {"team": "checkout"}
    assert evaluate(book, charge(tags=tagged)) == Verdict("tag", "checkout")
    assert evaluate(book, charge()) == Verdict("claim:1", "search")
    assert evaluate(book, charge(tags=tagged, resource_id="i-1")) == Verdict("claim:2", "search")


def test_a_shared_charge_goes_to_its_pool() -> None:
    shared = Rule("shared", Match((Condition("tag:shared", "is", ("true",)),)), pool=SHARED)
    book: list[AnyRule] = [shared, TAGS]
    it = charge(tags={"shared": "True", "team": "search"})
    assert evaluate(book, it) == Verdict("shared", None, "cluster")
    assert pools(book) == {"cluster": SHARED}


def test_two_pools_of_one_name_are_refused() -> None:
    match = Match((Condition("tag:shared", "present"),))
    with pytest.raises(ValueError, match="two pools"):
        pools([Rule("a", match, pool=SHARED), Rule("b", match, pool=Pool("cluster", "proportional"))])


splits = st.one_of(
    st.builds(Pool, st.just("p"), st.sampled_from(["even", "proportional"])),
    st.just(Pool("p", "fixed", {"checkout": Decimal("0.7"), "search": Decimal("0.3")})),
)


@given(splits, amounts, st.dictionaries(teams, amounts))
def test_the_parts_of_a_pool_add_up_to_it_exactly(
    pool: Pool, amount: Decimal, direct: dict[str, Decimal]
) -> None:
    assert total(share(pool, amount, direct).values()) == amount


def test_a_proportional_split_follows_the_direct_cost() -> None:
    direct = {"checkout": Decimal(30), "search": Decimal(10), "data": Decimal(-5)}
    parts = share(Pool("p", "proportional"), Decimal(8), direct)
    assert parts == {"checkout": 6, "search": 2, "data": 0}


@pytest.mark.parametrize("base", [Decimal(0), Decimal(-3)], ids=["zero", "negative"])
def test_a_proportional_split_without_a_base_is_even(base: Decimal) -> None:
    assert share(Pool("p", "proportional"), Decimal(8), {"a": base, "b": base}) == {"a": 4, "b": 4}


def test_a_pool_that_nobody_may_carry_stays_unallocated() -> None:
    assert share(SHARED, Decimal(8), {}) == {None: Decimal(8)}


@pytest.mark.parametrize("weights", [{}, {"a": Decimal(0)}, {"a": Decimal(-1), "b": Decimal(2)}])
def test_a_fixed_split_needs_weights(weights: dict[str, Decimal]) -> None:
    with pytest.raises(ValueError, match="needs weights"):
        Pool("p", "fixed", weights)


def test_a_claim_that_was_not_released_holds_for_good() -> None:
    claim = Ownership("claim:1", Predicate(None, "Amazon EC2"), "search", START)
    assert evaluate([claim], charge(day=date(2036, 1, 1))).team == "search"
