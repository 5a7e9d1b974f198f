"""A change of cost is explained by few cells, and causes and rest add up to the cent."""

import random
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spend.money import cents, total
from spend.rootcause import Leaf, explain
from tests.spend.samples import amounts

DIMENSIONS = ("service", "account", "region")
LEAVES = list(product(["EC2", "S3", "Lambda"], ["dev", "prod"], ["eu", "us"]))


def usual(seed: int = 1) -> dict[Leaf, Decimal]:
    rng = random.Random(seed)
    return {leaf: Decimal(rng.randint(500, 5000)) / 100 for leaf in LEAVES}


def raised(where: dict[str, str], factor: int) -> dict[Leaf, Decimal]:
    def hit(leaf: Leaf) -> bool:
        return all(dict(zip(DIMENSIONS, leaf, strict=True))[name] == value for name, value in where.items())

    return {leaf: amount * (factor if hit(leaf) else 1) for leaf, amount in usual().items()}


@pytest.mark.parametrize(
    "where",
    [
        {"service": "Lambda"},
        {"account": "dev", "region": "us"},
        {"service": "S3", "account": "prod", "region": "eu"},
    ],
    ids=["one", "two", "three"],
)
def test_a_cell_of_up_to_three_dimensions_is_found(where: dict[str, str]) -> None:
    found = explain(raised(where, 6), usual(), DIMENSIONS)
    assert [cause.where for cause in found.causes] == [where]
    assert found.rest == 0


def test_two_causes_are_told_apart_the_larger_first() -> None:
    now = raised({"service": "Lambda"}, 9)
    now = {leaf: amount * (3 if leaf[:2] == ("S3", "dev") else 1) for leaf, amount in now.items()}
    found = explain(now, usual(), DIMENSIONS)
    assert [cause.where for cause in found.causes] == [
        {"service": "Lambda"},
        {"service": "S3", "account": "dev"},
    ]


def test_something_new_is_a_cause() -> None:
    now = usual() | {("Bedrock", "dev", "us"): Decimal(800)}
    found = explain(now, usual(), DIMENSIONS)
    assert found.causes[0].where == {"service": "Bedrock"}
    assert found.causes[0].delta == found.total == 800


def test_something_that_went_away_is_a_cause() -> None:
    gone = {leaf: amount for leaf, amount in usual().items() if leaf[0] != "EC2"}
    found = explain(gone, usual(), DIMENSIONS)
    assert found.causes[0].where == {"service": "EC2"}
    assert found.causes[0].delta < 0


def test_no_change_has_no_cause() -> None:
    assert explain(usual(), usual(), DIMENSIONS).causes == ()
    assert explain({}, {}, DIMENSIONS).total == 0


def test_at_most_the_asked_number_of_causes_is_given() -> None:
    now = {leaf: amount * (n + 1) for n, (leaf, amount) in enumerate(usual().items())}
    assert len(explain(now, usual(), DIMENSIONS, limit=1).causes) == 1


books = st.dictionaries(st.sampled_from(LEAVES), amounts, max_size=12)


@given(books, books)
def test_causes_and_rest_add_up_to_the_change_to_the_cent(
    now: dict[Leaf, Decimal], then: dict[Leaf, Decimal]
) -> None:
    found = explain(now, then, DIMENSIONS)
    assert found.total == cents(total(now.values()) - total(then.values()))
    assert total(cause.delta for cause in found.causes) + found.rest == found.total


@given(books, books)
def test_the_order_of_the_leaves_changes_nothing(now: dict[Leaf, Decimal], then: dict[Leaf, Decimal]) -> None:
    turned = explain(dict(reversed(now.items())), dict(reversed(then.items())), DIMENSIONS)
    assert turned == explain(now, then, DIMENSIONS)
